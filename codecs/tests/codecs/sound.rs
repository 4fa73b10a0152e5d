//! Sounds to measure codecs by, and the measures.

use std::f64::consts::TAU;
use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::{Tone, ToneGenerator};

pub(crate) const RATES: [SampleRate; 3] = [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000];

pub(crate) fn tone(rate: SampleRate, hz: f64, level_dbm0: f64, ms: u32) -> Vec<i16> {
    let mut samples = vec![0; rate.samples_in_ms(ms)];
    ToneGenerator::new(Tone::sine(hz, level_dbm0), rate).fill(&mut samples);
    samples
}

/// Voiced sound with the traits of speech that matter to a codec: a gliding pitch, three formants,
/// and syllables four times a second.
pub(crate) fn speech(rate: SampleRate, ms: u32) -> Vec<i16> {
    const FORMANTS: [(f64, f64); 3] = [(500.0, 1.0), (1500.0, 0.5), (2500.0, 0.25)];
    let seconds = |n: usize| n as f64 / f64::from(rate.hz());
    let mut pitch_phase = 0.0;
    (0..rate.samples_in_ms(ms))
        .map(|n| {
            let pitch = 140.0 + 40.0 * (TAU * 0.7 * seconds(n)).sin();
            pitch_phase += pitch / f64::from(rate.hz());
            let strength = |hz: f64| -> f64 {
                FORMANTS.iter().map(|(at, gain)| gain / (1.0 + ((hz - at) / 120.0).powi(2))).sum()
            };
            let harmonics = (1..24).map(f64::from).filter(|harmonic| harmonic * pitch < 3400.0);
            let voice: f64 = harmonics
                .map(|harmonic| strength(harmonic * pitch) * (TAU * harmonic * pitch_phase).sin())
                .sum();
            let syllable = (TAU * 2.0 * seconds(n)).sin().abs().powf(0.7);
            (5000.0 * syllable * voice) as i16
        })
        .collect()
}

pub(crate) fn energy(samples: &[i16]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample).powi(2)).sum()
}

/// How much louder `after` is than `before`, in dB.
pub(crate) fn gain_db(before: &[i16], after: &[i16]) -> f64 {
    let mean = |samples: &[i16]| energy(samples) / samples.len() as f64;
    10.0 * (mean(after) / mean(before)).log10()
}

/// Signal to noise of `heard` against `true_samples`, in dB.
pub(crate) fn snr_db(true_samples: &[i16], heard: &[i16]) -> f64 {
    let pairs = true_samples.iter().zip(heard);
    let noise: f64 = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    10.0 * (energy(true_samples) / noise).log10()
}
