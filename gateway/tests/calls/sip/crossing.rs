//! Requests that cross the answer of a call: a PRACK that comes behind it, and a new offer that is open when it comes
//! (RFC 3262, RFC 3311). The call goes on, with what was agreed last.

use webtrunk_codecs::g711::Law;

use super::raw_phone::{RawPhone, audio_port, description, header};
use super::rtp_peer::RtpPeer;
use super::sipp::PORT;
use super::stage::Stage;

const CALLEE_HZ: f64 = 440.0;
const CALLER_HZ: f64 = 850.0;

/// Where the RTP of who moves goes on.
const OTHER_PORT: [(&str, &str); 1] = [("OTHER_RTP_PORT", "7100")];

#[test]
fn a_prack_behind_the_answer_disturbs_no_call_whoever_has_to_take_it() {
    let Some(stage) = Stage::new() else { return };
    let [mut caller_rtp, mut callee_rtp] =
        [&stage.caller, &stage.callee].map(|host| RtpPeer::new(host, 7000));
    let callee = stage.answer("callee_answers_at_once", &[]);
    let caller = stage.call("caller_acknowledges_late", "9100", &[]);
    let callee_port = callee.wait_for("INVITE").audio_port().expect("we offer");
    callee.wait_for("ACK");
    caller.wait_for_sent("PRACK");
    let caller_port = caller.wait_for("200").audio_port().expect("our answer");
    caller_rtp.say(stage.rtp(caller_port), Law::Mu, CALLER_HZ);
    callee_rtp.say(stage.rtp(callee_port), Law::Mu, CALLEE_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    assert_eq!(callee.received("PRACK").len(), 1);
    callee.wait_for_sent("481");
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// By hand, for sipp takes nothing between two messages that it sends.
#[test]
fn a_callee_that_moves_and_answers_at_once_is_heard_where_it_moved_to() {
    let Some(stage) = Stage::new() else { return };
    let callee = RawPhone::at_port(&stage.callee, PORT, &stage.gateway, "callee");
    let mut ear = RtpPeer::new(&stage.caller, 7000);
    let mut mouth = RtpPeer::new(&stage.callee, 7100);
    let caller = stage.call("caller_talks", "9100", &[]);
    let invite = callee.receive();
    let described = |more: &str| {
        format!("Contact: <sip:callee@{}>\r\n{more}Content-Type: application/sdp\r\n", callee.address())
    };
    let [first, second] = [7000, 7100].map(|port| description(stage.callee.ip(), port));
    let early = described("Require: 100rel\r\nRSeq: 31\r\n");
    callee.respond_with(&invite, "183 Session Progress", &early, &first);
    let prack = callee.receive();
    assert!(prack.starts_with("PRACK "), "{prack}");
    callee.respond(&prack, "200 OK");
    callee.send(&callee.request_in(&invite, "raw", (1, "UPDATE"), &described(""), &second));
    callee.respond_with(&invite, "200 OK", &described(""), "");
    let came = [callee.receive(), callee.receive()];
    assert!(came.iter().any(|message| message.starts_with("ACK ")), "{came:?}");
    let taken = came.iter().find(|message| header(message, "CSeq") == "1 UPDATE").expect("it is answered");
    assert!(taken.starts_with("SIP/2.0 200 "), "{taken}");
    assert_eq!(audio_port(taken), audio_port(&invite));
    ear.say(stage.rtp(caller.wait_for("200").audio_port().expect("our answer")), Law::Mu, CALLER_HZ);
    mouth.say(stage.rtp(audio_port(&invite)), Law::Mu, CALLEE_HZ);
    mouth.assert_hears(Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, CALLEE_HZ);
    caller.go_on();
    let bye = callee.receive();
    assert!(bye.starts_with("BYE "), "{bye}");
    callee.respond(&bye, "200 OK");
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn a_caller_that_moves_before_it_acknowledges_the_answer_is_heard_where_it_moved_to() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_early", &[]);
    let mut ear = RtpPeer::new(&stage.caller, 7100);
    let mut mouth = RtpPeer::new(&stage.callee, 7000);
    let caller = stage.call("caller_updates_behind_answer", "9100", &OTHER_PORT);
    mouth.say(stage.rtp(callee.wait_for("INVITE").audio_port().expect("we offer")), Law::Mu, CALLEE_HZ);
    let port = caller.wait_for("183").audio_port().expect("the early answer");
    caller.wait_for_sent("PRACK");
    callee.go_on();
    caller.wait_for_sent("ACK");
    ear.say(stage.rtp(port), Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, CALLEE_HZ);
    mouth.assert_hears(Law::Mu, CALLER_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}
