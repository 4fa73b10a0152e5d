//! A user has as many calls as it may, both ways together.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Dialing};

use super::ear::assert_mostly_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// The status and the Reason that a call is refused with.
async fn refusal(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_no_more_calls_than_it_may_have_and_the_one_that_is_up_goes_on() {
    let rule = "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
    let config =
        GatewayConfig::default().sip("calls_per_user = 7").user_lines("alice", "calls_max = 1").rule(rule);
    let stage = Stage::with(&["PCMU"], config);
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    alice.register().await.expect("the password is right");
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_eq!(refusal(alice.dial("9101").await).await, Some(503), "a second call of hers");
    assert_eq!(refusal(office.dial("alice").await).await, Some(486), "a call to her");
    call.heard_packets(150, PATIENCE).await.expect("audio");
    lifted.heard_packets(150, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    let told = |what: &str| stage.gateway.log().count(&[what]);
    assert_eq!(
        [told("call refused: the user has as many"), told("not called: the user has as many")],
        [1, 1]
    );
    call.hang_up().await.expect("confirmed");
    // Her place is free again.
    let (call, _lifted) = talk_from_webrtc(&alice, &carrier).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(3);
}
