//! A whole clip between any two rates, by rubato: for prompts and recordings, never on the packet path.

use crate::SampleRate;
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};

/// Frames per transform. Chosen by us: a sharp filter (2 % of the band) at little memory.
const CHUNK: usize = 1024;

/// Resamples `samples`. The answer is as long in time, rounded up to a sample, and not delayed.
#[must_use]
pub fn resample(samples: &[i16], from: SampleRate, to: SampleRate) -> Vec<i16> {
    if from == to || samples.is_empty() {
        return samples.to_vec();
    }
    let input = samples.iter().map(|&sample| f32::from(sample)).collect();
    let input = InterleavedOwned::new_from(input, 1, samples.len()).expect("one channel of all samples");
    let mut fft = Fft::new_custom(
        from.hz() as usize,
        to.hz() as usize,
        CHUNK,
        1,
        1,
        rubato::WindowFunction::BlackmanHarris2,
        FixedSync::Both,
    )
    .expect("rates, chunk and channels are not zero");
    let output = fft.process_all(&input, samples.len(), None).expect("buffers as long as rubato asks");
    let length = (samples.len() as u64 * u64::from(to.hz())).div_ceil(u64::from(from.hz()));
    // rubato counts in floating point and may make one sample more.
    output.take_data().into_iter().take(length as usize).map(|sample: f32| sample.round() as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Tone, ToneGenerator, goertzel_dbm0};

    #[test]
    fn a_clip_keeps_its_length_level_and_place() {
        for (from, to) in [(44_100, 8000), (22_050, 48_000), (8000, 48_000), (48_000, 8000), (11_025, 16_000)]
        {
            let (from, to) = (rate(from), rate(to));
            let mut clip = vec![0; from.hz() as usize];
            let start = clip.len() / 2;
            ToneGenerator::new(Tone::sine(1000.0, -10.0), from).fill(&mut clip[start..]);
            let out = resample(&clip, from, to);
            assert_eq!(out.len(), to.hz() as usize);
            let (before, after) = out.split_at(out.len() / 2);
            let margin = to.samples_in_ms(10);
            let level = goertzel_dbm0(&after[margin..after.len() - margin], to, 1000.0);
            assert!((level + 10.0).abs() < 0.1, "{level} dBm0, {from:?} -> {to:?}");
            let early = before[..before.len() - margin / 2].iter().map(|sample| sample.abs()).max();
            assert!(early < Some(100), "{early:?} before the tone, {from:?} -> {to:?}");
            let onset = after.iter().position(|sample| sample.abs() > 3000).expect("there is a tone");
            assert!(onset < margin, "begins {onset} samples late, {from:?} -> {to:?}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let mut clip = vec![0; 44_100];
        ToneGenerator::new(Tone::sine(5000.0, -10.0), rate(44_100)).fill(&mut clip);
        let out = resample(&clip, rate(44_100), rate(8000));
        assert!(goertzel_dbm0(&out[800..7200], rate(8000), 3000.0) < -70.0);
    }

    #[test]
    fn short_clips_and_equal_rates_are_whole() {
        assert_eq!(resample(&[], rate(8000), rate(48_000)), []);
        assert_eq!(resample(&[5], rate(8000), rate(48_000)).len(), 6);
        assert_eq!(resample(&[1, -2, 3], rate(8000), rate(8000)), [1, -2, 3]);
    }

    fn rate(hz: u32) -> SampleRate {
        SampleRate::new(hz).expect("not zero")
    }
}
