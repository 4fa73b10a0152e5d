//! Provisional responses that are acknowledged (RFC 3262) on both legs, ringing after early media, and a new offer
//! before the answer (RFC 3311).

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::stage::Stage;

const ANNOUNCEMENT_HZ: f64 = 620.0;
const CALLEE_HZ: f64 = 440.0;
const CALLER_HZ: f64 = 850.0;

#[test]
fn early_media_ringing_an_early_offer_and_the_answer() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_is_acknowledged", &[("OTHER_RTP_PORT", "7100")]);
    let mut ear = RtpPeer::new(&stage.caller, 7000);
    let mut mouth = RtpPeer::new(&stage.callee, 7000);
    let caller = stage.call("caller_acknowledges", "9100", &[]);
    let port = callee.wait_for("INVITE").audio_port().expect("we offer");
    mouth.say(stage.rtp(port), Law::Mu, ANNOUNCEMENT_HZ);
    let progress = caller.wait_for("183");
    assert_eq!(progress.header("Require"), Some("100rel"));
    ear.say(stage.rtp(progress.audio_port().expect("the early answer")), Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, ANNOUNCEMENT_HZ);
    assert_eq!(callee.wait_for("PRACK").header("RAck"), Some("31 1 INVITE"));
    callee.go_on_with(&[("X-Step", "1")]);
    let ringing = caller.wait_for("180");
    assert_eq!(number(ringing.header("RSeq")), number(progress.header("RSeq")) + 1);
    drop(mouth);
    // The callee's media moves before it answers.
    let mut mouth = RtpPeer::new(&stage.callee, 7100);
    callee.go_on_with(&[("X-Step", "2")]);
    mouth.say(stage.rtp(port), Law::Mu, CALLEE_HZ);
    mouth.assert_hears(Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, CALLEE_HZ);
    assert!(
        !caller
            .seen()
            .iter()
            .any(|seen| !seen.is_sent && seen.is("200") && seen.header("CSeq") == Some("1 INVITE"))
    );
    callee.go_on_with(&[("X-Step", "3")]);
    caller.wait_for_sent("ACK");
    let answers = caller.received("200");
    let answer = answers.iter().find(|ok| ok.header("CSeq") == Some("1 INVITE")).expect("the answer");
    assert_eq!(answer.body(), "", "the 183 said it for good");
    mouth.assert_hears(Law::Mu, CALLER_HZ);
    ear.assert_hears(Law::Mu, CALLEE_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

fn number(text: Option<&str>) -> u32 {
    text.and_then(|text| text.parse().ok()).expect("a number")
}
