//! Media before the answer: the caller hears what the callee plays while nobody has lifted.

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use super::stage::Stage;

const ANNOUNCEMENT_HZ: f64 = 620.0;
const CALLEE_HZ: f64 = 440.0;
const CALLER_HZ: f64 = 850.0;

/// A call that is not answered yet, with both phones and what the caller hears with.
fn early(stage: &Stage, scenario: &str, caller: (&str, &[(&str, &str)])) -> (Sipp, Sipp, RtpPeer, RtpPeer) {
    let callee = stage.answer(scenario, &[("ANSWER", "486 Busy Here"), ("OTHER_RTP_PORT", "7100")]);
    let ear = RtpPeer::new(&stage.caller, 7000);
    let mut mouth = RtpPeer::new(&stage.callee, 7000);
    let caller = stage.call(caller.0, "9100", caller.1);
    let port = callee.wait_for("INVITE").audio_port().expect("we offer");
    mouth.say(stage.rtp(port), Law::Mu, ANNOUNCEMENT_HZ);
    let progress = caller.wait_for("183");
    assert!(progress.audio_port().is_some(), "the early answer: {progress:?}");
    ear.assert_hears(Law::Mu, ANNOUNCEMENT_HZ);
    assert!(caller.received("200").is_empty(), "nobody has answered");
    (caller, callee, ear, mouth)
}

#[test]
fn is_heard_before_the_answer_and_both_are_after_it() {
    let Some(stage) = Stage::new() else { return };
    let (caller, callee, mut ear, mouth) = early(&stage, "callee_early", ("caller_talks", &[]));
    callee.go_on();
    let answer = caller.wait_for("200");
    assert_eq!(answer.audio_port(), caller.wait_for("183").audio_port(), "the answer repeats the early one");
    ear.say(stage.rtp(answer.audio_port().expect("an answer")), Law::Mu, CALLER_HZ);
    mouth.assert_hears(Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, ANNOUNCEMENT_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn ends_with_a_refusal() {
    let Some(stage) = Stage::new() else { return };
    let caller: (_, &[_]) = ("caller_refused", &[("STATUS", "486")]);
    let (caller, callee, ..) = early(&stage, "callee_early_refuses", caller);
    callee.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// The device that plays the announcement is not the one that answers: media moves with the answer.
#[test]
fn gives_way_to_another_device_that_answers() {
    let Some(stage) = Stage::new() else { return };
    let (caller, callee, mut ear, announcement) =
        early(&stage, "callee_early_elsewhere", ("caller_talks", &[]));
    let mut other = RtpPeer::new(&stage.callee, 7100);
    drop(announcement);
    callee.go_on();
    let answer = caller.wait_for("200").audio_port().expect("an answer");
    let port = callee.wait_for("INVITE").audio_port().expect("we offer");
    other.say(stage.rtp(port), Law::Mu, CALLEE_HZ);
    ear.say(stage.rtp(answer), Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, CALLEE_HZ);
    other.assert_hears(Law::Mu, CALLER_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}
