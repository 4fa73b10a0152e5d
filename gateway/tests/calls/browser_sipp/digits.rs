//! Keys pressed on either side, each way that a client has: the other side gets every one, once.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{Call, CallConfig, HELD_MS};
use crate::sip::rtp_digits::{self, DIGITS};
use crate::support::browser::Browser;
use crate::support::gateway::PATIENCE;
use crate::support::page::{DigitsBy, Library};
use crate::support::process::wait_until;
use crate::support::seat::{Seat, in_chromium, in_each_browser};

/// How long a doubled digit has to show.
const AFTERMATH: Duration = Duration::from_secs(1);

in_each_browser!(from_a_page_with_the_sdk, from_the_phone_to_a_page_with_the_sdk);

#[test]
fn from_the_page_in_media() {
    let Some(browser) = Browser::shared() else { return };
    let Some(call) = Call::begin(&browser, "callee_talks") else { return };
    page_presses(&call, DigitsBy::Rfc4733);
    assert_eq!(call.alice.taken("digit signalled").len(), 0, "the browser sends events, too");
    call.end();
}

#[test]
fn from_the_page_in_signalling() {
    let Some(browser) = Browser::shared() else { return };
    let Some(call) = Call::begin(&browser, "callee_talks") else { return };
    page_presses(&call, DigitsBy::Info);
    assert_eq!(call.alice.taken("digit signalled").len(), DIGITS.len());
    call.end();
}

#[test]
fn from_a_page_with_sipjs_either_way() {
    let Some(browser) = Browser::shared() else { return };
    for (keys, signalled) in [(DigitsBy::Rfc4733, 0), (DigitsBy::Info, DIGITS.len())] {
        let Some(call) = Call::begin_by(&browser, "callee_talks", &by(Library::Sipjs)) else { return };
        page_presses(&call, keys);
        assert_eq!(call.alice.taken("digit signalled").len(), signalled);
        call.end();
    }
}

#[test]
fn from_the_phone_to_a_page_with_sipjs() {
    in_chromium(|seat| phone_presses(seat, Library::Sipjs));
}

fn from_a_page_with_the_sdk(seat: &Seat) {
    let config = CallConfig::at(seat, Library::Webtrunk);
    let Some(call) = Call::begin_by(seat.browser(), "callee_talks", &config) else { return };
    page_presses(&call, DigitsBy::Info);
    call.end();
}

fn from_the_phone_to_a_page_with_the_sdk(seat: &Seat) {
    phone_presses(seat, Library::Webtrunk);
}

#[test]
fn from_the_phone_in_media() {
    in_chromium(|seat| phone_presses(seat, Library::Jssip));
}

#[test]
fn from_the_phone_in_signalling() {
    let Some(browser) = Browser::shared() else { return };
    let Some(call) = Call::begin(&browser, "callee_presses") else { return };
    phone_signals(&call);
    call.end();
}

/// The trunk has no telephone-events, though its phone would take them: keys are tones in its voice.
#[test]
fn from_the_page_to_a_trunk_that_wants_tones() {
    let Some(browser) = Browser::shared() else { return };
    let Some(mut call) = Call::begin_with(&browser, "callee_talks", "dtmf = \"inband\"") else { return };
    call.talk();
    call.alice.send_digits(DIGITS, DigitsBy::Rfc4733, HELD_MS);
    let heard = || rtp_digits::tones(&call.sound.heard(), Law::Mu);
    assert!(wait_until(PATIENCE, || heard().len() >= DIGITS.len()), "only {:?} came", heard());
    std::thread::sleep(AFTERMATH);
    assert_eq!(heard(), DIGITS);
    assert_eq!(rtp_digits::count(&call.sound.heard()), 0, "as events, too");
    assert!(call.phone.received("INFO").is_empty(), "in signalling, too");
    call.end();
}

#[test]
fn from_a_trunk_that_sends_tones() {
    let Some(browser) = Browser::shared() else { return };
    let Some(call) = Call::begin_with(&browser, "callee_talks", "dtmf = \"inband\"") else { return };
    rtp_digits::press_tones(&call.sound, call.to, Law::Mu, DIGITS);
    let got: String = DIGITS.chars().map(|_| call.alice.next("digit")["digit"].to_string()).collect();
    assert_eq!(got.replace('"', ""), DIGITS);
    std::thread::sleep(AFTERMATH);
    assert_eq!(call.alice.taken("digit"), [] as [serde_json::Value; 0], "doubled");
    call.end();
}

/// The trunk has keys in signalling alone.
#[test]
fn from_a_trunk_that_has_keys_in_signalling_alone() {
    let Some(browser) = Browser::shared() else { return };
    let Some(call) = Call::begin_with(&browser, "callee_presses", "dtmf = \"info\"") else { return };
    assert!(!call.phone.wait_for("INVITE").has_line("a=rtpmap:101 telephone-event/8000"), "none are offered");
    phone_signals(&call);
    call.end();
}

/// The phone presses keys in media, and a page with this library gets them.
fn phone_presses(seat: &Seat, library: Library) {
    let config = CallConfig::at(seat, library);
    let Some(call) = Call::begin_by(seat.browser(), "callee_talks", &config) else { return };
    rtp_digits::press(&call.sound, call.to, DIGITS);
    assert_page_gets_all(&call, rtp_digits::HELD_MS);
    call.end();
}

/// The phone presses keys in signalling, and the page gets them.
fn phone_signals(call: &Call) {
    for (number, digit) in (2..).zip(DIGITS.chars()) {
        call.phone.go_on_with(&[("X-Number", &number.to_string()), ("X-Digit", &digit.to_string())]);
        let is_answered = || call.phone.received("200").len() == number - 1;
        assert!(wait_until(PATIENCE, is_answered), "{digit}: {:?}", call.phone.seen());
    }
    assert_page_gets_all(call, HELD_MS);
}

fn by(library: Library) -> CallConfig<'static> {
    CallConfig { library, ..CallConfig::default() }
}

/// The page presses every key, and the phone gets events of RFC 4733.
fn page_presses(call: &Call, by: DigitsBy) {
    call.alice.send_digits(DIGITS, by, HELD_MS);
    let is_there = || rtp_digits::count(&call.sound.heard()) >= DIGITS.len();
    assert!(wait_until(PATIENCE, is_there), "only {} digits came", rtp_digits::count(&call.sound.heard()));
    std::thread::sleep(AFTERMATH);
    assert_eq!(rtp_digits::pressed(&call.sound.heard()), DIGITS);
    let held = rtp_digits::held_ms(&call.sound.heard());
    match by {
        DigitsBy::Info => assert_eq!(held, [HELD_MS; DIGITS.len()], "held"),
        // A browser that had to stand still lets go later.
        DigitsBy::Rfc4733 => assert!(held.iter().all(|ms| (HELD_MS..2 * HELD_MS).contains(ms)), "{held:?}"),
    }
    assert!(call.phone.received("INFO").is_empty(), "in media and in signalling");
}

fn assert_page_gets_all(call: &Call, held_ms: u16) {
    for key in DIGITS.chars() {
        let digit = call.alice.next("digit");
        assert_eq!((&digit["digit"], &digit["duration"]), (&key.to_string().into(), &held_ms.into()));
    }
    std::thread::sleep(AFTERMATH);
    assert_eq!(call.alice.taken("digit"), [] as [serde_json::Value; 0], "doubled");
}
