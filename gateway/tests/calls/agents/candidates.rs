//! From where a WebRTC caller's checks are answered, by configuration.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::WebrtcConfig;

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::GatewayConfig;
use crate::support::host::Host;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_whose_network_is_not_let_in_gets_no_media() {
    let (inside, outside) = (Host::new(), Host::new());
    let lists = format!("checks_allow = [\"127.0.0.0/8\"]\nchecks_deny = [\"{}\"]", outside.ip());
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media(&lists));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let at = |host: &Host| WebrtcConfig { media_address: Some(host.ip()), ..stage.alice() };

    let alice = webrtc(at(&outside)).await;
    let (call, lifted) = tokio::join!(alice.dial("9100"), lift(&carrier));
    let call = call.expect("a number").answered(Duration::from_secs(10)).await.expect("an answer");
    call.media_ready(Duration::from_secs(3)).await.expect_err("no check is answered");
    assert!(call.heard().await.expect("a log").packets.is_empty());
    call.hang_up().await.expect("confirmed");
    drop(lifted);

    let alice = webrtc(at(&inside)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}
