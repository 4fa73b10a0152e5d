//! What is said is heard, and named.

use std::time::Duration;

use webtrunk_codecs::resample::resample;
use webtrunk_codecs::{CodecId, EncoderConfig, decoder, encoder};

use super::said::{HUM_DBM0, said};
use super::*;

fn heard(hum: Hum, seconds: usize) -> Vec<i16> {
    let clip = hum.clip();
    let said = resample(&clip.samples, clip.rate, RATE);
    said.iter().cycle().take(8000 * seconds).copied().collect()
}

fn through(codec: CodecId, samples: &[i16]) -> Vec<i16> {
    let mut there = encoder(codec, RATE, &EncoderConfig::default()).expect("8 kHz");
    let mut back = decoder(codec, RATE).expect("8 kHz");
    let mut out = Vec::new();
    for frame in samples.chunks_exact(160) {
        let (mut payload, mut pcm) = ([0; 1920], [0; 160]);
        let length = there.encode(frame, &mut payload).expect("20 ms");
        back.decode(&payload[..length], &mut pcm).expect("a packet");
        out.extend(pcm);
    }
    out
}

#[test]
fn each_end_is_known_by_its_hum_through_every_codec() {
    for codec in [CodecId::Pcmu, CodecId::Opus, CodecId::G722] {
        for hum in [Hum::of_caller(0), Hum::of_caller(69), Hum::of_answerer(3), Hum::of_answerer(69)] {
            let found = HumHeard::of(&through(codec, &heard(hum, 5)), hum, &[]);
            assert_eq!(found.whose, Some(hum), "{codec:?}");
            assert!(found.gain_db().abs() < 1.5, "{codec:?} {hum:?}: {}", found.gain_db());
            assert!(found.longest_hole().is_zero(), "{codec:?} {hum:?}: {:?}", found.holes);
        }
    }
    assert_eq!(Hum::of_caller(70), Hum::of_caller(0));
}

#[test]
fn the_hum_of_another_is_named_and_silence_is_nobodys() {
    let found = HumHeard::of(&heard(Hum::of_caller(12), 4), Hum::of_caller(11), &[]);
    assert_eq!(found.whose, Some(Hum::of_caller(12)));
    assert!(found.gain_db() < -30.0, "{}", found.gain_db());
    assert_eq!(HumHeard::of(&[0; 32_000], Hum::of_caller(0), &[]).whose, None);
    assert_eq!(HumHeard::of(&[], Hum::of_caller(0), &[]).whose, None);
}

fn tones(hz: &[f64], level_dbm0: f64, seconds: usize) -> Vec<i16> {
    let mut mixed = vec![0_i16; 8000 * seconds];
    for hz in hz {
        let tone = said(*hz, level_dbm0, RATE, 8000 * seconds);
        mixed.iter_mut().zip(tone).for_each(|(all, one)| *all = all.saturating_add(one));
    }
    mixed
}

#[test]
fn another_sound_is_no_hum_of_another_call() {
    // A ring, a chord, two other ends at one time.
    for hz in [&[440.0, 480.0][..], &[440.0, 550.0, 660.0], &[700.0, 1010.0]] {
        let found = HumHeard::of(&tones(hz, -16.0, 4), Hum::of_caller(5), &[]);
        assert_eq!((found.whose, found.is_other), (None, true), "{hz:?}");
        assert_eq!(hum_in(&tones(hz, -16.0, 4)), None, "{hz:?}");
    }
    assert_eq!(hum_in(&heard(Hum::of_answerer(7), 4)), Some(Hum::of_answerer(7)));
    assert!(!HumHeard::of(&[0; 32_000], Hum::of_caller(0), &[]).is_other);
}

#[test]
fn who_hums_is_told_by_times_in_which_nothing_else_may_be_heard() {
    // A tone of four seconds before the answer, as another call would hum, then a call of two.
    let mut samples = tones(&[440.0], -16.0, 4);
    samples.extend(heard(Hum::of_caller(5), 2));
    let until = |seconds| Duration::ZERO..Duration::from_secs(seconds);
    assert_eq!(HumHeard::of(&samples, Hum::of_caller(5), &[]).whose, Some(Hum::of_caller(13)));
    let found = HumHeard::of(&samples, Hum::of_caller(5), &[until(4)]);
    assert_eq!((found.whose, found.is_other), (Some(Hum::of_caller(5)), false));
    let found = HumHeard::of(&samples[..32_000], Hum::of_caller(5), &[until(4)]);
    assert_eq!((found.whose, found.is_other), (None, false), "nothing is left to tell it by");
    let found = HumHeard::of(&samples, Hum::of_caller(5), &[until(1)]);
    assert_eq!(found.whose, Some(Hum::of_caller(13)), "most of what is left");
}

