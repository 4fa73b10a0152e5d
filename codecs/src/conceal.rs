//! Packet loss concealment for codecs that have none, in the manner of ITU-T G.711 Appendix I.
//!
//! A lost stretch is filled by repeating the last pitch period of what was heard, fading out from
//! its begin until 60 ms. Every seam is overlapped: where the repeated period meets itself, and where
//! good audio returns.
//!
//! ```text
//!  heard            lost                      heard again
//! ...~~~~~~~~|P|   P P P P P P ... fading |   \/~~~~~~~~
//!             ^ last period        60 ms      overlap
//! ```
//!
//! Where it differs from the appendix. That delays all audio by 3.75 ms to overlap the seam at the start
//! of a loss too; here nothing is delayed: the repetition starts with the offset that makes it meet the
//! last sample heard, and the offset dies within a quarter of a period. It repeats two periods after
//! 10 ms and three after 20 ms, fades from 10 ms on, and overlaps the end of a longer loss for up to 10 ms:
//! each of these made speech worse (by `make compare`, in docs/PERFORMANCE.md).
//!
//! Lengths are samples at 8 kHz; at a higher rate all of them are as many times longer. There the period is
//! looked for in a narrow band copy first, and made exact around what was found.

use crate::SampleRate;
use crate::dot::dot;
use std::ops::RangeInclusive;

/// Shortest pitch period looked for: 5 ms, 200 Hz. A higher voice is found by a multiple of its period.
const PITCH_MIN: usize = 40;
/// Longest pitch period looked for: 15 ms, 66 Hz.
const PITCH_MAX: usize = 120;
/// The stretch in which a period must resemble the one before it: 20 ms.
const RESEMBLANCE: usize = 160;
/// What is kept of the past: a stretch and the longest period before it.
const HISTORY: usize = RESEMBLANCE + PITCH_MAX;
/// 48 kHz.
const SCALE_MAX: usize = 6;
/// After so long a concealment has become silent: 60 ms.
const SILENT_AFTER: usize = 480;

/// Fills lost stretches of a signal from its past.
#[derive(Debug, Clone)]
pub(crate) struct Concealer {
    /// Samples to one at 8 kHz.
    scale: usize,
    /// What was played last, received or concealed; the newest is last.
    history: Box<[i16]>,
    /// What had been heard when the erasure began.
    past: Box<[i16]>,
    erasure: Option<Erasure>,
}

impl Concealer {
    /// A concealer that has heard silence so far, for a whole multiple of 8 kHz up to 48 kHz.
    #[must_use]
    pub(crate) fn new(rate: SampleRate) -> Self {
        let scale = (rate.hz() / 8000).clamp(1, SCALE_MAX as u32) as usize;
        let length = HISTORY * scale;
        Self { scale, history: vec![0; length].into(), past: vec![0; length].into(), erasure: None }
    }

    /// Takes a frame that was received. The first after a loss is changed at its start, to follow smoothly.
    pub(crate) fn received(&mut self, frame: &mut [i16]) {
        if let Some(mut erasure) = self.erasure.take() {
            erasure.merge_into(&self.past, frame);
        }
        self.remember(frame);
    }

    /// Fills `out`, the place of a lost frame.
    pub(crate) fn lost(&mut self, out: &mut [i16]) {
        let erasure = self.erasure.get_or_insert_with(|| {
            self.past.copy_from_slice(&self.history);
            Erasure::after(&self.past, self.scale)
        });
        out.fill_with(|| erasure.next_sample(&self.past));
        self.remember(out);
    }

    fn remember(&mut self, frame: &[i16]) {
        let length = self.history.len();
        if let Some(newest) = frame.len().checked_sub(length) {
            self.history.copy_from_slice(&frame[newest..]);
        } else {
            self.history.copy_within(frame.len().., 0);
            self.history[length - frame.len()..].copy_from_slice(frame);
        }
    }
}

