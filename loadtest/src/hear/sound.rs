//! How loud samples are, and where they are silent.

use std::time::Duration;

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::tone::FULL_SCALE_DBM0;

/// What is quieter than this counts as silence: what line noise may be, far below speech.
const SILENCE_DBM0: f64 = -55.0;
/// The pieces that silence is measured in.
const PIECE_MS: u32 = 10;

/// The root of the mean square; zero for nothing.
#[must_use]
pub fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

/// The level in dBm0; minus infinity for digital silence.
#[must_use]
pub fn level_dbm0(samples: &[i16]) -> f64 {
    // The peak of a sine is 3 dB above its root mean square.
    20.0 * (rms(samples) * std::f64::consts::SQRT_2 / 32_768.0).log10() + FULL_SCALE_DBM0
}

/// The longest stretch below -55 dBm0, to 10 ms.
#[must_use]
pub fn longest_silence(samples: &[i16], rate: SampleRate) -> Duration {
    let (mut longest, mut current) = (0, 0);
    for piece in samples.chunks(rate.samples_in_ms(PIECE_MS)) {
        current = if level_dbm0(piece) < SILENCE_DBM0 { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    Duration::from_millis(u64::from(PIECE_MS)) * longest
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::tone::{Tone, ToneGenerator};

    use super::*;

    fn tone(level_dbm0: f64) -> Vec<i16> {
        let mut samples = vec![0; 8000];
        ToneGenerator::new(Tone::sine(1000.0, level_dbm0), SampleRate::HZ_8000).fill(&mut samples);
        samples
    }

    #[test]
    fn a_tone_has_its_level() {
        for level in [-40.0, -10.0, 0.0] {
            let measured = level_dbm0(&tone(level));
            assert!((measured - level).abs() < 0.05, "{measured}");
        }
        assert_eq!(level_dbm0(&[0; 80]), f64::NEG_INFINITY);
    }

    #[test]
    fn the_longest_of_two_silences() {
        let mut samples = tone(-20.0);
        samples[1000..1400].fill(0);
        samples[4000..4800].fill(3);
        let silence = longest_silence(&samples, SampleRate::HZ_8000);
        assert_eq!(silence, Duration::from_millis(100));
    }
}
