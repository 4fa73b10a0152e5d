//! Callers and callees whose candidates come after their descriptions, by INFO (RFC 8840).

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, webrtc};
use crate::support::gateway::PATIENCE;

const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Alice calls the carrier, and has told no candidate yet; gives both ends.
async fn call_without_candidates(stage: &Stage, is_lite: bool) -> (Call, Call) {
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(WebrtcConfig { is_lite, trickles: true, ..stage.alice() }).await;
    let (dialling, lifted) = tokio::join!(alice.dial("9100"), lift(&carrier));
    let call = dialling.expect("a number").answered(PATIENCE).await.expect("an answer");
    let answer = call.remote_description().expect("a description").text;
    for line in ["a=ice-options:trickle\r\n", "a=end-of-candidates\r\n", "a=candidate:"] {
        assert!(answer.contains(line), "half trickle:\n{answer}");
    }
    (call, lifted)
}

async fn assert_both_hear(stage: Stage, call: Call, lifted: Call) {
    call.media_ready(CONNECT_MAX).await.expect("a path");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_checks_may_tell_its_candidates_later() {
    let stage = Stage::new(&["PCMU"]);
    let (call, lifted) = call_without_candidates(&stage, false).await;
    call.trickle().await.expect("they are taken");
    assert_both_hear(stage, call, lifted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_caller_is_found_when_it_tells_its_candidates() {
    let stage = Stage::new(&["PCMU"]);
    let (call, lifted) = call_without_candidates(&stage, true).await;
    call.media_ready(Duration::from_secs(2)).await.expect_err("nobody knows where it is");
    let fragment = call.fragment().await.expect("it has ICE");
    for (wrong, reason) in [
        (fragment.replace("a=ice-pwd:", "a=ice-pwd:x"), "ice-ufrag or ice-pwd are not those"),
        (fragment.replace("a=mid:0", "a=mid:1"), "no section whose mid is in the description"),
        (fragment.replace("a=ice-ufrag:", "a=ufrag:"), "needs an ice-ufrag and an ice-pwd"),
    ] {
        match call.trickle_fragment(wrong).await {
            Err(AgentError::Refused { status: 400, reason: told, .. }) => {
                assert!(told.contains(reason), "{told}");
            }
            other => panic!("{other:?}"),
        }
    }
    call.trickle_fragment(fragment.replace(" udp ", " sctp "))
        .await
        .expect("what is not known is passed over");
    let hidden =
        fragment.replace(&stage.gateway.sip().ip().to_string(), "1f4712db-ea17-4bcf-a596-105139dfd8bf.local");
    call.trickle_fragment(hidden).await.expect("names are passed over");
    call.media_ready(Duration::from_secs(1)).await.expect_err("nobody knows where it is yet");
    call.trickle().await.expect("they are taken");
    assert_both_hear(stage, call, lifted).await;
}

/// Alice calls bob, who answers without a candidate, and is found by the one that he tells.
async fn call_to_who_trickles(is_lite: bool) {
    let stage = Stage::with_bob(&["PCMU"]);
    let bob = webrtc(WebrtcConfig { is_lite, trickles: true, ..stage.bob() }).await;
    bob.register().await.expect("the password is right");
    let alice = webrtc(stage.alice()).await;
    let (dialling, incoming) = tokio::join!(alice.dial("bob"), bob.next_incoming());
    let incoming = incoming.expect("a call");
    for line in ["Recv-Info: trickle-ice\r\n", "a=ice-options:trickle\r\n", "a=end-of-candidates\r\n"] {
        assert!(incoming.invite.contains(line), "half trickle:\n{}", incoming.invite);
    }
    let answered = dialling.expect("a name").answered(PATIENCE);
    let (call, lifted) = tokio::join!(answered, incoming.answer());
    let (call, lifted) = (call.expect("an answer"), lifted.expect("a codec in common"));
    call.media_ready(CONNECT_MAX).await.expect("a path");
    if is_lite {
        lifted.media_ready(Duration::from_secs(2)).await.expect_err("nobody knows where bob is");
    }
    lifted.trickle().await.expect("they are taken");
    lifted.media_ready(CONNECT_MAX).await.expect("a path");
    assert_both_hear(stage, call, lifted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_checks_may_tell_its_candidates_later() {
    call_to_who_trickles(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_callee_is_found_when_it_tells_its_candidates() {
    call_to_who_trickles(true).await;
}
