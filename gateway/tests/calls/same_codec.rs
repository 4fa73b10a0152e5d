//! A browser that speaks what the phone speaks: packets pass through, and nothing is decoded.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{LineConfig, Microphone};
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};
use crate::support::tools;

const BROWSER_HZ: f64 = 1020.0;
const PHONE_HZ: f64 = 1400.0;

#[test]
fn pcmu_is_passed_through() {
    is_passed_through(Law::Mu, "PCMU", "0");
}

#[test]
fn pcma_is_passed_through() {
    is_passed_through(Law::A, "PCMA", "8");
}

fn is_passed_through(law: Law, codec: &'static str, format: &str) {
    let (Some(browser), Some(_)) = (Browser::shared(), tools::command("sipp")) else { return };
    let host = Host::new();
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .trunk("provider", &host, &["PCMU", "PCMA"])
        .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]");
    let gateway = Gateway::start(&config);
    let mut media = RtpPeer::new(&host, 7000);
    let phone = Sipp::callee(&host, "callee_talks", &[("FORMATS", format)]);

    let alice = browser.open();
    let microphone = Microphone::Tone { hz: BROWSER_HZ, peak: PEAK_AT_10_DBM0 };
    let line = LineConfig { microphone, codecs: vec![codec], ..LineConfig::default() };
    alice.register(&gateway, "alice", &line);
    alice.call_through("0301234567");
    let port = phone.wait_for("INVITE").audio_port().expect("an offer");
    media.say(SocketAddr::new(gateway.sip().ip(), port), law, PHONE_HZ);
    media.await_tone(law, BROWSER_HZ);
    Sound::telephone(media.hear(law)).assert_tone(BROWSER_HZ, PEAK_AT_10_DBM0, 0.3);
    alice.await_tone(PHONE_HZ);
    alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.3);
    let spoken = format!("audio/{codec}");
    assert_eq!(alice.codecs(), [spoken.as_str(), spoken.as_str()]);
    let opened = |how: &str| gateway.log().count(&["\"path opened\"", how]);
    assert_eq!((opened("\"transcoded\":false"), opened("\"transcoded\":true")), (2, 0));

    alice.hangup();
    alice.next("ended");
    phone.finish();
    gateway.assert_all_is_over(1);
    gateway.stop();
}