#[test]
fn a_note_that_is_a_hum_for_a_moment_is_nobodys() {
    let mut samples = heard(Hum::of_caller(5), 4);
    samples[3200..6400].copy_from_slice(&tones(&[440.0], -10.0, 1)[..3200]);
    let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
    assert_eq!((found.whose, found.stranger), (Some(Hum::of_caller(5)), None));
}

#[test]
fn who_takes_the_place_of_the_expected_for_a_while_is_named() {
    let (own, other) = (Hum::of_caller(5), Hum::of_caller(6));
    for seconds in [[5, 2], [2, 5]] {
        let parts = if seconds[0] > seconds[1] { [own, other] } else { [other, own] };
        let samples = [heard(parts[0], seconds[0]), heard(parts[1], seconds[1])].concat();
        let found = HumHeard::of(&samples, own, &[]);
        let stranger = found.stranger.unwrap_or_else(|| panic!("nobody in {parts:?}"));
        assert_eq!((found.whose, stranger.hum), (Some(own), other), "{parts:?}");
        assert!((stranger.level_dbm0 - HUM_DBM0).abs() < 1.0, "{stranger:?}");
        // Music on hold, for instance.
        let anything = [Duration::ZERO..Duration::from_secs(2), Duration::from_secs(5)..Duration::MAX];
        assert_eq!(HumHeard::of(&samples, own, &anything).stranger, None, "{parts:?}");
    }
    assert_eq!(HumHeard::of(&heard(own, 5), own, &[]).stranger, None);
}

#[test]
fn beeps_are_timed_to_a_few_milliseconds_through_every_codec() {
    for codec in [CodecId::Pcmu, CodecId::Opus, CodecId::G722] {
        let samples = heard(Hum::of_answerer(40), 7);
        let found = HumHeard::of(&through(codec, &samples[4000..]), Hum::of_answerer(40), &[]);
        let at: Vec<_> = found.beeps.iter().map(|at| at.as_secs_f64() * 1000.0).collect();
        assert_eq!(at.len(), 3, "{codec:?}: {at:?}");
        for (at, expected) in at.iter().zip([1500.0, 3500.0, 5500.0]) {
            // Opus looks ahead by 6.5 ms.
            assert!((-4.0..12.0).contains(&(at - expected)), "{codec:?}: {at} of {expected}");
        }
    }
}

#[test]
fn a_hole_has_its_length() {
    let mut samples = heard(Hum::of_caller(5), 4);
    samples[16_000..16_000 + 160 * 15].fill(0);
    let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
    let (at, length) = (Duration::from_secs(2), Duration::from_millis(300));
    assert_eq!(found.holes, [Hole { at, length }]);
    assert_eq!(found.until, Some(Duration::from_secs(4)));
    samples[24_000..].fill(0);
    let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
    assert_eq!(
        (found.holes.len(), found.until),
        (1, Some(Duration::from_secs(3))),
        "what follows is no hole"
    );
}

#[test]
fn what_a_hole_leaves_of_a_beep_is_none() {
    let mut samples = heard(Hum::of_caller(5), 5);
    samples[16_000..16_000 + 160 * 2].fill(0);
    let found = HumHeard::of(&samples, Hum::of_caller(5), &[]);
    assert_eq!(found.beeps.len(), 1, "{:?}", found.beeps);
    assert!(found.beeps[0] > Duration::from_millis(3990));
}

#[test]
fn an_echo_is_heard_beside_the_other() {
    let (own, other) = (heard(Hum::of_caller(5), 5), heard(Hum::of_answerer(5), 5));
    let mixed: Vec<_> = own.iter().zip(&other).map(|(own, other)| own / 10 + other).collect();
    let level = level_beside(&mixed, Hum::of_caller(5));
    assert!((below_said(level) - 20.0).abs() < 1.0, "{level}");
    assert!(below_said(level_beside(&other, Hum::of_caller(5))) > 40.0);
}
