//! The SDK in Firefox: its own SDP, ICE, DTLS and Opus.

use std::sync::Mutex;

use webtrunk_signalling::lock::lock;

use super::stage::{PHONE_HZ, Stage};
use super::survival::reload;
use crate::support::browser::Browser;
use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::machine::Machine;
use crate::support::page::DigitsBy;

#[test]
fn a_page_with_the_sdk_in_firefox_calls_a_phone_and_is_called_and_both_hear_each_other() {
    in_firefox(calls);
}

#[test]
fn a_page_with_the_sdk_in_firefox_holds_a_call_is_muted_presses_keys_and_restarts_ice() {
    in_firefox(actions);
}

#[test]
fn a_page_with_the_sdk_in_firefox_that_is_reloaded_joins_its_call_again() {
    in_firefox(reloaded);
}

/// One at a time: each test starts a browser of its own.
static ONE: Mutex<()> = Mutex::new(());

fn in_firefox(play: impl FnOnce(&Browser) + Send) {
    let _one = lock(&ONE);
    // Firefox has no candidates on loopback, nor where nothing leads out.
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("firefox", &["10.99.7.1/24"], &outside, &["10.99.7.2/24"]);
    outside.ip("route add default via 10.99.7.1");
    let Some(firefox) = outside.run(Browser::firefox) else { return };
    inside.run(|| play(&firefox));
}

fn reloaded(firefox: &Browser) {
    let Some(mut stage) = Stage::lay_in(firefox, Some(Host::machine("10.99.7.1"))) else { return };
    let phone = stage.call();
    reload(&stage);
    stage.assert_hear_each_other();
    assert_eq!(phone.received("INVITE").len(), 1, "the phone is told nothing");
    stage.end(phone);
}

fn actions(firefox: &Browser) {
    let Some(mut stage) = Stage::lay_in(firefox, Some(Host::machine("10.99.7.1"))) else { return };
    let phone = stage.call();
    stage.alice.hold();
    stage.assert_page_is_unheard();
    stage.alice.resume();
    stage.assert_hear_each_other();
    stage.alice.mute(true);
    stage.assert_page_is_unheard();
    stage.alice.await_tone(PHONE_HZ);
    stage.alice.mute(false);
    stage.alice.send_digits("5", DigitsBy::Info, 120);
    stage.gateway.log().wait_for(&["digit pressed"], PATIENCE);
    stage.alice.restart_ice();
    stage.gateway.log().wait_for(&["\"ICE restarted\""], PATIENCE);
    stage.assert_hear_each_other();
    stage.end(phone);
}

fn calls(firefox: &Browser) {
    let Some(mut stage) = Stage::lay_in(firefox, Some(Host::machine("10.99.7.1"))) else { return };
    let phone = stage.call();
    let measured = stage.alice.statistics();
    assert!(measured["browser"]["packetsReceived"].as_u64().is_some_and(|count| count > 50), "{measured}");
    stage.alice.hangup();
    assert_eq!(stage.alice.next("ended")["cause"], "hangup");
    phone.finish();

    stage.be_called();
    stage.assert_over(2);
}
