//! Keys between parties that have them in different ways, beside voice of different clocks.

use webtrunk_codecs::l16::L16Rate;
use webtrunk_codecs::tone::{Digit, DtmfDetector, DtmfEvent, Tone, ToneGenerator};
use webtrunk_codecs::wav::Clip;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, PhoneConfig, Voice};

use super::ear::{assert_hears, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::process::wait_until;

const KEYS: &str = "147*0#";

/// The keys that sound in what an end hears.
async fn tones(call: &Call) -> String {
    let mut detector = DtmfDetector::new(SampleRate::HZ_8000).expect("a rate of its own");
    let mut keys = String::new();
    detector.push(&call.heard().await.expect("a log").samples(SampleRate::HZ_8000), |event| {
        if let DtmfEvent::Began { digit, .. } = event {
            keys.push(digit.to_char());
        }
    });
    keys
}

/// What a phone says that presses these keys as tones, each of 100 ms with as much silence before it.
pub(super) fn pressing(keys: &str) -> Voice {
    let rate = SampleRate::HZ_8000;
    let tenth = rate.samples_in_ms(100);
    let mut samples = Vec::new();
    for key in keys.chars().filter_map(Digit::parse) {
        let mut tone = vec![0; tenth];
        ToneGenerator::new(Tone::key(key), rate).fill(&mut tone);
        samples.extend(std::iter::repeat_n(0, tenth).chain(tone));
    }
    // It is said over and over: the next time is long after the test.
    samples.extend(std::iter::repeat_n(0, 600 * tenth));
    Voice::from_clip(Clip { samples, rate }).expect("longer than a packet")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_phone_with_events_to_one_with_tones_and_back() {
    let stage = Stage::with_carrier(&["PCMU"], "dtmf = 'inband'");
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    call.send_digits(KEYS).await.expect("events are agreed on");
    call.say(None);
    lifted.say(Some(pressing(KEYS)));
    call.heard_digits(KEYS.len(), PATIENCE).await.expect("tones become events");
    assert_eq!(call.heard().await.expect("a log").digits_text(), KEYS);
    assert_eq!(tones(&lifted).await, KEYS, "events become tones");
    assert!(lifted.heard().await.expect("a log").digits_text().is_empty(), "in one way alone");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_webrtc_to_a_trunk_that_has_them_in_signalling_alone() {
    let stage = Stage::with_carrier(&["PCMU"], "dtmf = 'info'");
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let offer = lifted.remote_description().expect("an offer");
    assert!(!offer.text.contains("telephone-event"), "none are offered: {}", offer.text);
    // In media, as a page has them by RFC 4733, and in signalling.
    call.send_digits(KEYS).await.expect("events are agreed on");
    let arrived = |count: usize| wait_until(PATIENCE, || lifted.info_digits().len() >= count);
    assert!(arrived(KEYS.len()), "only {:?} came", lifted.info_digits());
    for key in KEYS.chars() {
        call.send_info_digit(key).await.expect("the gateway takes digits");
    }
    assert!(arrived(2 * KEYS.len()), "only {:?} came", lifted.info_digits());
    assert_eq!(lifted.info_digits(), KEYS.repeat(2));
    assert!(lifted.heard().await.expect("a log").digits_text().is_empty());
    call.heard_packets(150, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// A key of 100 ms takes this many ticks, give or take a packet.
fn assert_is_held_for_a_tenth(call_digits: &[webtrunk_loadtest::agent::HeardDigit], hz: u32) {
    for digit in call_digits {
        let held_ms = u32::from(digit.duration) * 1000 / hz;
        assert!(digit.is_ended && (60..=200).contains(&held_ms), "{digit:?} at {hz} Hz");
    }
}

/// Opus has a clock of 48 kHz, and keys beside it too. A browser is told of keys in signalling.
#[tokio::test(flavor = "multi_thread")]
async fn events_beside_opus_have_its_clock() {
    let stage = Stage::new(&["PCMU"]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let answer = call.remote_description().expect("an answer");
    assert!(answer.text.contains("telephone-event/48000"), "{}", answer.text);
    assert_hears(&call, CALLEE_HZ).await;
    call.send_digits(KEYS).await.expect("events are agreed on");
    lifted.heard_digits(KEYS.len(), PATIENCE).await.expect("digits");
    let heard = lifted.heard().await.expect("a log");
    assert_eq!(heard.digits_text(), KEYS);
    assert_is_held_for_a_tenth(&heard.digits, 8000);
    lifted.send_digits(KEYS).await.expect("events are agreed on");
    assert!(wait_until(PATIENCE, || call.info_digits() == KEYS), "only {:?} came", call.info_digits());
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// Voice of 16 kHz has events of 16 kHz beside it (RFC 4733 2.1), which become others' and come from them.
#[tokio::test(flavor = "multi_thread")]
async fn events_have_the_clock_of_the_voice_beside_them() {
    let wide = CodecId::L16(L16Rate::Wide);
    let stage = Stage::new(&["L16/16000"]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(wide)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let offer = lifted.remote_description().expect("an offer");
    assert!(offer.text.contains("telephone-event/16000"), "{}", offer.text);
    assert_hears(&lifted, CALLER_HZ).await;
    call.send_digits(KEYS).await.expect("events are agreed on");
    lifted.heard_digits(KEYS.len(), PATIENCE).await.expect("digits");
    let heard = lifted.heard().await.expect("a log");
    assert_eq!(heard.digits_text(), KEYS);
    assert_is_held_for_a_tenth(&heard.digits, 16_000);
    call.hang_up().await.expect("confirmed");

    let caller = phone(PhoneConfig { codecs: vec![wide], ..stage.caller(wide) }).await;
    let (call, lifted) = talk(&caller, &callee).await;
    for (from, to) in [(&call, &lifted), (&lifted, &call)] {
        from.send_digits(KEYS).await.expect("events are agreed on");
        to.heard_digits(KEYS.len(), PATIENCE).await.expect("digits");
        let heard = to.heard().await.expect("a log");
        assert_eq!(heard.digits_text(), KEYS);
        assert_is_held_for_a_tenth(&heard.digits, 16_000);
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}
