//! A phone calls a browser: sipp from a trunk, baresip as a user.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::baresip::Baresip;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::sound::{PEAK_AT_10_DBM0, Sound};
use crate::support::tools;

const BROWSER_HZ: f64 = 1020.0;
const PHONE_HZ: f64 = 1400.0;

fn alice(browser: &Browser, gateway: &Gateway, library: Library) -> Page {
    let alice = browser.open();
    let microphone = Microphone::Tone { hz: BROWSER_HZ, peak: PEAK_AT_10_DBM0 };
    alice.register(gateway, "alice", &LineConfig { microphone, library, ..LineConfig::default() });
    alice
}

#[test]
fn sipp_calls_a_browser_in_pcmu() {
    sipp_calls_a_browser("0", Law::Mu, Library::Jssip);
}

#[test]
fn sipp_calls_a_browser_in_pcma() {
    sipp_calls_a_browser("8", Law::A, Library::Jssip);
}

#[test]
fn sipp_calls_a_browser_with_sipjs() {
    sipp_calls_a_browser("0", Law::Mu, Library::Sipjs);
}

fn sipp_calls_a_browser(format: &str, law: Law, library: Library) {
    let (Some(browser), Some(_)) = (Browser::shared(), tools::command("sipp")) else { return };
    let host = Host::new();
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .trunk("office", &host, &["PCMU", "PCMA"])
        .rule("destination = '4711'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let alice = alice(&browser, &gateway, library);

    let mut media = RtpPeer::new(&host, 7000);
    let phone = Sipp::caller(&host, "caller_talks", gateway.sip(), "4711", &[("FORMATS", format)]);
    assert_eq!(alice.next("incoming")["from"], "2001");
    phone.wait_for("180");
    alice.answer();
    alice.next(match library {
        Library::Jssip => "confirmed",
        Library::Sipjs | Library::Webtrunk => "accepted",
    });
    let port = phone.wait_for("200").audio_port().expect("an answer");
    media.say(SocketAddr::new(gateway.sip().ip(), port), law, PHONE_HZ);
    media.await_tone(law, BROWSER_HZ);
    Sound::telephone(media.hear(law)).assert_tone(BROWSER_HZ, PEAK_AT_10_DBM0, 0.3);
    alice.await_tone(PHONE_HZ);
    alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.3);
    // No browser is lowered to G.711 for a phone's sake.
    assert_eq!(alice.codecs(), ["audio/opus", "audio/opus"]);

    phone.go_on();
    let ended = alice.next("ended");
    if library == Library::Jssip {
        assert_eq!(ended["by"], "remote");
    }
    phone.finish();
    gateway.assert_all_is_over(1);
    gateway.stop();
}

#[test]
fn baresip_calls_a_browser() {
    let Some(browser) = Browser::shared() else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .user("bob")
        // baresip gives up at a challenge for SHA-256, also where one for MD5 follows.
        .md5_only()
        .rule("destination = 'alice'\nfrom_user = 'bob'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let alice = alice(&browser, &gateway, Library::Jssip);

    let said = Sound::tone(8000, PHONE_HZ, PEAK_AT_10_DBM0, 60.0);
    let Some(bob) = Baresip::calling("bob", "PCMU", gateway.sip(), "alice", &said) else { return };
    assert_eq!(alice.next("incoming")["from"], "bob");
    alice.answer();
    alice.next("confirmed");
    alice.await_tone(PHONE_HZ);
    alice.assert_hears(PHONE_HZ, PEAK_AT_10_DBM0, 0.3);
    alice.hangup();
    bob.wait_for_the_end_of_its_call();
    gateway.assert_all_is_over(1);
    bob.heard().last_seconds(2.0).assert_tone(BROWSER_HZ, PEAK_AT_10_DBM0, 0.3);
    gateway.stop();
}
