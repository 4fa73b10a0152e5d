//! A page that has no IPv4.

use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::machine::Machine;
use crate::support::page::{Library, LineConfig, Microphone};
use crate::support::sound::PEAK_AT_10_DBM0;
use crate::support::tools;

/// What the page says, and its level in the telephone network: a sine of full scale has 3.17 dBm0 (ITU-T G.711 table 5).
const HZ: f64 = 1020.0;
const PAGE_DBM0: f64 = 3.17 - 12.04;

/// What a phone says.
const PHONE_HZ: f64 = 1400.0;

const GATEWAY: &str = "fd00:99::1";
const PHONE: &str = "fd00:99::3";

#[test]
fn a_page_without_ipv4_hears_the_echo() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("office", &["fd00:99::1/64"], &outside, &["fd00:99::2/64"]);
    outside.ip("route add default via fd00:99::1");
    let Some(browser) = outside.run(Browser::start) else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = inside.run(|| Gateway::start_at(Host::machine(GATEWAY), &config));
    for library in [Library::Jssip, Library::Sipjs] {
        let alice = browser.open();
        let microphone = Microphone::Tone { hz: HZ, peak: 0.25 };
        alice.register(&gateway, "alice", &LineConfig { library, microphone, ..LineConfig::default() });
        alice.call_through("9196");
        alice.await_tone(HZ);
        alice.assert_hears(HZ, 0.25, 0.3);
        assert_eq!(alice.selected("remoteCandidateId")["address"], GATEWAY);
        alice.hangup();
        alice.next("ended");
    }
    inside.run(|| gateway.assert_all_is_over(2));
}

/// Its words go over secure WebSocket, and the phone is at a trunk that has no IPv4 either.
#[test]
fn a_page_without_ipv4_calls_a_phone_over_secure_websocket_and_both_hear_each_other() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("office", &["fd00:99::1/64"], &outside, &["fd00:99::2/64"]);
    inside.ip(&format!("address add {PHONE}/128 dev lo nodad"));
    outside.ip("route add default via fd00:99::1");
    let (Some(browser), Some(_)) = (outside.run(Browser::start), tools::command("sipp")) else { return };
    let phone_host = inside.run(|| Host::among_others(PHONE));
    let folder = TempDir::new().expect("a folder for the test");
    let (certificate, key) = pair(&folder, "own", GATEWAY.parse().expect("an address"));
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .tls(&certificate, &key)
        .trunk("carrier", &phone_host, &["PCMU"])
        .rule("destination = '9100'\nactions = [{ bridge = { trunk = 'carrier', number = '$0' } }]");
    let gateway = inside.run(|| Gateway::start_at(Host::machine(GATEWAY), &config));
    let (phone, mut sound) =
        inside.run(|| (Sipp::callee(&phone_host, "callee_talks", &[]), RtpPeer::new(&phone_host, 7000)));

    let alice = browser.open();
    let microphone = Microphone::Tone { hz: HZ, peak: 0.25 };
    let socket = Some(gateway.secure_websocket());
    alice.register(&gateway, "alice", &LineConfig { microphone, socket, ..LineConfig::default() });
    alice.call_through("9100");
    let port = phone.wait_for("INVITE").audio_port().expect("an offer");
    sound.say((gateway.sip().ip(), port).into(), Law::Mu, PHONE_HZ);
    alice.await_tone(PHONE_HZ);
    alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.5);
    sound.await_tone(Law::Mu, HZ);
    let level = sound.level_of_next(Law::Mu, HZ, Duration::from_secs(1));
    assert!((level - PAGE_DBM0).abs() <= 1.0, "{HZ} Hz with {level:.2} dBm0");
    assert_eq!(alice.selected("remoteCandidateId")["address"], GATEWAY);
    assert_eq!(gateway.log().count(&["call came in", "WSS:[fd00:99::2]"]), 1);
    alice.hangup();
    alice.next("ended");
    phone.finish();
    inside.run(|| gateway.assert_all_is_over(1));
}