/// One loss under way.
#[derive(Debug, Clone)]
struct Erasure {
    scale: usize,
    /// The pitch period found in the past.
    period: usize,
    /// Where in it we are.
    position: usize,
    /// Samples made so far.
    made: usize,
    /// How far the repetition starts off from the last sample heard.
    offset: f32,
}

impl Erasure {
    fn after(past: &[i16], scale: usize) -> Self {
        let period = pitch_period(past, scale);
        let newest = past.len() - 1;
        let offset = f32::from(past[newest]) - f32::from(past[newest - period]);
        Self { scale, period, position: 0, made: 0, offset }
    }

    /// The stretch over which seams are overlapped: a quarter of the period.
    const fn overlap(&self) -> usize {
        self.period / 4
    }

    fn next_sample(&mut self, past: &[i16]) -> i16 {
        let silent_after = SILENT_AFTER * self.scale;
        if self.made >= silent_after {
            return 0;
        }
        let mut sample = self.repeated(past);
        if self.made < self.overlap() {
            sample += self.offset * (1.0 - (self.made + 1) as f32 / self.overlap() as f32);
        }
        let gain = 1.0 - self.made as f32 / silent_after as f32;
        self.position = (self.position + 1) % self.period;
        self.made += 1;
        (sample * gain) as i16
    }

    /// The sample at our position in the last period of the past, whose end runs over into what came
    /// before its start, so that it can be repeated without a step.
    fn repeated(&self, past: &[i16]) -> f32 {
        let at = past.len() - self.period + self.position;
        let sample = f32::from(past[at]);
        let overlap = self.overlap();
        match (self.position + overlap).checked_sub(self.period) {
            Some(into) => crossfade(sample, past[at - self.period].into(), into, overlap),
            None => sample,
        }
    }

    /// Goes over from the concealment to `frame` within a quarter of a period.
    fn merge_into(&mut self, past: &[i16], frame: &mut [i16]) {
        let overlap = self.overlap().min(frame.len());
        for (into, sample) in frame[..overlap].iter_mut().enumerate() {
            let concealed = f32::from(self.next_sample(past));
            *sample = crossfade(concealed, f32::from(*sample), into, overlap) as i16;
        }
    }
}

/// From `old` to `new`, at step `into` of `steps`.
fn crossfade(old: f32, new: f32, into: usize, steps: usize) -> f32 {
    let weight = (into + 1) as f32 / (steps + 1) as f32;
    old + (new - old) * weight
}

/// The lag at which the newest 20 ms resemble their past best.
fn pitch_period(heard: &[i16], scale: usize) -> usize {
    let mut past = [0.0; HISTORY * SCALE_MAX];
    let past = &mut past[..heard.len()];
    past.iter_mut().zip(heard).for_each(|(past, &heard)| *past = heard.into());
    if scale == 1 {
        return best_lag(past, RESEMBLANCE, PITCH_MIN..=PITCH_MAX).unwrap_or(PITCH_MAX);
    }
    let mut narrow = [0.0; HISTORY];
    for (sample, wide) in narrow.iter_mut().zip(past.chunks_exact(scale)) {
        *sample = wide.iter().sum::<f32>() / scale as f32;
    }
    let lag = best_lag(&narrow, RESEMBLANCE, PITCH_MIN..=PITCH_MAX).unwrap_or(PITCH_MAX);
    let (shortest, longest) = ((lag - 1).max(PITCH_MIN) * scale, (lag + 1).min(PITCH_MAX) * scale);
    best_lag(past, RESEMBLANCE * scale, shortest..=longest).unwrap_or(lag * scale)
}

