//! ICE restarts of the page in the middle of a call: other credentials and other checks, and no more.

use std::collections::HashSet;

use serde_json::Value;
use webtrunk_codecs::g711::Law;

use super::stage::{Call, PAGE_HZ, PHONE_HZ};
use crate::support::browser::Browser;
use crate::support::sound::PEAK_AT_10_DBM0;

const ROUNDS: usize = 5;

#[test]
fn a_page_restarts_ice_and_the_call_goes_on() {
    let Some(browser) = Browser::shared() else { return };
    let Some(mut call) = Call::begin(&browser, "callee_talks") else { return };
    call.talk();
    let ground = ground(&call);
    let mut ufrags = HashSet::from(ufrags(&call));
    for round in 1..=ROUNDS {
        call.alice.restart_ice();
        ufrags.extend(self::ufrags(&call));
        assert_eq!(ufrags.len(), 2 * (round + 1), "both sides have new credentials in round {round}");
        call.alice.await_tone(PHONE_HZ);
        call.alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.5);
        call.sound.await_tone(Law::Mu, PAGE_HZ);
        assert_eq!(self::ground(&call), ground, "round {round}");
    }
    assert_eq!(call.gateway.log().count(&["\"ICE restarted\""]), ROUNDS, "the new sessions are in use");
    // The restart concerns the page's leg alone.
    assert_eq!(call.phone.received("INVITE").len(), 1);
    call.end();
}

/// The ufrags of the page and the gateway.
fn ufrags(call: &Call) -> [String; 2] {
    call.alice.descriptions().map(|description| {
        let line = description.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        line.expect("WebRTC").trim_end().to_owned()
    })
}

/// What has to stay: the SSRCs of both streams, the DTLS role and its state.
fn ground(call: &Call) -> [Value; 4] {
    let [sent, heard] =
        ["outbound-rtp", "inbound-rtp"].map(|stream| call.alice.report(stream)["ssrc"].take());
    let [role, state] = ["dtlsRole", "dtlsState"].map(|fact| call.alice.report("transport")[fact].take());
    assert!(sent.is_u64() && heard.is_u64() && state == "connected", "{sent} {heard} {role} {state}");
    [sent, heard, role, state]
}
