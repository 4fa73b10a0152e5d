//! Keys in sound: heard as ITU-T Q.24 wants them, through codecs and noise, and never in speech.

use crate::espeak::Talk;
use std::f64::consts::TAU;
use std::time::Duration;
use webtrunk_codecs::opus::OpusEncoderConfig;
use webtrunk_codecs::tone::{Digit, DtmfDetector, DtmfEvent, FULL_SCALE_DBM0, Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, EncoderConfig, SampleRate, decoder, encoder};

const NARROW: SampleRate = SampleRate::HZ_8000;
const WIDE: SampleRate = SampleRate::HZ_16000;

/// One press of a key.
#[derive(Debug, Clone, Copy)]
struct Press {
    digit: Digit,
    ms: u32,
    /// Of the louder tone.
    level_dbm0: f64,
    /// How much louder the high tone is.
    twist_db: f64,
    /// How far both tones are off.
    deviation: f64,
    /// Of noise over the whole band.
    snr_db: f64,
    rate: SampleRate,
}

impl Press {
    fn of(digit: Digit) -> Self {
        let (ms, level_dbm0, snr_db) = (60, -10.0, f64::INFINITY);
        Self { digit, ms, level_dbm0, twist_db: 0.0, deviation: 0.0, snr_db, rate: NARROW }
    }

    /// The tone with 100 ms before and after it, in noise all the time.
    fn samples(self, random: &mut Random) -> Vec<i16> {
        let (low_hz, high_hz) = self.digit.frequencies_hz();
        let low = peak(self.level_dbm0 - self.twist_db.max(0.0));
        let high = peak(self.level_dbm0 + self.twist_db.min(0.0));
        let noise = ((low * low + high * high) / 2.0 * 10_f64.powf(-self.snr_db / 10.0)).sqrt();
        let quiet = self.rate.samples_in_ms(100) + random.below(self.rate.samples_in_ms(5));
        let tone = quiet..quiet + self.rate.samples_in_ms(self.ms);
        let phases = (TAU * random.unit(), TAU * random.unit());
        (0..tone.end + self.rate.samples_in_ms(100))
            .map(|n| {
                let turn = TAU * (1.0 + self.deviation) * n as f64 / f64::from(self.rate.hz());
                let key = low * (turn * f64::from(low_hz) + phases.0).sin()
                    + high * (turn * f64::from(high_hz) + phases.1).sin();
                let key = if tone.contains(&n) { key } else { 0.0 };
                // Uniform noise of that deviation.
                (key + noise * 12_f64.sqrt() * (random.unit() - 0.5)).round() as i16
            })
            .collect()
    }

    /// Whether this press, and nothing else, is heard.
    fn is_heard(self, way: Way, random: &mut Random) -> bool {
        let events = heard(self.rate, &way.carry(self.rate, &self.samples(random)));
        match events[..] {
            [DtmfEvent::Began { digit: began, .. }, DtmfEvent::Ended { digit, duration }] => {
                let pressed = Duration::from_millis(self.ms.into());
                began == self.digit
                    && digit == self.digit
                    && duration.abs_diff(pressed) <= Duration::from_millis(15)
            }
            _ => false,
        }
    }
}

/// What is between key and ear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    Through(CodecId),
}

impl Way {
    fn carry(self, rate: SampleRate, samples: &[i16]) -> Vec<i16> {
        let Self::Through(codec) = self else { return samples.to_vec() };
        let config =
            EncoderConfig { opus: OpusEncoderConfig { bitrate_bps: 16_000, ..OpusEncoderConfig::default() } };
        let mut encoder = encoder(codec, rate, &config).unwrap();
        let mut decoder = decoder(codec, rate).unwrap();
        let (mut payload, mut out) = ([0; 1920], [0; 960]);
        let frames = samples.chunks_exact(rate.samples_in_ms(20)).flat_map(|frame| {
            let octets = encoder.encode(frame, &mut payload).unwrap();
            let samples = decoder.decode(&payload[..octets], &mut out).unwrap();
            out[..samples].to_vec()
        });
        frames.collect()
    }
}

fn heard(rate: SampleRate, samples: &[i16]) -> Vec<DtmfEvent> {
    let mut detector = DtmfDetector::new(rate).unwrap();
    let mut events = Vec::new();
    // Lengths that go with nothing.
    samples.chunks(37).for_each(|part| detector.push(part, |event| events.push(event)));
    events.extend(detector.finish());
    events
}

fn keys(events: &[DtmfEvent]) -> String {
    let began = events.iter().filter_map(|event| match event {
        DtmfEvent::Began { digit, .. } => Some(digit.to_char()),
        DtmfEvent::Ended { .. } => None,
    });
    began.collect()
}

fn peak(level_dbm0: f64) -> f64 {
    32_768.0 * 10_f64.powf((level_dbm0 - FULL_SCALE_DBM0) / 20.0)
}

