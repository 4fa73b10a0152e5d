//! A browser calls baresip at a trunk: Opus on one side, G.711 on the other, and both hear each other.

use webtrunk_codecs::CodecId;

use crate::support::baresip::Baresip;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{Library, LineConfig, Microphone, Page};
use crate::support::sound::Sound;
use crate::support::speech::{self, Scorer, Stage};

#[test]
fn speech_survives_between_jssip_and_baresip_in_pcmu() {
    speech_survives(Library::Jssip, CodecId::Pcmu);
}

#[test]
fn speech_survives_between_sipjs_and_baresip_in_pcma() {
    speech_survives(Library::Sipjs, CodecId::Pcma);
}

#[test]
fn tones_keep_their_level_between_jssip_and_baresip_in_pcma() {
    tones_keep_their_level(Library::Jssip, CodecId::Pcma);
}

#[test]
fn tones_keep_their_level_between_sipjs_and_baresip_in_pcmu() {
    tones_keep_their_level(Library::Sipjs, CodecId::Pcmu);
}

fn speech_survives(library: Library, codec: CodecId) {
    let Some(scorer) = Scorer::find() else { return };
    let said = speech::at_8_khz().repeated(6);
    speech::assert_one_call(|| {
        let heard =
            call_baresip(library, Microphone::Speech, codec, &said, |alice| alice.receive(speech::TWICE_S));
        let Some([by_alice, by_phone]) = heard else { return Ok(()) };
        scorer.judge(&by_alice, &[Stage::g711(codec), Stage::opus_of_gateway(8000)])?;
        scorer.judge(&by_phone, &[Stage::opus_of_browser(), Stage::g711(codec)])
    });
}

fn tones_keep_their_level(library: Library, codec: CodecId) {
    let microphone = Microphone::Tone { hz: 1020.0, peak: 0.25 };
    let said = Sound::tone(8000, 1400.0, 0.25, 60.0);
    let heard = call_baresip(library, microphone, codec, &said, |alice| {
        alice.await_tone(1400.0);
        alice.listen(3.0)
    });
    let Some([by_alice, by_phone]) = heard else { return };
    by_alice.assert_tone(1400.0, 0.25, 0.3);
    by_phone.last_seconds(2.0).assert_tone(1020.0, 0.25, 0.3);
}

/// What alice heard by `listen`, and what the phone that she called heard.
fn call_baresip(
    library: Library,
    microphone: Microphone,
    codec: CodecId,
    said: &Sound,
    listen: impl FnOnce(&Page) -> Sound,
) -> Option<[Sound; 2]> {
    let browser = Browser::shared()?;
    let phone = Baresip::answering("phone", codec.encoding_name(), said)?;
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .trunk_at("provider", phone.address(), &[codec.encoding_name()])
        .rule("destination = \"0.*\"\nactions = [{ bridge = { trunk = \"provider\", number = \"phone\" } }]");
    let gateway = Gateway::start(&config);

    let alice = browser.open();
    let watches_frames = microphone == Microphone::Speech;
    let line = LineConfig { library, microphone, watches_frames, ..LineConfig::default() };
    alice.register(&gateway, "alice", &line);
    alice.call_through("0301234567");
    let heard = listen(&alice);
    assert_eq!(alice.codecs(), ["audio/opus", "audio/opus"]);
    alice.hangup();
    alice.next("ended");
    phone.wait_for_the_end_of_its_call();
    gateway.assert_all_is_over(1);
    gateway.stop();
    Some([heard, phone.heard()])
}
