//! Somebody between caller and gateway who changes the certificate, but not the description.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{CallEnd, WebrtcConfig};

use super::stage::{Stage, lift, phone, webrtc};
use crate::support::gateway::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_than_announced_ends_the_call_unheard() {
    let stage = Stage::new(&["PCMU"]);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    for insists_on_dtls_client in [false, true] {
        let config = WebrtcConfig { is_impostor: true, insists_on_dtls_client, ..stage.alice() };
        let alice = webrtc(config).await;
        let dialing = alice.dial("9100").await.expect("a number");
        let (call, lifted) = tokio::join!(dialing.answered(PATIENCE), lift(&callee));
        let call = call.expect("an answer");
        let reason = Some("SIP;cause=488;text=\"Media failed\"".to_owned());
        for end in [&call, &lifted] {
            let ended = end.ended(PATIENCE).await.expect("an end");
            assert_eq!(ended, CallEnd::ByPeer { reason: reason.clone() });
            assert_eq!(end.heard().await.expect("a log").packets, [], "heard");
        }
    }
    let told = ["certificate does not match the fingerprint in the description"];
    assert!(stage.gateway.log().count(&told) >= 2, "the log does not say why");
    stage.gateway.assert_all_is_over(2);
}
