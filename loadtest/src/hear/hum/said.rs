//! What an end says: its hum, with beeps.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::{Tone, ToneGenerator, goertzel_dbm0};
use webtrunk_codecs::wav::Clip;

use super::RATE;

/// Who hums: each end of each call of those that are up together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hum(u16);

/// The lowest hum, in Hz, and the step between two. They are whole periods of a piece, so that none is heard in
/// another's place.
const LOWEST_HZ: u16 = 310;
const STEP_HZ: u16 = 10;
/// Hums of callers, and as many of those who answer: up to 1700 Hz.
const PAIRS: u16 = 70;
pub(super) const HUM_DBM0: f64 = -16.0;
/// What every telephone carries and no hum comes near to.
pub(super) const BEEP_HZ: f64 = 2500.0;
const BEEP_DBM0: f64 = -12.0;
pub(super) const BEEP_MS: u32 = 100;
/// Packets from one beep to the next: two seconds.
pub(crate) const PACKETS_PER_BEEP: u32 = 100;

impl Hum {
    /// How many callers are told apart, and as many of those who answer.
    pub const PAIRS: usize = PAIRS as usize;

    /// The hum of who calls, in the call of this number.
    #[must_use]
    pub const fn of_caller(call: usize) -> Self {
        Self((call % PAIRS as usize) as u16)
    }

    /// The hum of who answers.
    #[must_use]
    pub const fn of_answerer(call: usize) -> Self {
        Self(PAIRS + (call % PAIRS as usize) as u16)
    }

    /// Its frequency.
    #[must_use]
    pub const fn hz(self) -> u16 {
        LOWEST_HZ + self.0 * STEP_HZ
    }

    /// Two seconds of it, which join up with themselves.
    #[must_use]
    pub fn clip(self) -> Clip {
        let rate = SampleRate::HZ_16000;
        let length = rate.samples_in_ms(2000);
        let mut samples = said(f64::from(self.hz()), HUM_DBM0, rate, length);
        let beep = said(BEEP_HZ, BEEP_DBM0, rate, rate.samples_in_ms(BEEP_MS));
        for (sample, beep) in samples.iter_mut().zip(beep) {
            *sample = sample.saturating_add(beep);
        }
        Clip { samples, rate }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..2 * PAIRS).map(Self)
    }

    pub(super) fn level(self, samples: &[i16]) -> f64 {
        goertzel_dbm0(samples, RATE, f64::from(self.hz()))
    }
}

/// A sine in the middle of its life: a generator fades in.
pub(super) fn said(hz: f64, level_dbm0: f64, rate: SampleRate, length: usize) -> Vec<i16> {
    let mut generator = ToneGenerator::new(Tone::sine(hz, level_dbm0), rate);
    let mut samples = vec![0; rate.hz() as usize];
    generator.fill(&mut samples);
    samples.resize(length, 0);
    generator.fill(&mut samples);
    samples
}

/// How much quieter than it was said, in dB, a hum was.
#[must_use]
pub(crate) const fn below_said(level_dbm0: f64) -> f64 {
    HUM_DBM0 - level_dbm0
}
