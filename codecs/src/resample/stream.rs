//! A short polyphase filter between 8, 16 and 48 kHz.
//!
//! The filter is a windowed sinc of 2 ms that cuts at the lower rate's half: 1 ms of delay, flat to
//! 3.4 of 4 kHz (7.3 of 8 kHz) within 0.5 dB, and at least 50 dB down from 0.75 kHz beyond the half
//! on, so that what is folded back into the pass band stays unheard. Only the products that reach the output are computed.
//!
//! ```text
//! 8 -> 48 kHz: six filters of 16 taps, one for each place between two samples
//! 48 -> 8 kHz: one filter of 96 taps, at every sixth sample
//! ```

use crate::SampleRate;
use std::f64::consts::PI;

/// The filter's length in seconds, as a divisor of a rate: 2 ms.
const FILTER_RATE: u32 = 500;
/// Shape of the Kaiser window: 50 dB of stop band.
const KAISER_BETA: f64 = 4.8;
/// How far below half of the lower rate the filter is at -6 dB: what the pass band can spare.
const CUT_BELOW_HZ: f64 = 50.0;
/// Taps are whole numbers of which this is one; 14 bits keep what rounding adds below -75 dB, and the
/// sum of the loudest samples within 32 bits.
const UNITY: i32 = 1 << 14;
/// All filters are whole numbers of so many taps, which the compiler can lay out in vector registers.
const PART: usize = 16;
/// Input samples worked through at a time: 10 ms at 48 kHz.
const BLOCK: usize = 480;

/// Resamples one mono stream, any number of samples at a time.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// Filters, one for each output sample that an input position makes; each oldest sample first.
    filters: Box<[i16]>,
    taps: usize,
    /// Input samples from one position to the next.
    stride: usize,
    /// Input samples still to come before the next position.
    ahead: usize,
    /// The last `taps - 1` samples of before, then the block at hand.
    window: Box<[i16]>,
}

impl Resampler {
    /// A resampler of these rates, each of them 8, 16 or 48 kHz; `None` for others.
    /// Of equal rates it is a copy without delay.
    #[must_use]
    pub fn new(from: SampleRate, to: SampleRate) -> Option<Self> {
        let rates = [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000];
        if !rates.contains(&from) || !rates.contains(&to) {
            return None;
        }
        let (low, high) = (from.min(to), from.max(to));
        let ratio = (high.hz() / low.hz()) as usize;
        let prototype = if ratio == 1 { identity() } else { low_pass(low, high) };
        let (phases, stride) = if from < to { (ratio, 1) } else { (1, ratio) };
        let taps = prototype.len() / phases;
        // Filter `phase` takes every `phases`-th tap, and gains what the zeros between samples lose.
        let filters = (0..phases).flat_map(|phase| {
            let every = prototype.iter().skip(phase).step_by(phases);
            let taps = every.map(|&tap| (tap * phases as f64 * f64::from(UNITY)).round() as i16);
            taps.collect::<Vec<_>>().into_iter().rev()
        });
        Some(Self {
            filters: filters.collect(),
            taps,
            stride,
            ahead: 0,
            window: vec![0; taps - 1 + BLOCK].into(),
        })
    }

    /// How many samples [`Self::process`] will make of the next `input` samples.
    #[must_use]
    pub fn output_len(&self, input: usize) -> usize {
        let positions = input.saturating_sub(self.ahead).div_ceil(self.stride);
        positions * (self.filters.len() / self.taps)
    }

    /// Resamples `input` into the start of `out`; returns the number of samples written.
    ///
    /// # Panics
    /// When `out` is shorter than [`Self::output_len`] says.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let mut written = 0;
        for block in input.chunks(BLOCK) {
            written += self.process_block(block, &mut out[written..]);
        }
        written
    }

    fn process_block(&mut self, block: &[i16], out: &mut [i16]) -> usize {
        let before = self.taps - 1;
        self.window[before..before + block.len()].copy_from_slice(block);
        let made = self.output_len(block.len());
        let mut out = out[..made].iter_mut();
        while self.ahead < block.len() {
            let heard = &self.window[self.ahead..self.ahead + self.taps];
            for (filter, sample) in self.filters.chunks_exact(self.taps).zip(&mut out) {
                *sample = filtered(filter, heard);
            }
            self.ahead += self.stride;
        }
        self.ahead -= block.len();
        self.window.copy_within(block.len()..block.len() + before, 0);
        made
    }
}

