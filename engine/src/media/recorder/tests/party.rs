//! A party that sends what a function of time says, with a clock of its own, over a network that loses.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use webtrunk_codecs::{CodecId, Encoder, EncoderConfig, encoder};

/// The fixed part of the way to us.
pub(super) const WAY_US: u64 = 30_000;

/// A party and its way to us.
pub(super) struct Party {
    codec: CodecId,
    encoder: Box<dyn Encoder>,
    /// How much longer its seconds are than ours.
    drift_ppm: f64,
    loss: f64,
    jitter_us: u64,
    rng: StdRng,
    /// Frames that began so far, whether or not they were sent.
    frames: u64,
    lost: u32,
    first_timestamp: u32,
}

/// A packet as it came.
pub(super) struct Came {
    pub(super) at_us: u64,
    pub(super) timestamp: u32,
    pub(super) lost_before: u32,
    pub(super) payload: Vec<u8>,
}

impl Party {
    pub(super) fn new(codec: CodecId, drift_ppm: f64, seed: u64) -> Self {
        let rate = codec.native_rate().min(super::super::RATE);
        let encoder = encoder(codec, rate, &EncoderConfig::default()).expect("a rate of the codec");
        let mut rng = StdRng::seed_from_u64(seed);
        let first_timestamp = rng.random();
        Self { codec, encoder, drift_ppm, loss: 0.0, jitter_us: 0, rng, frames: 0, lost: 0, first_timestamp }
    }

    pub(super) fn over(self, loss: f64, jitter_us: u64) -> Self {
        Self { loss, jitter_us, ..self }
    }

    pub(super) const fn codec(&self) -> CodecId {
        self.codec
    }

    /// When the next frame begins, by our clock.
    pub(super) fn next_at(&self) -> f64 {
        self.time_of(self.frames as f64 * 0.02)
    }

    /// Lets the time of a frame pass in which nothing is sent.
    pub(super) fn rest(&mut self) {
        self.frames += 1;
    }

    /// Sends a frame of `sound`, a function of our time; `None` when it is lost.
    pub(super) fn say(&mut self, sound: impl Fn(f64) -> f64) -> Option<Came> {
        let rate = f64::from(self.encoder.sample_rate().hz());
        let begin = self.frames as f64 * 0.02;
        let sample =
            |index: usize| sound(self.time_of(begin + index as f64 / rate)).clamp(-1.0, 1.0) * 32_000.0;
        let pcm: Vec<i16> = (0..(rate * 0.02) as usize).map(|index| sample(index) as i16).collect();
        let mut payload = vec![0; 1500];
        let length = self.encoder.encode(&pcm, &mut payload).expect("20 ms");
        payload.truncate(length);
        let ticks = self.frames * u64::from(self.codec.clock_rate().hz()) / 50;
        self.frames += 1;
        if self.rng.random_bool(self.loss) {
            self.lost += 1;
            return None;
        }
        let jitter_us = if self.jitter_us == 0 { 0 } else { self.rng.random_range(0..self.jitter_us) };
        Some(Came {
            // Sent when the frame is whole.
            at_us: (self.next_at() * 1e6) as u64 + WAY_US + jitter_us,
            timestamp: self.first_timestamp.wrapping_add(ticks as u32),
            lost_before: std::mem::take(&mut self.lost),
            payload,
        })
    }

    fn time_of(&self, own: f64) -> f64 {
        own * (1.0 + self.drift_ppm / 1e6)
    }
}

/// A sine.
pub(super) fn tone(hz: f64) -> impl Fn(f64) -> f64 {
    move |at| 0.3 * (TAU * hz * at).sin()
}

/// How long a [`chirp`] is.
pub(super) const CHIRP: f64 = 0.2;

/// A tone that rises from 300 to 3000 Hz: found to the sample wherever it is. Silence before and after.
pub(super) fn chirp(at: f64) -> f64 {
    if !(0.0..CHIRP).contains(&at) {
        return 0.0;
    }
    0.5 * (TAU * (300.0 * at + 2700.0 / (2.0 * CHIRP) * at * at)).sin()
}