#[test]
fn every_key_is_heard_at_every_length_level_and_twist() {
    let mut random = Random(1);
    for rate in [NARROW, WIDE, SampleRate::HZ_48000] {
        for digit in Digit::all() {
            for ms in [40, 60, 100] {
                for level_dbm0 in [-3.0, -10.0, -20.0, -30.0] {
                    for twist_db in [-6.0, 0.0, 6.0] {
                        let press = Press { ms, level_dbm0, twist_db, rate, ..Press::of(digit) };
                        assert!(press.is_heard(Way::Direct, &mut random), "{press:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn noise_15_db_below_hides_no_key() {
    let mut random = Random(2);
    for digit in Digit::all() {
        for ms in [40, 60, 100] {
            for twist_db in [-6.0, 0.0, 6.0] {
                for level_dbm0 in [-5.0, -15.0, -25.0] {
                    let press = Press { ms, level_dbm0, twist_db, snr_db: 15.0, ..Press::of(digit) };
                    assert!(press.is_heard(Way::Direct, &mut random), "{press:?}");
                }
            }
        }
    }
}

#[test]
fn codecs_hide_no_key() {
    let mut random = Random(3);
    let ways = [
        (CodecId::Pcmu, NARROW),
        (CodecId::Pcma, NARROW),
        (CodecId::G722, NARROW),
        (CodecId::G722, WIDE),
        (CodecId::Opus, NARROW),
        (CodecId::Opus, WIDE),
    ];
    for (codec, rate) in ways {
        let (mut missed, mut all) = (0, 0);
        for digit in Digit::all() {
            for ms in [40, 60, 100] {
                for level_dbm0 in [-3.0, -15.0, -30.0] {
                    for twist_db in [-6.0, 0.0, 6.0] {
                        let press = Press { ms, level_dbm0, twist_db, rate, ..Press::of(digit) };
                        all += 1;
                        missed += usize::from(!press.is_heard(Way::Through(codec), &mut random));
                    }
                }
            }
        }
        // At 16 kbit/s Opus may smear one of the shortest; it does not with the libopus of today.
        let allowed = if codec == CodecId::Opus { all / 100 } else { 0 };
        assert!(missed <= allowed, "{codec:?} at {rate:?}: {missed} of {all} missed");
    }
}

#[test]
fn frequencies_are_told_apart_as_q24_wants() {
    let mut random = Random(4);
    for digit in Digit::all() {
        for snr_db in [f64::INFINITY, 20.0] {
            for (deviation, is_key) in [(0.015, true), (-0.015, true), (0.035, false), (-0.035, false)] {
                let press = Press { deviation, snr_db, ms: 100, ..Press::of(digit) };
                assert_eq!(press.is_heard(Way::Direct, &mut random), is_key, "{press:?}");
            }
        }
    }
}

#[test]
fn what_is_too_short_too_weak_or_too_twisted_is_no_key() {
    let mut random = Random(5);
    for digit in Digit::all() {
        let press = Press::of(digit);
        for none in [
            Press { ms: 23, ..press },
            Press { level_dbm0: -45.0, ..press },
            Press { twist_db: 13.0, ..press },
            Press { twist_db: -13.0, ..press },
            Press { snr_db: 3.0, ..press },
        ] {
            assert_eq!(keys(&heard(NARROW, &none.samples(&mut random))), "", "{none:?}");
        }
    }
}

#[test]
fn short_breaks_are_passed_over_and_pauses_are_not() {
    for (pause_ms, expected) in [(0, "5"), (10, "5"), (23, "5"), (40, "55"), (60, "55")] {
        for shift in 0..40 {
            let mut samples = vec![0; 800 + shift];
            let (low, high) = (peak(-10.0), peak(-8.0));
            samples.extend((0..1600).map(|n| {
                let turn = TAU * f64::from(n) / 8000.0;
                let in_pause = (640..640 + pause_ms * 8).contains(&n);
                let key = low * (turn * 770.0).sin() + high * (turn * 1336.0).sin();
                if in_pause { 0 } else { key as i16 }
            }));
            samples.extend([0; 800]);
            assert_eq!(keys(&heard(NARROW, &samples)), expected, "{pause_ms} ms, shifted by {shift}");
        }
    }
}

#[test]
fn our_own_keys_are_heard_in_a_row() {
    let digits: Vec<Digit> = Digit::all().collect();
    for rate in [NARROW, WIDE] {
        let mut samples = vec![0; 500];
        for digit in &digits {
            let mut tone = vec![0; rate.samples_in_ms(50)];
            ToneGenerator::new(Tone::key(*digit), rate).fill(&mut tone);
            samples.extend(tone);
            samples.extend(vec![0; rate.samples_in_ms(50)]);
        }
        assert_eq!(
            keys(&heard(rate, &samples)),
            digits.iter().map(|digit| digit.to_char()).collect::<String>()
        );
    }
}

#[test]
fn a_key_that_follows_without_pause_ends_the_one_before() {
    let one = Press { ms: 80, ..Press::of(Digit::parse('1').unwrap()) };
    let nine = Press { digit: Digit::parse('9').unwrap(), ..one };
    let mut random = Random(6);
    let (mut samples, next) = (one.samples(&mut random), nine.samples(&mut random));
    samples.truncate(samples.len() - 800);
    samples.extend(&next[800..]);
    let events = heard(NARROW, &samples);
    assert_eq!(keys(&events), "19");
    assert_eq!(events.len(), 4);
    assert!(matches!(events[1], DtmfEvent::Ended { digit, .. } if digit == one.digit), "{events:?}");
}

/// So many minutes, or what the environment says: `make dtmf-hour` asks for sixty.
#[test]
fn no_key_is_heard_in_speech() {
    let minutes = std::env::var("WEBTRUNK_SPEECH_MINUTES").map_or(2, |text| text.parse().unwrap());
    let Some(mut talk) = Talk::new() else { return };
    let mut seconds = 0.0;
    while seconds < 60.0 * f64::from(minutes) {
        let (voice, narrow, wide) = talk.next();
        seconds += narrow.len() as f64 / 8000.0;
        for (rate, samples) in [(NARROW, narrow), (WIDE, wide)] {
            let events = heard(rate, &samples);
            assert_eq!(keys(&events), "", "{voice} at {rate:?}, in minute {}", seconds / 60.0);
        }
    }
    eprintln!("no key in {:.1} minutes of speech", seconds / 60.0);
}

struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }
}