/// Of these lags the one at which the newest samples resemble earlier ones best; `None` if none does.
fn best_lag(past: &[f32], resemblance: usize, lags: RangeInclusive<usize>) -> Option<usize> {
    let start = past.len() - resemblance;
    let newest = &past[start..];
    let (mut best, mut best_resemblance) = (None, 0.0);
    for lag in lags {
        let earlier = &past[start - lag..past.len() - lag];
        let resemblance = dot(newest, earlier) / dot(earlier, earlier).max(1.0).sqrt();
        if resemblance > best_resemblance {
            (best, best_resemblance) = (Some(lag), resemblance);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn a_hole_in_a_tone_has_no_gap_and_no_click_at_any_rate() {
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
            for hz in [100.0, 150.0, 230.0, 440.0, 700.0, 1000.0] {
                a_hole_has_no_gap_and_no_click(rate, hz);
            }
        }
    }

    fn a_hole_has_no_gap_and_no_click(rate: SampleRate, hz: f64) {
        let frame = rate.samples_in_ms(20);
        let mut heard = sine_at(rate, hz, 10 * frame);
        let steepest = largest_step(&heard);
        let mut concealer = Concealer::new(rate);
        for (index, frame) in heard.chunks_mut(frame).enumerate() {
            if index == 5 {
                concealer.lost(frame);
            } else {
                concealer.received(frame);
            }
        }
        let around = &heard[4 * frame..7 * frame];
        assert!(largest_step(around) <= steepest * 4 / 3 + 4, "{hz} Hz clicks at {rate:?}");
        for quarter in heard[5 * frame..6 * frame].chunks(frame / 4) {
            let lowest = if hz < 200.0 { 0.1 } else { 0.6 };
            assert!(rms(quarter) > lowest * rms(&heard[..5 * frame]), "{hz} Hz has a gap at {rate:?}");
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence_in_60_ms() {
        let mut concealer = Concealer::new(SampleRate::HZ_8000);
        concealer.received(&mut sine(200.0, 800));
        let mut out = [0; 640];
        concealer.lost(&mut out);
        let levels: Vec<f64> = out.chunks(80).map(rms).collect();
        assert!(levels[..6].windows(2).all(|pair| pair[1] < pair[0] * 1.001), "{levels:?}");
        assert!(levels[0] > 0.9 * rms(&sine(200.0, 800)));
        assert!(out[480..].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn frame_lengths_do_not_change_what_is_made() {
        let made = |length: usize| {
            let mut concealer = Concealer::new(SampleRate::HZ_8000);
            concealer.received(&mut sine(310.0, 1000));
            let mut out = vec![0; 480];
            out.chunks_mut(length).for_each(|frame| concealer.lost(frame));
            out
        };
        assert_eq!(made(160), made(480));
        assert_eq!(made(160), made(7));
    }

    #[test]
    fn audio_returns_by_fading_in_after_a_long_loss() {
        let mut concealer = Concealer::new(SampleRate::HZ_8000);
        concealer.received(&mut sine(300.0, 800));
        concealer.lost(&mut [0; 1600]);
        let mut back = vec![8000_i16; 160];
        concealer.received(&mut back);
        assert!(back[0] < 1000 && largest_step(&back) < 1000, "a quarter of a period");
        assert!(back[80..].iter().all(|&sample| sample == 8000));
    }

    #[test]
    fn silence_stays_silence() {
        let mut concealer = Concealer::new(SampleRate::HZ_8000);
        let mut out = [1; 333];
        concealer.lost(&mut out);
        assert_eq!(out, [0; 333]);
    }

    #[test]
    fn the_loudest_input_does_not_wrap() {
        let mut concealer = Concealer::new(SampleRate::HZ_8000);
        let mut square: Vec<i16> =
            (0..800).map(|n| if n / 37 % 2 == 0 { i16::MIN } else { i16::MAX }).collect();
        concealer.received(&mut square);
        let mut out = [0; 320];
        concealer.lost(&mut out);
        let flips = out[..80].windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
        assert!(flips <= 4, "{flips} sign changes in 10 ms");
    }

    fn sine(hz: f64, samples: usize) -> Vec<i16> {
        sine_at(SampleRate::HZ_8000, hz, samples)
    }

    fn sine_at(rate: SampleRate, hz: f64, samples: usize) -> Vec<i16> {
        let turn = TAU * hz / f64::from(rate.hz());
        (0..samples).map(|n| (8000.0 * (turn * n as f64).sin()) as i16).collect()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    fn rms(samples: &[i16]) -> f64 {
        (samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64).sqrt()
    }
}
