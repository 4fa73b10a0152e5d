//! Descriptions that come late, not at all, or name nothing that we speak.

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::stage::Stage;
use crate::support::gateway::GatewayConfig;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// Both speak to these ports of the gateway's, and hear each other.
fn assert_talk(
    stage: &Stage,
    (ear, caller_port): (&mut RtpPeer, u16),
    (mouth, callee_port): (&mut RtpPeer, u16),
) {
    ear.say(stage.rtp(caller_port), Law::Mu, CALLER_HZ);
    mouth.say(stage.rtp(callee_port), Law::Mu, CALLEE_HZ);
    mouth.assert_hears(Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, CALLEE_HZ);
}

#[test]
fn a_late_offer_ends_in_a_call_that_both_hear() {
    let Some(stage) = Stage::new() else { return };
    let mut ear = RtpPeer::new(&stage.caller, 7000);
    let mut mouth = RtpPeer::new(&stage.callee, 7000);
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_late_offer", "9100", &[]);
    let callee_port = callee.wait_for("INVITE").audio_port().expect("we offer");
    assert_eq!(caller.wait_for("180").audio_port(), None, "an offer may not come unreliably");
    let caller_port = caller.wait_for("200").audio_port().expect("our offer");
    assert_talk(&stage, (&mut ear, caller_port), (&mut mouth, callee_port));
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// Fails when `calling.rs` makes the offer itself, as it does for trunks of which nothing is said.
#[test]
fn an_offer_that_the_caller_leaves_to_the_trunk_is_answered_in_the_ack_and_both_hear() {
    let config = GatewayConfig::default();
    let Some(stage) = Stage::with_carrier(&["PCMU"], config, "late_offer = true") else { return };
    let mut ear = RtpPeer::new(&stage.caller, 7000);
    let mut mouth = RtpPeer::new(&stage.callee, 7000);
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_late_offer", "9100", &[]);
    assert_eq!(callee.wait_for("INVITE").audio_port(), None, "the offer is the trunk's");
    let callee_port = callee.wait_for("ACK").audio_port().expect("our answer");
    let caller_port = caller.wait_for("200").audio_port().expect("our offer");
    assert_talk(&stage, (&mut ear, caller_port), (&mut mouth, callee_port));
    caller.go_on();
    caller.finish();
    callee.finish();
    // Who makes an offer gets an answer, there too.
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "9100", &[]);
    assert!(callee.wait_for("INVITE").audio_port().is_some());
    caller.wait_for("200");
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(2);
}

/// The carrier offers what nobody here can decode: it gets an ACK without an answer, and BYE, and the caller is told.
#[test]
fn a_late_offer_of_a_trunk_without_a_common_codec_ends_the_call() {
    let config = GatewayConfig::default();
    let Some(stage) = Stage::with_carrier(&["PCMU"], config, "late_offer = true") else { return };
    let callee = stage.answer("callee_answers_badly", &[("BODY", "@include sdp.txt@"), ("FORMATS", "18")]);
    let caller = stage.call("caller_late_offer_refused", "9100", &[("STATUS", "488")]);
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn a_late_offer_that_is_not_answered_ends_the_call() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    stage.call("caller_ignores_late_offer", "9100", &[]).finish();
    callee.wait_for("BYE");
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn a_late_offer_in_a_call_is_ours_as_before_and_both_hear_each_other_on() {
    let Some(stage) = Stage::new() else { return };
    let mut ear = RtpPeer::new(&stage.caller, 7000);
    let mut mouth = RtpPeer::new(&stage.callee, 7000);
    let callee = stage.answer("callee_asks_for_offer", &[]);
    let caller = stage.call("caller_talks", "9100", &[]);
    let callee_port = callee.wait_for("INVITE").audio_port().expect("we offer");
    let caller_port = caller.wait_for("200").audio_port().expect("our answer");
    assert_talk(&stage, (&mut ear, caller_port), (&mut mouth, callee_port));
    callee.go_on_with(&[("X-Number", "5")]);
    callee.wait_for_sent("ACK");
    let offered = callee.received("200").pop().expect("it is answered");
    assert_eq!(offered.audio_port(), Some(callee_port), "{offered:?}");
    assert!(offered.has_line("a=sendrecv"), "{offered:?}");
    ear.await_tone(Law::Mu, CALLEE_HZ);
    mouth.await_tone(Law::Mu, CALLER_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// What nobody here can decode is refused before anybody's phone rings.
#[test]
fn an_offer_without_a_common_codec_rings_nowhere() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_refused", "9100", &[("STATUS", "488"), ("FORMATS", "18")]);
    let seen = caller.finish();
    assert!(!seen.iter().any(|seen| seen.is("180")), "it rang");
    let refused = seen.iter().find(|seen| seen.is("488")).expect("it was refused");
    assert_eq!(refused.header("Warning"), Some("305 webtrunk \"Incompatible media format\""));
    stage.gateway.assert_all_is_over(1);
    assert!(callee.seen().is_empty(), "the callee was called");
}

/// The callee lifts and names a codec that was not offered: it is hung up, the caller is told.
#[test]
fn an_answer_without_a_common_codec() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_answers_badly", &[("BODY", "@include sdp.txt@"), ("FORMATS", "18")]);
    let caller = stage.call("caller_refused", "9100", &[("STATUS", "488")]);
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn an_answer_without_a_description() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_answers_badly", &[("BODY", "Content-Length: 0\n")]);
    let caller = stage.call("caller_refused", "9100", &[("STATUS", "488")]);
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn an_answer_that_is_no_description() {
    let Some(stage) = Stage::new() else { return };
    let body = "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\nnonsense\n";
    let callee = stage.answer("callee_answers_badly", &[("BODY", body)]);
    let caller = stage.call("caller_refused", "9100", &[("STATUS", "488")]);
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}
