//! Where in what was said lies what was heard, how alike both are, and how loud one is to the other.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::resample::resample;
use webtrunk_codecs::wav::Clip;

use super::rms;

/// What was heard, laid over what was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// The sample of the clip, at 8 kHz, at which the first sample heard lies.
    pub offset: usize,
    /// Likeness of the waveforms, 1 for the same: normalised correlation.
    pub correlation: f64,
    /// How much louder it was heard than said, in dB.
    pub gain_db: f64,
}

/// The rate at which waveforms are compared: what a telephone carries.
const RATE: SampleRate = SampleRate::HZ_8000;
/// Samples in a step of the envelope: 2.5 ms.
const STEP: usize = 20;
/// Steps of the envelope that are compared at most: 10 s.
const STEPS_MAX: usize = 4000;
/// Shortest sound that can be laid over anything: 200 ms.
const SHORTEST: usize = 1600;
/// Samples that are compared to find the exact place: 2 s.
const FINE: usize = 16_000;

impl Alignment {
    /// Finds `heard`, at 8 kHz, in `clip`, which was said over and over. `None` where either is too short.
    #[must_use]
    pub fn find(clip: &Clip, heard: &[i16]) -> Option<Self> {
        let said = resample(&clip.samples, clip.rate, RATE);
        if said.len() < SHORTEST || heard.len() < SHORTEST {
            return None;
        }
        let coarse = coarse_offset(&said, heard);
        // The envelope tells the place to a step or two; pitch repeats at 2.5 ms and more.
        let range = 0..2 * 3 * STEP + 1;
        let candidates = range.map(|at| (coarse + said.len() + at - 3 * STEP) % said.len());
        let start = loudest(heard, FINE);
        let piece = &heard[start..heard.len().min(start + FINE)];
        let offset = candidates.max_by(|one, two| {
            let one = correlation(&said, one + start, piece);
            one.total_cmp(&correlation(&said, two + start, piece))
        })?;
        let gain_db = 20.0 * (rms(heard) / rms(&looped(&said, offset, heard.len()))).log10();
        Some(Self { offset, correlation: correlation(&said, offset + start, piece), gain_db })
    }
}

/// By the envelopes: cheap, and deaf to what codecs do to the waveform.
fn coarse_offset(said: &[i16], heard: &[i16]) -> usize {
    let said = envelope(said);
    let mut heard = envelope(heard);
    heard.truncate(STEPS_MAX);
    let likeness = |offset: usize| -> f64 {
        heard.iter().enumerate().map(|(at, level)| level * said[(offset + at) % said.len()]).sum()
    };
    let best = (0..said.len()).map(|offset| (offset, likeness(offset))).max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(0, |(offset, _)| offset * STEP)
}

/// The level of each step, about its mean.
fn envelope(samples: &[i16]) -> Vec<f64> {
    let mut levels: Vec<_> = samples.chunks_exact(STEP).map(|step| rms(step).max(1.0).ln()).collect();
    let mean = levels.iter().sum::<f64>() / levels.len().max(1) as f64;
    levels.iter_mut().for_each(|level| *level -= mean);
    levels
}

/// Where the loudest piece of this length begins, to a quarter of it.
fn loudest(samples: &[i16], length: usize) -> usize {
    let last = samples.len().saturating_sub(length);
    (0..=last)
        .step_by((length / 4).max(1))
        .max_by(|a, b| {
            let level = |at: usize| rms(&samples[at..samples.len().min(at + length)]);
            level(*a).total_cmp(&level(*b))
        })
        .unwrap_or(0)
}

fn correlation(said: &[i16], offset: usize, heard: &[i16]) -> f64 {
    let (mut product, mut said_power, mut heard_power) = (0.0, 0.0, 0.0);
    for (at, heard) in heard.iter().enumerate() {
        let (said, heard) = (f64::from(said[(offset + at) % said.len()]), f64::from(*heard));
        product += said * heard;
        said_power += said * said;
        heard_power += heard * heard;
    }
    product / (said_power * heard_power).sqrt().max(1.0)
}

fn looped(said: &[i16], offset: usize, length: usize) -> Vec<i16> {
    said.iter().cycle().skip(offset % said.len()).take(length).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise in bursts, which has one best place.
    fn clip() -> Clip {
        let mut state = 1_u32;
        let samples = (0..24_000_u32).map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let loud = if (at / 700) % 3 == 0 || (at / 1900) % 4 == 1 { 6000 } else { 200 };
            ((state >> 16) as i32 % loud - loud / 2) as i16
        });
        Clip { samples: samples.collect(), rate: RATE }
    }

    #[test]
    fn the_place_and_the_gain_are_found() {
        let clip = clip();
        let heard: Vec<_> =
            looped(&clip.samples, 20_011, 30_000).iter().map(|it| (f64::from(*it) * 0.7943) as i16).collect();
        let found = Alignment::find(&clip, &heard).expect("long enough");
        assert_eq!(found.offset, 20_011);
        assert!(found.correlation > 0.99 && (found.gain_db + 2.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn something_else_is_not_alike() {
        let clip = clip();
        let heard: Vec<_> = clip.samples.iter().rev().copied().collect();
        assert!(Alignment::find(&clip, &heard).is_some_and(|it| it.correlation < 0.3));
        assert_eq!(Alignment::find(&clip, &heard[..100]), None);
    }
}
