//! Session timers on both legs of a browser's call: the page is refreshed by what its library takes, and its
//! media does not notice, nor does the phone's.

use std::time::Duration;

use super::stage::{Call, CallConfig, PAGE_HZ, PHONE_HZ};
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::ground::Ground;
use crate::support::page::{Library, LineConfig, Microphone};
use crate::support::sound::PEAK_AT_10_DBM0;
use webtrunk_codecs::g711::Law;

/// A refresh every two seconds.
const SHORT: &str = "session_expires_s = 4\nsession_expires_min_s = 2";

/// By UPDATE.
#[test]
fn a_page_with_jssip() {
    refreshed(Library::Jssip);
}

/// By re-INVITE: the library refuses UPDATE.
#[test]
fn a_page_with_sipjs() {
    refreshed(Library::Sipjs);
}

#[test]
#[ignore = "make interop"]
fn a_page_with_jssip_for_90_seconds() {
    refreshed_for_90_seconds(Library::Jssip);
}

#[test]
#[ignore = "make interop"]
fn a_page_with_sipjs_for_90_seconds() {
    refreshed_for_90_seconds(Library::Sipjs);
}

fn refreshed_for_90_seconds(library: Library) {
    let Some(browser) = Browser::shared() else { return };
    let values = [("EXPIRES", "90"), ("ALLOW", "INVITE, ACK, BYE, UPDATE"), ("REFRESHER", "uac")];
    let sip = "session_expires_s = 90";
    let config = CallConfig { library, sip, values: &values, ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_is_refreshed", &config) else { return };
    call.talk();
    let ground = Ground::of(&call.alice);
    std::thread::sleep(Duration::from_secs(94));
    assert_eq!(call.phone.received("UPDATE").len(), 2, "{:?}", call.phone.seen());
    assert!(call.gateway.log().count(&["session refresh is due"]) >= 3, "the page's leg too");
    call.alice.await_tone(PHONE_HZ);
    call.sound.await_tone(Law::Mu, PAGE_HZ);
    ground.assert_stays(&call.alice);
    assert_eq!(call.gateway.log().count(&["refresh refused"]), 0);
    call.end();
}

/// JsSIP asks for 90 seconds, the least that it knows, and is refreshed after half of them; who has to refresh and has not
/// is hung up on after 60.
#[test]
fn a_page_with_jssip_that_refreshes_its_call_itself_keeps_it() {
    let Some(browser) = Browser::shared() else { return };
    let config = CallConfig { page_refreshes: true, ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_talks", &config) else { return };
    call.talk();
    let ground = Ground::of(&call.alice);
    std::thread::sleep(Duration::from_secs(65));
    call.assert_hear_each_other();
    ground.assert_stays(&call.alice);
    let told = |what: &str| call.gateway.log().count(&[what]);
    assert_eq!((told("the party refreshed the session"), told("session refresh is due")), (1, 0));
    call.phone.go_on();
    call.alice.next("ended");
    call.gateway.assert_all_is_over(1);
}

/// By 422 it is told so, and comes again with no more; who leaves it to the gateway is let in.
#[test]
fn a_page_with_jssip_that_asks_for_too_little_is_told_so_and_without_session_timers_it_hears_the_echo() {
    let Some(browser) = Browser::shared() else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .sip("session_expires_min_s = 91")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start(&config);
    let line = |refreshes| {
        let microphone = Microphone::Tone { hz: PAGE_HZ, peak: 0.25 };
        LineConfig { microphone, refreshes, ..LineConfig::default() }
    };
    let alice = browser.open();
    alice.register(&gateway, "alice", &line(true));
    alice.call("9196");
    assert_eq!(alice.next("ended")["status"], 422);
    let alice = browser.open();
    alice.register(&gateway, "alice", &line(false));
    alice.call_through("9196");
    alice.await_tone(PAGE_HZ);
    alice.assert_hears(PAGE_HZ, 0.25, 0.3);
    alice.hangup();
    alice.next("ended");
    gateway.assert_all_is_over(1);
    gateway.stop();
}

fn refreshed(library: Library) {
    let Some(browser) = Browser::shared() else { return };
    let values = [("EXPIRES", "4"), ("ALLOW", "INVITE, ACK, BYE, UPDATE"), ("REFRESHER", "uac")];
    let config = CallConfig { library, sip: SHORT, values: &values, ..CallConfig::default() };
    let Some(mut call) = Call::begin_by(&browser, "callee_is_refreshed", &config) else { return };
    call.talk();
    let ground = Ground::of(&call.alice);
    std::thread::sleep(Duration::from_secs(10));
    assert!(call.phone.received("UPDATE").len() >= 4, "{:?}", call.phone.seen());
    call.alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.5);
    call.sound.await_tone(Law::Mu, PAGE_HZ);
    ground.assert_stays(&call.alice);
    assert_eq!(call.gateway.log().count(&["refresh refused"]), 0);
    call.end();
}
