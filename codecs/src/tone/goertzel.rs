//! How much of one frequency is in a stretch of samples (Goertzel's recursion).

use super::FULL_SCALE_DBM0;
use crate::SampleRate;
use std::f64::consts::TAU;

/// The level of the frequency `hz` in `samples`, in dBm0.
///
/// It resolves frequencies that lie further apart than one over the stretch's length: 20 ms tell
/// tones 50 Hz apart. Where there is nothing the answer is minus infinity.
#[must_use]
pub fn goertzel_dbm0(samples: &[i16], rate: SampleRate, hz: f64) -> f64 {
    let step = TAU * hz / f64::from(rate.hz());
    let feedback = 2.0 * step.cos();
    let (mut newest, mut older) = (0.0, 0.0);
    for &sample in samples {
        (newest, older) = (f64::from(sample) + feedback * newest - older, newest);
    }
    let power = newest * newest + older * older - feedback * newest * older;
    let peak = 2.0 * power.max(0.0).sqrt() / samples.len().max(1) as f64;
    20.0 * (peak / 32_768.0).log10() + FULL_SCALE_DBM0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g711::Law;

    fn sine(hz: f64, peak: f64) -> Vec<i16> {
        (0..800).map(|n| (peak * (TAU * hz * f64::from(n) / 8000.0).sin()).round() as i16).collect()
    }

    #[test]
    fn the_reference_sequences_of_g711_are_at_0_dbm0() {
        // G.711 tables 5 and 6: eight codes, repeated, are 1 kHz at 0 dBm0.
        let rows = [
            (Law::A, [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4], 0.01),
            (Law::Mu, [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e], 0.1),
        ];
        for (law, codes, tolerance) in rows {
            let samples: Vec<i16> = codes.iter().cycle().take(800).map(|&code| law.decode(code)).collect();
            let level = goertzel_dbm0(&samples, SampleRate::HZ_8000, 1000.0);
            assert!(level.abs() < tolerance, "{law:?} {level}");
        }
    }

    #[test]
    fn half_the_peak_is_6_db_less() {
        let level = |peak| goertzel_dbm0(&sine(1000.0, peak), SampleRate::HZ_8000, 1000.0);
        assert!((level(32_000.0) - level(16_000.0) - 6.02).abs() < 0.01);
        assert!((level(32_767.0) - FULL_SCALE_DBM0).abs() < 0.01);
    }

    #[test]
    fn another_frequency_is_not_heard() {
        let level = goertzel_dbm0(&sine(1000.0, 32_767.0), SampleRate::HZ_8000, 1200.0);
        assert!(level < -60.0, "{level}");
    }

    #[test]
    fn nothing_has_no_level() {
        assert_eq!(goertzel_dbm0(&[], SampleRate::HZ_8000, 440.0), f64::NEG_INFINITY);
        assert_eq!(goertzel_dbm0(&[0; 160], SampleRate::HZ_8000, 440.0), f64::NEG_INFINITY);
    }
}
