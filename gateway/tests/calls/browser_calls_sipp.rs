//! A browser calls sipp at a trunk: Opus on one side, G.711 on the other.
//!
//! sipp either plays a file or sends back what it hears, so there are two calls: in the first the
//! browser hears the phone, in the second it hears itself, there and back.

use std::fs;

use tempfile::TempDir;
use webtrunk_codecs::g711::Law;

use crate::sip::sipp::Sipp;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{Library, LineConfig, Microphone};
use crate::support::sound::Sound;
use crate::support::tools;

#[test]
fn jssip_hears_and_is_heard_in_pcmu() {
    hears_and_is_heard(Library::Jssip, Law::Mu);
}

#[test]
fn jssip_hears_and_is_heard_in_pcma() {
    hears_and_is_heard(Library::Jssip, Law::A);
}

#[test]
fn sipjs_hears_and_is_heard_in_pcmu() {
    hears_and_is_heard(Library::Sipjs, Law::Mu);
}

#[test]
fn sipjs_hears_and_is_heard_in_pcma() {
    hears_and_is_heard(Library::Sipjs, Law::A);
}

fn hears_and_is_heard(library: Library, law: Law) {
    let (Some(browser), Some(_)) = (Browser::shared(), tools::command("sipp")) else { return };
    let [playing, echoing] = [Host::new(), Host::new()];
    let (codec, format) = match law {
        Law::Mu => ("PCMU", "0"),
        Law::A => ("PCMA", "8"),
    };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .trunk("playing", &playing, &[codec])
        .trunk("echoing", &echoing, &[codec])
        .rule("destination = \"1\"\nactions = [{ bridge = { trunk = \"playing\", number = \"1\" } }]")
        .rule("destination = \"2\"\nactions = [{ bridge = { trunk = \"echoing\", number = \"2\" } }]");
    let gateway = Gateway::start(&config);
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("tone");
    let tone = Sound::tone(8000, 1400.0, 0.25, 10.0);
    let codes: Vec<u8> = tone.samples.iter().map(|sample| law.encode(*sample)).collect();
    fs::write(&file, codes).expect("the folder is ours");
    let file = file.to_str().expect("a path of ASCII");
    let own_port = "[rtpstream_audio_port]";
    let playing = Sipp::callee(
        &playing,
        "callee_plays",
        &[("FILE", file), ("FORMATS", format), ("RTP_PORT", own_port)],
    );
    let echoing = Sipp::echoing_callee(&echoing, "callee_talks", &[("FORMATS", format)]);

    let alice = browser.open();
    let microphone = Microphone::Tone { hz: 1020.0, peak: 0.25 };
    alice.register(&gateway, "alice", &LineConfig { library, microphone, ..LineConfig::default() });
    for (number, phone, hz) in [("1", playing, 1400.0), ("2", echoing, 1020.0)] {
        alice.call_through(number);
        alice.await_tone(hz);
        alice.assert_hears(hz, 0.25, 0.3);
        assert_eq!(alice.codecs(), ["audio/opus", "audio/opus"]);
        alice.hangup();
        alice.next("ended");
        phone.finish();
    }
    gateway.assert_all_is_over(2);
    gateway.stop();
}
