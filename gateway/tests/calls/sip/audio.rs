//! What two phones hear of each other through the gateway, and of nobody else.

use webtrunk_codecs::g711::Law;

use super::rtp_peer::{RtpPeer, level};
use super::sipp::{Sipp, Values};
use super::stage::Stage;
use crate::support::host::Host;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;
const STRANGER_HZ: f64 = 1300.0;

/// An answered call: who plays its signalling, and where the gateway takes each side's media.
struct Call {
    caller: Sipp,
    callee: Sipp,
    caller_port: u16,
    callee_port: u16,
}

impl Call {
    fn new(stage: &Stage, caller: Values<'_>, callee: Values<'_>) -> Self {
        let callee = stage.answer("callee_talks", callee);
        let caller = stage.call("caller_talks", "9100", caller);
        let callee_port = callee.wait_for("INVITE").audio_port().expect("we offer");
        let caller_port = caller.wait_for("200").audio_port().expect("an answer");
        callee.wait_for("ACK");
        Self { caller, callee, caller_port, callee_port }
    }

    fn hang_up(self, stage: &Stage) {
        self.caller.go_on();
        self.caller.finish();
        self.callee.finish();
        stage.gateway.assert_all_is_over(1);
    }
}

/// How many of the gateway's paths were opened with or without transcoding.
fn paths(stage: &Stage, is_transcoded: bool) -> usize {
    stage.gateway.log().count(&["path opened", &format!("\"transcoded\":{is_transcoded}")])
}

#[test]
fn one_law_is_passed_through() {
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let call = Call::new(&stage, &[("FORMATS", "0")], &[("FORMATS", "0")]);
    caller.say(stage.rtp(call.caller_port), Law::Mu, CALLER_HZ);
    // A code that nobody can decode and encode again: it would come back as the other zero.
    assert_eq!(Law::Mu.encode(Law::Mu.decode(0x7f)), 0xff);
    callee.say_code(stage.rtp(call.callee_port), Law::Mu, 0x7f);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    let packets = caller.listen();
    assert!(packets.iter().all(|packet| packet.payload == [0x7f; 160]), "{packets:?}");
    assert_eq!((paths(&stage, false), paths(&stage, true)), (2, 0));
    call.hang_up(&stage);
}

#[test]
fn two_laws_are_transcoded() {
    let Some(stage) = Stage::with_codecs(&["PCMA"]) else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let call = Call::new(&stage, &[("FORMATS", "0")], &[("FORMATS", "8")]);
    caller.say(stage.rtp(call.caller_port), Law::Mu, CALLER_HZ);
    callee.say(stage.rtp(call.callee_port), Law::A, CALLEE_HZ);
    callee.assert_hears(Law::A, CALLER_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    assert_eq!((paths(&stage, false), paths(&stage, true)), (0, 2));
    call.hang_up(&stage);
}

/// Who took both laws may go over from the one to the other with any packet (RFC 3264 6.1).
#[test]
fn a_phone_that_took_both_laws_goes_over_to_the_other_in_the_call() {
    const BY_THE_FIRST: u32 = 250;
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let call = Call::new(&stage, &[("FORMATS", "0")], &[("FORMATS", "0 8")]);
    caller.say(stage.rtp(call.caller_port), Law::Mu, CALLER_HZ);
    callee.say_by_both(stage.rtp(call.callee_port), [Law::Mu, Law::A], BY_THE_FIRST, CALLEE_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    assert_eq!((paths(&stage, false), paths(&stage, true)), (2, 0));
    callee.wait_until_said(BY_THE_FIRST + 25);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    assert_eq!((paths(&stage, false), paths(&stage, true)), (2, 1), "what it sends now is transcoded");
    call.hang_up(&stage);
}

/// The callee speaks A-law only, the caller both and prefers u-law: A-law is agreed on both sides.
#[test]
fn the_law_that_both_speak_is_preferred() {
    let Some(stage) = Stage::with_codecs(&["PCMA"]) else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let callee = RtpPeer::new(&stage.callee, 7000);
    let call = Call::new(&stage, &[("FORMATS", "0 8")], &[("FORMATS", "8")]);
    caller.say(stage.rtp(call.caller_port), Law::A, CALLER_HZ);
    callee.assert_hears(Law::A, CALLER_HZ);
    assert_eq!((paths(&stage, false), paths(&stage, true)), (2, 0));
    call.hang_up(&stage);
}

/// A phone behind NAT signals its private address and another port than the one that we see.
#[test]
fn a_phone_behind_nat_is_heard_and_hears() {
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7300);
    let mut callee = RtpPeer::new(&stage.callee, 7000);
    let call = Call::new(&stage, &[("RTP_HOST", "10.255.255.254")], &[]);
    caller.say(stage.rtp(call.caller_port), Law::Mu, CALLER_HZ);
    callee.say(stage.rtp(call.callee_port), Law::Mu, CALLEE_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    call.hang_up(&stage);
}

/// The same of a phone that is called: the address that its answer names is nobody's.
#[test]
fn a_called_phone_behind_nat_is_heard_and_hears() {
    let Some(stage) = Stage::new() else { return };
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let mut callee = RtpPeer::new(&stage.callee, 7300);
    let call = Call::new(&stage, &[], &[("RTP_HOST", "10.255.255.254")]);
    caller.say(stage.rtp(call.caller_port), Law::Mu, CALLER_HZ);
    caller.wait_until_said(25);
    assert!(callee.heard_nothing(), "nobody could know where it is");
    callee.say(stage.rtp(call.callee_port), Law::Mu, CALLEE_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    call.hang_up(&stage);
}

/// Neither before a phone's own media has come nor after it.
#[test]
fn a_stranger_is_not_heard() {
    let Some(stage) = Stage::new() else { return };
    let stranger = Host::new();
    let mut stranger = RtpPeer::new(&stranger, 7000);
    let mut caller = RtpPeer::new(&stage.caller, 7000);
    let callee = RtpPeer::new(&stage.callee, 7000);
    let call = Call::new(&stage, &[], &[]);
    stranger.say(stage.rtp(call.caller_port), Law::Mu, STRANGER_HZ);
    stranger.wait_until_said(50);
    assert!(callee.heard_nothing(), "the stranger was heard before the caller spoke");
    caller.say(stage.rtp(call.caller_port), Law::Mu, CALLER_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    let foreign = level(&callee.hear(Law::Mu), STRANGER_HZ);
    assert!(foreign < -40.0, "the stranger came with {foreign:.1} dBm0");
    assert!(stranger.heard_nothing(), "the stranger got the call's audio");
    call.hang_up(&stage);
}
