//! Keys as tones in the voice: heard, said, and told from what is said beside them.

use webtrunk_codecs::tone::{Digit, DtmfDetector, DtmfEvent, Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, encoder};

use super::{Bench, FRAME, HELD, Phone, tone};
use crate::call::{CallEvent, KeyMode};

const KEYS: &str = "0123456789*#ABCD";

fn bench(codec: CodecId) -> Bench {
    Bench::between(Phone::new(1, CodecId::Opus), Phone::new(2, codec), KeyMode::Tones)
}

/// Every key for 100 ms and as long a pause after it.
fn pressed(codec: CodecId) -> Vec<Vec<u8>> {
    let rate = SampleRate::HZ_8000;
    let mut samples = Vec::new();
    for digit in Digit::all() {
        let mut key = vec![0; 1600];
        ToneGenerator::new(Tone::key(digit), rate).fill(&mut key[..800]);
        samples.extend(key);
    }
    let mut encoder = encoder(codec, rate, &EncoderConfig::default()).expect("8 kHz");
    let mut payload = [0; 1275];
    let code = |frame: &[i16]| {
        let length = encoder.encode(frame, &mut payload).expect("20 ms");
        payload[..length].to_vec()
    };
    samples.chunks(160).map(code).collect()
}

fn keys_in(sound: &[i16]) -> String {
    let mut heard = String::new();
    let mut detector = DtmfDetector::new(SampleRate::HZ_8000).expect("8 kHz");
    detector.push(sound, |event| {
        if let DtmfEvent::Began { digit, .. } = event {
            heard.push(digit.to_char());
        }
    });
    heard
}