/// The filter's answer to what was heard, rounded and saturated.
fn filtered(filter: &[i16], heard: &[i16]) -> i16 {
    let parts = filter.as_chunks::<PART>().0.iter().zip(heard.as_chunks::<PART>().0);
    let products = |(filter, heard): (&[i16; PART], &[i16; PART])| -> i32 {
        filter.iter().zip(heard).map(|(&tap, &sample)| i32::from(tap) * i32::from(sample)).sum()
    };
    let sum: i32 = parts.map(products).sum();
    let rounded = (sum + UNITY / 2) >> UNITY.ilog2();
    rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

fn identity() -> Vec<f64> {
    let mut taps = vec![0.0; PART];
    taps[0] = 1.0;
    taps
}

/// A Kaiser-windowed sinc at rate `high` that cuts just below half of rate `low`, of unit gain.
fn low_pass(low: SampleRate, high: SampleRate) -> Vec<f64> {
    let length = (high.hz() / FILTER_RATE) as usize;
    let middle = (length - 1) as f64 / 2.0;
    let cut = (f64::from(low.hz()) - 2.0 * CUT_BELOW_HZ) / f64::from(high.hz());
    let tap = |n: usize| {
        // The length is even, so that no tap lies in the middle, where the sinc is 0 / 0.
        let at = n as f64 - middle;
        let sinc = (PI * cut * at).sin() / (PI * at);
        let window = bessel_i0(KAISER_BETA * (1.0 - (at / middle).powi(2)).max(0.0).sqrt());
        sinc * window / bessel_i0(KAISER_BETA)
    };
    let taps: Vec<f64> = (0..length).map(tap).collect();
    let gain: f64 = taps.iter().sum();
    taps.iter().map(|tap| tap / gain).collect()
}

/// The modified Bessel function of order zero, by its series; 25 terms are exact for what a window asks.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    1.0 + (1..25)
        .map(|k| {
            term *= (x / 2.0 / f64::from(k)).powi(2);
            term
        })
        .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, ToneGenerator, goertzel_dbm0};

    const RATES: [SampleRate; 3] = [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000];

    #[test]
    fn the_pass_band_is_flat_between_all_rates() {
        for (from, to) in pairs() {
            let wide = from.min(to) > SampleRate::HZ_8000;
            let frequencies: &[f64] =
                if wide { &[5000.0, 7000.0, 7300.0] } else { &[300.0, 1000.0, 3000.0, 3400.0] };
            for &hz in frequencies {
                let level = level_after(from, to, hz, hz);
                assert!((level + 10.0).abs() < 0.5, "{hz} Hz at {level} dBm0, {from:?} -> {to:?}");
            }
        }
    }

    #[test]
    fn what_lies_beyond_is_not_folded_back() {
        for hz in [4750.0, 5000.0, 6000.0, 7100.0] {
            let folded = 8000.0 - hz;
            for from in [SampleRate::HZ_16000, SampleRate::HZ_48000] {
                let level = level_after(from, SampleRate::HZ_8000, hz, folded);
                assert!(level < -60.0, "{hz} Hz of {from:?} comes back at {level} dBm0");
            }
        }
        for hz in [8750.0, 10_000.0, 15_000.0] {
            let level = level_after(SampleRate::HZ_48000, SampleRate::HZ_16000, hz, 16_000.0 - hz);
            assert!(level < -60.0, "{hz} Hz comes back at {level} dBm0");
        }
    }

    #[test]
    fn nothing_is_mirrored_upwards() {
        for (from, to) in pairs().filter(|(from, to)| from < to) {
            let level = level_after(from, to, 3000.0, f64::from(from.hz()) - 3000.0);
            assert!(level < -60.0, "image at {level} dBm0, {from:?} -> {to:?}");
        }
    }

    #[test]
    fn the_delay_is_one_millisecond() {
        for (from, to) in pairs() {
            let mut input = vec![0; from.samples_in_ms(20)];
            input[from.samples_in_ms(10)] = 30_000;
            let mut resampler = Resampler::new(from, to).expect("fixed rates");
            let mut out = vec![0; resampler.output_len(input.len())];
            resampler.process(&input, &mut out);
            let peak = (0..out.len()).max_by_key(|&n| out[n]).expect("not empty");
            let delay_us = peak as f64 / f64::from(to.hz()) * 1e6 - 10_000.0;
            assert!((delay_us - 1000.0).abs() <= 125.0, "{delay_us} us, {from:?} -> {to:?}");
        }
    }

    #[test]
    fn block_lengths_do_not_change_what_is_made() {
        for (from, to) in pairs() {
            let input = tone(from, 700.0, 200);
            let mut whole = Resampler::new(from, to).expect("fixed rates");
            let mut expected = vec![0; whole.output_len(input.len())];
            assert_eq!(whole.process(&input, &mut expected), expected.len());
            let mut parts = Resampler::new(from, to).expect("fixed rates");
            let mut made = Vec::new();
            for part in input.chunks(161) {
                let mut out = vec![0; parts.output_len(part.len())];
                assert_eq!(parts.process(part, &mut out), out.len());
                made.extend(out);
            }
            assert!(made == expected, "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn the_loudest_samples_saturate() {
        let square: Vec<i16> = (0..960).map(|n| if n / 100 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let mut resampler = Resampler::new(SampleRate::HZ_8000, SampleRate::HZ_48000).expect("fixed rates");
        let mut out = vec![0; resampler.output_len(square.len())];
        resampler.process(&square, &mut out);
        assert!(out.contains(&i16::MAX) && out.contains(&i16::MIN), "it overshoots");
        for (index, &sample) in out.iter().enumerate().skip(96) {
            let heard = index / 6 - 8;
            if (10..90).contains(&(heard % 100)) {
                assert_eq!(sample < 0, square[heard] < 0, "sample {index} is {sample}");
            }
        }
    }

    #[test]
    fn equal_rates_copy_and_other_rates_are_refused() {
        let input = tone(SampleRate::HZ_16000, 500.0, 20);
        let mut resampler = Resampler::new(SampleRate::HZ_16000, SampleRate::HZ_16000).expect("fixed rates");
        let mut out = vec![0; input.len()];
        assert_eq!(resampler.process(&input, &mut out), input.len());
        assert_eq!(out, input);
        let odd = SampleRate::new(44_100).expect("not zero");
        assert!(Resampler::new(odd, SampleRate::HZ_8000).is_none());
        assert!(Resampler::new(SampleRate::HZ_8000, odd).is_none());
    }

    fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
        let all = RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to)));
        all.filter(|(from, to)| from != to)
    }

    /// The level at `heard_hz` after a tone of -10 dBm0 at `played_hz` was resampled.
    fn level_after(from: SampleRate, to: SampleRate, played_hz: f64, heard_hz: f64) -> f64 {
        let input = tone(from, played_hz, 1000);
        let mut resampler = Resampler::new(from, to).expect("fixed rates");
        let mut out = vec![0; resampler.output_len(input.len())];
        resampler.process(&input, &mut out);
        goertzel_dbm0(&out[to.samples_in_ms(100)..to.samples_in_ms(900)], to, heard_hz)
    }

    fn tone(rate: SampleRate, hz: f64, ms: u32) -> Vec<i16> {
        let mut samples = vec![0; rate.samples_in_ms(ms)];
        ToneGenerator::new(Tone::sine(hz, -10.0), rate).fill(&mut samples);
        samples
    }
}
