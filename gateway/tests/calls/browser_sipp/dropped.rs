//! A browser whose WebSocket is dropped in the middle of a call: the audio goes on, and once the browser is back
//! either side hangs up as if nothing had been.

use std::time::Duration;

use webtrunk_codecs::g711::Law;

use super::stage::{Call, CallConfig, PAGE_HZ, PHONE_HZ};
use crate::support::browser::Browser;
use crate::support::page::Library;
use crate::support::process::wait_until;

/// How long a page may take to come back: its library waits longer after each try.
const BACK: Duration = Duration::from_secs(60);

/// Where the wire is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// At both ends: the gateway sees the WebSocket close.
    Closed,
    /// At the browser: to the gateway it looks open.
    HalfOpen,
}

#[test]
fn jssip_comes_back_after_its_websocket_closed_and_hangs_up() {
    if let Some(call) = come_back(Library::Jssip, Cut::Closed) {
        call.end();
    }
}

#[test]
fn jssip_is_hung_up_by_a_websocket_that_took_the_place_of_one_that_looked_open() {
    if let Some(call) = come_back(Library::Jssip, Cut::HalfOpen) {
        end_at_phone(call);
    }
}

#[test]
fn sipjs_comes_back_after_its_websocket_closed_and_is_hung_up() {
    if let Some(call) = come_back(Library::Sipjs, Cut::Closed) {
        end_at_phone(call);
    }
}

#[test]
fn sipjs_hangs_up_by_a_websocket_that_took_the_place_of_one_that_looked_open() {
    if let Some(call) = come_back(Library::Sipjs, Cut::HalfOpen) {
        call.end();
    }
}

/// A page calls the phone, loses its WebSocket while both talk, and registers by another.
fn come_back(library: Library, cut: Cut) -> Option<Call> {
    let browser = Browser::shared()?;
    let config = CallConfig { library, is_wired: true, ..CallConfig::default() };
    let mut call = Call::begin_by(&browser, "callee_talks", &config)?;
    call.talk();
    let wire = call.wire.as_ref().expect("it was asked for");
    match cut {
        Cut::Closed => wire.cut(),
        Cut::HalfOpen => wire.cut_at_client(),
    }
    assert_audible(&call);
    if cut == Cut::Closed {
        call.gateway.log().wait_for(&["signalling connection closed under a call"], BACK);
    }
    wire.mend();
    call.alice.next_within("registered", BACK);
    call.gateway.log().wait_for(&["the peer has moved to another flow"], BACK);
    assert_eq!(call.gateway.status()["registered_users"], 1);
    assert_audible(&call);
    Some(call)
}

/// Fails unless both hear each other from now on.
fn assert_audible(call: &Call) {
    call.sound.await_tone(Law::Mu, PAGE_HZ);
    call.alice.await_tone(PHONE_HZ);
}

/// The phone hangs up, the page hears of it, and nothing is left.
fn end_at_phone(call: Call) {
    let Call { alice, phone, gateway, .. } = call;
    phone.go_on();
    alice.next("ended");
    phone.finish();
    assert!(wait_until(BACK, || gateway.status()["signalling_legs"] == 0));
    gateway.assert_all_is_over(1);
    gateway.stop();
}