#[test]
fn keys_in_the_voice_are_told_once_each_with_and_without_loss() {
    for codec in [CodecId::Pcmu, CodecId::Pcma, CodecId::G722, CodecId::Opus] {
        for lost_every in [usize::MAX, 9] {
            let mut bench = bench(codec);
            bench.events();
            for (index, payload) in pressed(codec).iter().enumerate() {
                let mut packet = bench.phones[1].packet(payload);
                if index % lost_every != lost_every - 1 {
                    bench.deliver(1, &mut packet);
                }
                bench.pass(FRAME);
            }
            let (mut down, mut up) = (String::new(), String::new());
            for event in bench.events() {
                match event {
                    CallEvent::DigitBegan { digit, .. } => down.push(digit.to_char()),
                    CallEvent::DigitPressed { digit, duration, .. } => {
                        assert!((60..=160).contains(&duration.as_millis()), "{digit}: {duration:?}");
                        up.push(digit.to_char());
                    }
                    CallEvent::AudioChanged { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((&*down, &*up), (KEYS, KEYS), "{codec:?}, one of {lost_every} lost");
        }
    }
}

#[test]
fn a_key_goes_up_when_its_phone_falls_silent() {
    let mut bench = bench(CodecId::Pcmu);
    for payload in &pressed(CodecId::Pcmu)[..4] {
        bench.send(1, payload);
        bench.pass(FRAME);
    }
    bench.events();
    bench.pass(FRAME * 10);
    let told = bench.events();
    assert!(matches!(told[..], [CallEvent::DigitPressed { .. }]), "{told:?}");
}

#[test]
fn keys_are_said_in_the_voice_whether_or_not_somebody_speaks() {
    for codec in [CodecId::Pcmu, CodecId::G722, CodecId::Opus] {
        for is_spoken in [false, true] {
            let mut bench = bench(codec);
            let leg = bench.phones[1].leg;
            for digit in Digit::all() {
                bench.call.send_digit(leg, digit, HELD, bench.now);
            }
            for payload in tone(CodecId::Opus, 250) {
                if is_spoken {
                    bench.send(0, &payload);
                }
                bench.pass(FRAME);
            }
            let phone = &bench.phones[1];
            assert_eq!(keys_in(&phone.sound()), KEYS, "{codec:?}, spoken: {is_spoken}");
            for pair in phone.heard.windows(2) {
                assert_eq!(pair[1].payload_type, pair[0].payload_type, "no telephone-event");
                assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
                let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
                let frame = codec.clock_rate().hz() / 50;
                assert!((frame..8 * frame).contains(&ticks), "{ticks} ticks");
            }
            assert!(bench.events().iter().all(|event| !matches!(event, CallEvent::DigitRefused { .. })));
        }
    }
}

#[test]
fn a_key_that_is_down_sounds_until_it_goes_up() {
    let mut bench = bench(CodecId::Pcma);
    let (leg, digit) = (bench.phones[1].leg, Digit::parse('5').expect("a key"));
    bench.call.begin_digit(leg, digit, bench.now);
    bench.pass(FRAME * 20);
    assert_eq!(bench.phones[1].heard.len(), 21, "from the moment in which it went down");
    bench.call.end_digit(leg, digit, FRAME * 20);
    bench.pass(FRAME * 20);
    assert_eq!(bench.phones[1].heard.len(), 24, "its end, and two packets of silence behind it");
    assert_eq!(keys_in(&bench.phones[1].sound()), "5");
}

/// What is relayed unread may come in longer packets than the listener's own.
#[test]
fn a_tone_begins_where_a_relayed_packet_of_any_length_ends() {
    for codec in [CodecId::Pcmu, CodecId::Opus] {
        for ptime_ms in [10, 20, 40, 60] {
            let ticks_per_ms = codec.clock_rate().hz() / 1000;
            let speaker = Phone { ptime_ms, ..Phone::new(1, codec) };
            let mut bench = Bench::between(speaker, Phone::new(2, codec), KeyMode::Tones);
            let mut encoder = encoder(codec, SampleRate::HZ_8000, &EncoderConfig::default()).expect("8 kHz");
            let (frame, mut payload) = (vec![0; 8 * ptime_ms as usize], [0; 1275]);
            let leg = bench.phones[1].leg;
            for ms in 0..3000 {
                if ms % ptime_ms == 0 {
                    let length = encoder.encode(&frame, &mut payload).expect("a frame");
                    bench.send(0, &payload[..length]);
                }
                if ms >= 500 && (ms - 500) % 251 == 0 {
                    bench.call.send_digit(leg, Digit::parse('5').expect("a key"), HELD, bench.now);
                }
                bench.pass(FRAME / 20);
            }
            let heard = &bench.phones[1].heard;
            assert_eq!(keys_in(&bench.phones[1].sound()).len(), 10, "{codec:?}, {ptime_ms} ms");
            for pair in heard.windows(2) {
                let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
                let lasts = codec.ticks_in(&pair[0].payload);
                let gap_max = ptime_ms.max(20) * ticks_per_ms;
                assert!(
                    (lasts..lasts + gap_max).contains(&ticks),
                    "{codec:?}, {ptime_ms} ms: {lasts} ticks are followed after {ticks}"
                );
            }
        }
    }
}

/// Whether or not somebody speaks, and whenever a key is pressed: what is sent shows the time at which it is sent.
#[test]
fn tones_shift_the_time_of_nothing() {
    for codec in [CodecId::Pcma, CodecId::Pcmu, CodecId::Opus] {
        for is_spoken in [true, false] {
            let mut bench =
                Bench::between(Phone::new(1, CodecId::Pcmu), Phone::new(2, codec), KeyMode::Tones);
            let leg = bench.phones[1].leg;
            let mut sent_at = Vec::new();
            for ms in 0..6000 {
                if is_spoken && ms % 20 == 0 {
                    bench.send(0, &[0x55; 160]);
                }
                // Each key is pressed elsewhere in a packet's time.
                if ms >= 500 && (ms - 500) % 251 == 0 {
                    bench.call.send_digit(leg, Digit::parse('5').expect("a key"), HELD, bench.now);
                }
                bench.pass(FRAME / 20);
                sent_at.resize(bench.phones[1].heard.len(), ms);
            }
            let ticks_per_ms = codec.clock_rate().hz() / 1000;
            let heard = &bench.phones[1].heard;
            assert!(heard.len() > if is_spoken { 280 } else { 200 }, "{}", heard.len());
            for (packet, at) in heard.iter().zip(&sent_at) {
                let shown = packet.timestamp.wrapping_sub(heard[0].timestamp) / ticks_per_ms;
                let passed: u32 = at - sent_at[0];
                assert!(
                    shown.abs_diff(passed) <= 1,
                    "{codec:?} {is_spoken}: shows {shown}, sent {passed} ms"
                );
            }
            for pair in heard.windows(2) {
                let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp) / ticks_per_ms;
                assert!(ticks >= 20, "{ticks} ms");
                assert!(!is_spoken || ticks < 40, "no more than a part of a packet is missing: {ticks} ms");
            }
        }
    }
}
