//! A phone that holds and sends nothing meanwhile, as most do: nobody misses it before it is back.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use super::stage::Stage;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// After how long, in seconds, a phone is missed that does not hold.
const MEDIA_TIMEOUT: &str = "media_timeout_s = 4";

/// The holds: the direction, whether an address is named, and how long. That audio goes one way alone is certain after ten
/// seconds.
const HOLDS: [(&str, bool, Duration); 3] = [
    ("sendonly", true, Duration::from_secs(12)),
    ("inactive", true, Duration::from_secs(6)),
    // RFC 2543's hold.
    ("sendrecv", false, Duration::from_secs(6)),
];

/// Where the phones' RTP is.
const RTP_PORT: u16 = 7000;

/// A tone is silence below this, in dBm0.
const FAINTEST_DBM0: f64 = -50.0;

/// The phone describes itself anew, and gets its answer.
fn change(phone: &Sipp, number: u32, direction: &str, host: &str) {
    let number = number.to_string();
    phone.go_on_with(&[
        ("X-Number", &number),
        ("X-Method", "INVITE"),
        ("X-Direction", direction),
        ("X-Host", host),
        ("X-Formats", "0"),
    ]);
    let cseq = format!("{number} INVITE");
    let is_answered =
        || phone.received("200").into_iter().any(|seen| seen.header("CSeq") == Some(cseq.as_str()));
    assert!(wait_until(PATIENCE, is_answered), "{direction} at {host}: {:?}", phone.seen());
}

/// Fails when the media timeout or the watch of audio goes by whether a phone may send, not by whether it holds.
#[test]
fn who_holds_in_whatever_way_may_be_silent_for_long_and_no_longer_when_it_is_back() {
    let Some(stage) = Stage::with(&["PCMU"], GatewayConfig::default().media(MEDIA_TIMEOUT)) else { return };
    let at_home = stage.callee.ip().to_string();
    let mut caller = RtpPeer::new(&stage.caller, RTP_PORT);
    let mut callee = RtpPeer::new(&stage.callee, RTP_PORT);
    let at_callee = stage.answer("callee_changes", &[]);
    let at_caller = stage.call("caller_talks", "9100", &[]);
    let to_callee = at_callee.wait_for("INVITE").audio_port().expect("we offer");
    let to_caller = at_caller.wait_for("200").audio_port().expect("an answer");
    caller.say(stage.rtp(to_caller), Law::Mu, CALLER_HZ);
    callee.say(stage.rtp(to_callee), Law::Mu, CALLEE_HZ);
    for (number, (direction, is_reached, held)) in (2..).step_by(2).zip(HOLDS) {
        caller.await_tone(Law::Mu, CALLEE_HZ);
        callee.await_tone(Law::Mu, CALLER_HZ);
        change(&at_callee, number, direction, if is_reached { &at_home } else { "0.0.0.0" });
        // Its mouth ends with it.
        drop(callee);
        callee = RtpPeer::new(&stage.callee, RTP_PORT);
        std::thread::sleep(held);
        assert!(callee.heard_nothing(), "{direction}: who holds hears the other");
        let level = caller.level_of_next(Law::Mu, CALLEE_HZ, Duration::from_millis(500));
        assert!(level < FAINTEST_DBM0, "{direction}: {level:.2} dBm0 of who is silent");
        for phone in [&at_caller, &at_callee] {
            assert!(phone.received("BYE").is_empty(), "{direction}: the call is over");
        }
        change(&at_callee, number + 1, "sendrecv", &at_home);
        callee.say(stage.rtp(to_callee), Law::Mu, CALLEE_HZ);
    }
    caller.assert_hears(Law::Mu, CALLEE_HZ);
    callee.assert_hears(Law::Mu, CALLER_HZ);
    for told in ["one-way audio", "no audio comes from the party"] {
        assert_eq!(stage.gateway.log().count(&[told]), 0, "{told}");
    }
    drop(callee);
    for phone in [at_caller, at_callee] {
        let bye = phone.wait_for("BYE");
        assert_eq!(bye.header("Reason"), Some("Q.850;cause=41;text=\"Media timeout\""));
        phone.finish();
    }
    stage.gateway.assert_all_is_over(1);
}
