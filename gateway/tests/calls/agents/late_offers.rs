//! Calls whose caller leaves the offer to the other end (RFC 3261 13.2.1), with WebRTC at either end.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Voice, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, lift_webrtc, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// Each end has a description of ours of its own kind, both hear each other, and the call ends.
async fn assert_talk_and_end(stage: Stage, call: Call, lifted: Call, is_of_page: bool) {
    for (end, has_keys) in [(&call, is_of_page), (&lifted, !is_of_page)] {
        let ours = end.remote_description().expect("we describe ourselves").text;
        assert_eq!(ours.contains("a=fingerprint:"), has_keys, "{ours}");
        end.media_ready(PATIENCE).await.expect("a path");
    }
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_leaves_the_offer_to_a_user_is_offered_audio_in_the_answer() {
    let rule = "destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().rule(rule));
    let voice = Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0));
    let alice = webrtc(WebrtcConfig { voice, ..stage.alice() }).await;
    alice.register().await.expect("the password is right");
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let (dialling, lifted) = tokio::join!(office.dial_without_offer("alice"), lift_webrtc(&alice));
    let call = dialling.expect("a user").answered(PATIENCE).await.expect("an answer");
    assert_talk_and_end(stage, call, lifted, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_leaves_the_offer_to_a_trunk_is_offered_webrtc_in_the_answer() {
    let stage = Stage::new(&["PCMU"]);
    let (alice, carrier) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (dialling, lifted) = tokio::join!(alice.dial_without_offer("9100"), lift(&carrier));
    let call = dialling.expect("a number").answered(PATIENCE).await.expect("an answer");
    assert_talk_and_end(stage, call, lifted, true).await;
}
