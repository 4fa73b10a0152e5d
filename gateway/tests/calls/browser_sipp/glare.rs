//! Offers that cross on the phone's leg (RFC 3261 14.1): each side refuses the other's with 491, what was agreed holds,
//! and the offer that comes again is taken. The page's leg stays as it is.

use std::time::{Duration, Instant};

use webtrunk_codecs::g711::Law;

use super::stage::{Call, CallConfig, PAGE_HZ, PHONE_HZ};
use crate::sip::sipp::Values;
use crate::sip::trace::Seen;
use crate::support::browser::Browser;
use crate::support::gateway::PATIENCE;
use crate::support::ground::Ground;
use crate::support::process::wait_until;

/// A call whose phone is refreshed after half of these seconds, and by re-INVITE, which is an offer.
fn begin(browser: &Browser, scenario: &str, seconds: &str) -> Option<Call> {
    let sip = format!("session_expires_s = {seconds}\nsession_expires_min_s = 2");
    let values: Values<'_> = &[("EXPIRES", seconds), ("ALLOW", "INVITE, ACK, BYE")];
    let codecs = &["PCMU", "PCMA"];
    Call::begin_by(browser, scenario, &CallConfig { codecs, sip: &sip, values, ..CallConfig::default() })
}

/// Waits for the phone's `index`th INVITE that is no repetition, and gives all until then.
fn await_invite(call: &Call, index: usize) -> Vec<Seen> {
    let invites = || {
        let mut invites = call.phone.received("INVITE");
        invites.dedup_by_key(|invite| invite.header("CSeq").map(str::to_owned));
        invites
    };
    let came = wait_until(PATIENCE, || invites().len() >= index);
    assert!(came, "INVITE {index} does not come: {:?}", call.phone.seen());
    invites()
}

fn assert_both_hear(call: &Call, law: Law, ground: &Ground) {
    call.alice.await_tone(PHONE_HZ);
    call.sound.await_tone(law, PAGE_HZ);
    ground.assert_stays(&call.alice);
}

/// The phone wants another codec in the moment in which it is refreshed.
#[test]
fn offers_that_cross_are_both_refused_and_the_one_that_comes_again_is_taken() {
    let Some(browser) = Browser::shared() else { return };
    let Some(mut call) = begin(&browser, "callee_crosses", "12") else { return };
    call.talk();
    let ground = Ground::of(&call.alice);
    assert_eq!(call.phone.wait_for("491").header("CSeq"), Some("2 INVITE"));
    call.phone.wait_for_sent("491");
    let is_taken = |seen: &Seen| seen.header("CSeq") == Some("3 INVITE");
    let was_taken = wait_until(PATIENCE, || call.phone.received("200").iter().any(is_taken));
    assert!(was_taken, "{:?}", call.phone.seen());
    call.sound.say(call.to, Law::A, PHONE_HZ);
    assert_both_hear(&call, Law::A, &ground);
    // The refresh comes through at last, with what is agreed by now.
    let invites = await_invite(&call, 3);
    let codec = |invite: &Seen| invite.has_line("a=rtpmap:8 PCMA/8000");
    assert!(codec(&invites[2]), "{:?}", invites[2]);
    assert_both_hear(&call, Law::A, &ground);
    assert_eq!(call.phone.received("491").len(), 1);
    assert_eq!(call.gateway.log().count(&["refresh refused"]), 1);
    call.end();
}

/// We made the Call-ID, and come again after 2.1 to 4 s: before the session is over.
#[test]
fn a_refresh_that_met_an_offer_of_the_phones_comes_again() {
    let Some(browser) = Browser::shared() else { return };
    let Some(mut call) = begin(&browser, "callee_pends", "30") else { return };
    call.talk();
    let ground = Ground::of(&call.alice);
    call.phone.wait_for_sent("491");
    let refused_at = Instant::now();
    let invites = await_invite(&call, 3);
    assert!(refused_at.elapsed() > Duration::from_millis(1500), "{:?}", refused_at.elapsed());
    assert_eq!(invites[2].body(), invites[1].body(), "a refresh says what was said before");
    // Later than the session would have ended.
    std::thread::sleep(Duration::from_secs(6));
    assert_both_hear(&call, Law::Mu, &ground);
    call.end();
}
