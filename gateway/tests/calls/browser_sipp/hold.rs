//! Hold and resume, again and again: silence or the holder's sound in between, and both are heard after
//! it. What the browser's media is built on stays as it is.

use std::time::Duration;

use serde_json::Value;
use webtrunk_codecs::g711::Law;

use super::stage::{Call, CallConfig, PAGE_HZ, PHONE_HZ};
use crate::support::browser::Browser;
use crate::support::gateway::PATIENCE;
use crate::support::page::Library;
use crate::support::process::wait_until;
use crate::support::seat::{Seat, in_each_browser};

const ROUNDS: u32 = 10;

/// A tone is silence below this, in dBm0.
const FAINTEST_DBM0: f64 = -50.0;

in_each_browser!(from_the_phone_to_a_page_with_the_sdk_which_is_told);

#[test]
fn from_the_page() {
    held_by_the_page(Library::Jssip);
}

#[test]
fn from_a_page_with_sipjs() {
    held_by_the_page(Library::Sipjs);
}

#[test]
fn from_a_page_with_the_sdk() {
    held_by_the_page(Library::Webtrunk);
}

fn from_the_phone_to_a_page_with_the_sdk_which_is_told(seat: &Seat) {
    let config = CallConfig::at(seat, Library::Webtrunk);
    let Some(mut call) = Call::begin_by(seat.browser(), "callee_reoffers", &config) else { return };
    call.talk();
    let ground = described(&call);
    for round in 0..2 {
        reoffer(&call, 2 * round + 2, "sendonly", "recvonly");
        call.alice.next("hold");
        assert!(phone_hears_silence(&call), "round {round}: the phone that holds hears the page");
        call.alice.await_tone(PHONE_HZ);
        reoffer(&call, 2 * round + 3, "sendrecv", "sendrecv");
        call.alice.next("unhold");
        both_hear(&call);
        assert_eq!(described(&call), ground, "round {round}");
    }
    call.end();
}

#[test]
fn from_the_phone() {
    let Some(browser) = Browser::shared() else { return };
    let Some(mut call) = Call::begin(&browser, "callee_reoffers") else { return };
    call.talk();
    let ground = ground(&call);
    for round in 0..ROUNDS {
        reoffer(&call, 2 * round + 2, "sendonly", "recvonly");
        assert!(phone_hears_silence(&call), "round {round}: the phone that holds hears the page");
        // The holder's own sound is what the page hears while it is held.
        call.alice.await_tone(PHONE_HZ);
        reoffer(&call, 2 * round + 3, "sendrecv", "sendrecv");
        both_hear(&call);
        assert_eq!(self::ground(&call), ground, "round {round}");
    }
    call.end();
}

/// A hold in which neither side sends.
#[test]
fn from_the_phone_without_sound() {
    let Some(browser) = Browser::shared() else { return };
    let Some(mut call) = Call::begin(&browser, "callee_reoffers") else { return };
    call.talk();
    let ground = ground(&call);
    reoffer(&call, 2, "inactive", "inactive");
    assert!(phone_hears_silence(&call), "the phone that holds hears the page");
    assert!(page_hears_silence(&call), "the page hears a phone that does not send");
    reoffer(&call, 3, "sendrecv", "sendrecv");
    both_hear(&call);
    assert_eq!(self::ground(&call), ground);
    call.end();
}

fn held_by_the_page(library: Library) {
    let Some(browser) = Browser::shared() else { return };
    let config = CallConfig { library, ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_talks", &config) else { return };
    call.talk();
    assert!(packets_to_page(&call) > PACKETS_OF_MEDIA / 2, "media is counted");
    let ground = ground(&call);
    for round in 0..ROUNDS {
        call.alice.hold();
        assert!(phone_hears_silence(&call), "round {round}: the phone hears the page that holds it");
        assert!(page_hears_silence(&call), "round {round}: the page that holds hears the phone");
        assert!(packets_to_page(&call) < PACKETS_OF_MEDIA / 2, "round {round}: media goes to who holds");
        call.alice.resume();
        both_hear(&call);
        assert_eq!(self::ground(&call), ground, "round {round}");
    }
    // The change concerns the page's leg alone.
    assert_eq!(call.phone.received("INVITE").len(), 1);
    call.end();
}

/// The phone asks for a direction, and gets the answer that belongs to it.
fn reoffer(call: &Call, number: u32, direction: &str, answered: &str) {
    let number = number.to_string();
    call.phone.go_on_with(&[("X-Number", &number), ("X-Direction", direction)]);
    let is_answer = |cseq: Option<&str>| cseq == Some(&format!("{number} INVITE"));
    let answer = || call.phone.received("200").into_iter().find(|seen| is_answer(seen.header("CSeq")));
    assert!(
        wait_until(PATIENCE, || answer().is_some()),
        "no answer to offer {number}: {:?}",
        call.phone.seen()
    );
    let answer = answer().expect("it came");
    assert!(answer.has_line(&format!("a={answered}")), "{direction} is answered by {answer:?}");
}

fn both_hear(call: &Call) {
    call.alice.await_tone(PHONE_HZ);
    call.sound.await_tone(Law::Mu, PAGE_HZ);
}

/// Whether nothing is heard of the page at the phone.
pub(super) fn phone_hears_silence(call: &Call) -> bool {
    wait_until(PATIENCE, || call.sound.level_of_next(Law::Mu, PAGE_HZ, SHORT) < FAINTEST_DBM0)
        && call.sound.level_of_next(Law::Mu, PAGE_HZ, SHORT) < FAINTEST_DBM0
}

fn page_hears_silence(call: &Call) -> bool {
    let is_silent = || call.alice.listen(SHORT.as_secs_f64()).share_of_tone(PHONE_HZ) == 0.0;
    wait_until(PATIENCE, is_silent) && is_silent()
}

/// How many packets reach the page while it listens for a moment, media or not.
fn packets_to_page(call: &Call) -> u64 {
    let count = || call.alice.report("transport")["packetsReceived"].as_u64().expect("a count");
    let before = count();
    call.alice.listen(SHORT.as_secs_f64());
    count() - before
}

/// What [`packets_to_page`] would count of media alone, 20 ms each.
const PACKETS_OF_MEDIA: u64 = SHORT.as_millis() as u64 / 20;

/// What one verdict takes.
const SHORT: Duration = Duration::from_millis(500);

/// What has to stay: the browser's SSRC and its role in DTLS.
fn ground(call: &Call) -> (Value, Value) {
    let ssrc = call.alice.report("outbound-rtp")["ssrc"].take();
    let role = call.alice.report("transport")["dtlsRole"].take();
    assert!(ssrc.is_u64() && matches!(role.as_str(), Some("client" | "server")), "{ssrc} {role}");
    (ssrc, role)
}

/// What has to stay of a page that makes every offer itself: its SSRC, and what both described of ICE and DTLS.
fn described(call: &Call) -> (Value, Vec<String>) {
    let names = ["a=ice-ufrag:", "a=fingerprint:", "a=setup:"];
    let descriptions = call.alice.descriptions();
    let lines = descriptions.iter().flat_map(|text| text.lines());
    let lines = lines.filter(|line| names.iter().any(|name| line.starts_with(name))).map(str::to_owned);
    (call.alice.report("outbound-rtp")["ssrc"].take(), lines.collect())
}
