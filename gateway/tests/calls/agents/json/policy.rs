//! What is said of a customer holds for its users by SIP and as pages.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, WebrtcConfig};

use super::page::{assert_page_hears, assert_phone_hears, call, connect, connected, hang_up, media, pages};
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};

/// A stage with two users of the customer acme, of which this is said.
fn acme(policy: &str) -> GatewayConfig {
    pages(&format!("[[customers]]\nname = \"acme\"\n{policy}")).user("acme+alice").user("acme+bob")
}

/// What a user's WebRTC caller is like.
fn caller(stage: &Stage, user: &str) -> WebrtcConfig {
    WebrtcConfig { credentials: Credentials::new(user, &password(user)), ..stage.alice() }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_customers_users_go_out_by_its_own_trunk_by_sip_and_as_pages() {
    // The stage's rule for 9... names the carrier.
    let stage = Stage::with(&["PCMU"], acme("trunks = [\"office\"]"));
    let (office, carrier) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(caller(&stage, "acme+alice")).await;
    let (by_sip, lifted) = talk_from_webrtc(&alice, &office).await;
    assert_hears(&by_sip, CALLER_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    by_sip.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");

    let (mut page, _) = connect(&stage.gateway, "acme+bob").await;
    let placed = call(&mut page, media(&stage, CALLEE_HZ), "9100").await;
    let lifted = lift(&office).await;
    connected(&mut page, &placed).await;
    assert_page_hears(&placed.media, CALLER_HZ).await;
    assert_phone_hears(&lifted, CALLEE_HZ).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");

    // Others go where the rule says, and so does the customer's trunk itself.
    let other = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&other, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let (call, lifted) = tokio::join!(office.call("9100"), lift(&carrier));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    for (from, trunk) in [("acme+alice", "office"), ("alice", "carrier")] {
        let told = stage.gateway.explain(&["--from", from, "--to", "9100"]);
        assert_eq!(told["destinations"][0]["trunk"], trunk, "{told}");
    }

    // A reload takes it up.
    stage.gateway.reload(|text| text.replace("trunks = [\"office\"]\n", ""));
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    stage.gateway.assert_all_is_over(5);
}
