//! Calls whose media has to go another way, which the gateway tells their pages.

use std::time::Duration;

use serde_json::Value;
use webtrunk_codecs::g711::Law;

use super::stage::{PAGE_HZ, PAGE_PEAK, PHONE_HZ, Stage};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::process::wait_until;
use crate::support::seat::{Seat, Street, in_each_browser};

in_each_browser!(
    apart: pages_with_the_sdk_are_told_of_an_address_that_comes_and_go_on_by_it_when_the_first_goes,
    a_page_with_the_sdk_of_which_nothing_is_heard_is_asked_to_restart_ice_and_does,
);

/// The addresses of the gateway's media, one after the other; that of its pages is none of them.
const FIRST: &str = "10.99.7.101";
const SECOND: &str = "10.99.7.105";

fn pages_with_the_sdk_are_told_of_an_address_that_comes_and_go_on_by_it_when_the_first_goes(seat: &Seat) {
    let machine = seat.street().inside();
    let address = |what: &str, address: &str| {
        machine.ip(&format!("address {what} {address}/32 dev {}", Street::INTERFACE));
    };
    address("add", FIRST);
    let config = GatewayConfig::default()
        .origin(seat.browser().origin())
        .sections(&seat.json())
        .user("alice")
        .user("bob")
        .all_addresses()
        .media("candidates_deny = ['10.99.7.0/27']")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
    let gateway = Gateway::start_at(seat.host(), &config);
    let [alice, bob] = [("alice", PAGE_HZ), ("bob", PHONE_HZ)].map(|(user, hz)| {
        let microphone = Microphone::Tone { hz, peak: PAGE_PEAK };
        let line = LineConfig { microphone, library: Library::Webtrunk, ..LineConfig::default() };
        seat.open(&gateway, user, &line)
    });
    let assert_hear_each_other_by = |address: &str| {
        alice.await_tone(PHONE_HZ);
        bob.await_tone(PAGE_HZ);
        for page in [&alice, &bob] {
            let goes_there = wait_until(PATIENCE, || page.is_selected("remoteCandidateId", address));
            assert!(goes_there, "{} and not {address}", page.selected("remoteCandidateId"));
        }
    };
    alice.call("bob");
    bob.next("incoming");
    bob.answer();
    alice.next("accepted");
    assert_hear_each_other_by(FIRST);

    address("add", SECOND);
    for page in [&alice, &bob] {
        let is_told = wait_until(PATIENCE, || {
            // A page may ask fifty times a second.
            std::thread::sleep(Duration::from_millis(100));
            said(page).iter().any(|rung| rung["said"] == "candidates")
        });
        assert!(is_told, "{:?}", said(page));
    }
    address("del", FIRST);
    gateway.log().wait_for(&["browsers are not told of an address any more"], PATIENCE);
    assert_hear_each_other_by(SECOND);
    alice.hangup();
    for page in [&alice, &bob] {
        assert_eq!(page.next("ended")["cause"], "hangup");
        assert!(page.taken("fault").is_empty(), "nothing went wrong unasked");
    }
    gateway.assert_all_is_over(1);
    gateway.stop();
}

/// Nothing of its media comes to the gateway, and all that it is sent comes to it: it is the gateway that sees it.
fn a_page_with_the_sdk_of_which_nothing_is_heard_is_asked_to_restart_ice_and_does(seat: &Seat) {
    let Some(mut stage) = Stage::lay(seat) else { return };
    let phone = stage.call();
    let machine = seat.street().inside();
    let lost = format!("INPUT -p udp -s {} -j DROP", Street::BROWSER);
    machine.iptables(&format!("-A {lost}"));
    stage.gateway.log().wait_for(&["\"ICE is restarted\""], PATIENCE);
    machine.iptables(&format!("-D {lost}"));
    stage.sound.await_tone(Law::Mu, PAGE_HZ);
    let said = said(&stage.alice);
    let asked = said.iter().position(|rung| rung["said"] == "restartNeeded");
    let asked = asked.unwrap_or_else(|| panic!("the page was not asked: {said:?}"));
    assert!(said[asked..].iter().any(|rung| rung["said"] == "update"), "the page did nothing: {said:?}");
    stage.assert_hear_each_other();
    assert_eq!(phone.received("INVITE").len(), 1, "the phone is told nothing");
    stage.end(phone);
}

/// What was said lately between a page and the gateway, the oldest first.
fn said(page: &Page) -> Vec<Value> {
    page.told_of_itself()["ladder"].as_array().expect("a list").clone()
}
