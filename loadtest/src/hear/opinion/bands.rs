//! The power that an ear tells apart: short spectra, in bands of the Bark scale, and how loud these are.

use std::array;

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Bands between the edges of what a telephone carries.
pub(super) const BANDS: usize = 30;
/// The power in each band, or how loud it is.
pub(super) type Bands = [f64; BANDS];

/// Samples in a frame at 8 kHz: 32 ms.
const FRAME: usize = 256;
/// Samples from one frame to the next.
const HOP: usize = FRAME / 2;
/// Bins of a frame's spectrum.
const BINS: usize = FRAME / 2 + 1;
const BIN_HZ: f64 = 8000.0 / FRAME as f64;
/// The band of a telephone, in Hz.
const EDGES_HZ: (f64, f64) = (250.0, 3400.0);
/// The power of speech that is listened to at a telephone: 79 dB above what is just heard.
const LISTENED_DB: f64 = 79.0;
/// What is softer than the loudest frame by more than 40 dB is a pause.
const SPOKEN_SHARE: f64 = 1e-4;
/// How loudness grows with power (Zwicker).
const GROWTH: f64 = 0.23;

/// Critical bands below a frequency in Hz (Traunmüller 1990).
fn bark(hz: f64) -> f64 {
    26.81 * hz / (1960.0 + hz) - 0.53
}

fn hz(bark: f64) -> f64 {
    1960.0 * (bark + 0.53) / (26.28 - bark)
}

/// The frequency at so many bands above the lowest edge.
fn frequency(band: f64) -> f64 {
    let (low, high) = (bark(EDGES_HZ.0), bark(EDGES_HZ.1));
    hz(low + (high - low) * band / BANDS as f64)
}

/// The power in each band of each frame of `samples`, at 8 kHz; none where they are shorter than a frame.
pub(super) fn powers(samples: &[f64]) -> Vec<Bands> {
    let window: [f64; FRAME] =
        array::from_fn(|at| 0.5 - 0.5 * (std::f64::consts::TAU * at as f64 / FRAME as f64).cos());
    // How much of each bin lies in each band.
    let shares: [[f64; BINS]; BANDS] = array::from_fn(|band| {
        let (low, high) = (frequency(band as f64), frequency(band as f64 + 1.0));
        array::from_fn(|bin| {
            let (from, to) = ((bin as f64 - 0.5) * BIN_HZ, (bin as f64 + 0.5) * BIN_HZ);
            (to.min(high) - from.max(low)).max(0.0) / BIN_HZ
        })
    });
    let transform = RealFftPlanner::<f64>::new().plan_fft_forward(FRAME);
    let mut spectrum = [Complex::default(); BINS];
    let frames = samples.windows(FRAME).step_by(HOP);
    let powers = frames.map(|frame| {
        let mut frame: [f64; FRAME] = array::from_fn(|at| frame[at] * window[at]);
        transform.process(&mut frame, &mut spectrum).expect("both have the length of the transform");
        array::from_fn(|band| {
            spectrum.iter().zip(&shares[band]).map(|(bin, share)| bin.norm_sqr() * share).sum()
        })
    });
    powers.collect()
}

/// Which frames are no pause.
pub(super) fn spoken(powers: &[Bands]) -> Vec<bool> {
    let sums: Vec<f64> = powers.iter().map(|bands| bands.iter().sum()).collect();
    let floor = sums.iter().copied().fold(0.0, f64::max) * SPOKEN_SHARE;
    sums.iter().map(|sum| *sum > floor).collect()
}

/// Makes what is spoken as loud as at a telephone. Silence stays silence.
pub(super) fn listen(powers: &mut [Bands]) {
    let spoken = spoken(powers);
    let sums = || powers.iter().zip(&spoken).filter(|(_, is_spoken)| **is_spoken).map(|(bands, _)| bands);
    let count = sums().count();
    if count == 0 {
        return;
    }
    let mean = sums().flatten().sum::<f64>() / count as f64;
    let gain = 10_f64.powf(LISTENED_DB / 10.0) / mean;
    powers.iter_mut().flatten().for_each(|power| *power *= gain);
}

/// How loud each band is (Zwicker), in steps of what is just heard there (Terhardt 1979).
pub(super) fn loudness(powers: &Bands) -> Bands {
    array::from_fn(|band| {
        let khz = frequency(band as f64 + 0.5) / 1000.0;
        let threshold_db =
            3.64 * khz.powf(-0.8) - 6.5 * (-0.6 * (khz - 3.3).powi(2)).exp() + 1e-3 * khz.powi(4);
        let threshold = 10_f64.powf(threshold_db / 10.0);
        (threshold / 0.5).powf(GROWTH) * ((0.5 + 0.5 * powers[band] / threshold).powf(GROWTH) - 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64) -> Vec<f64> {
        (0..4000).map(|at| 1000.0 * (std::f64::consts::TAU * hz * f64::from(at) / 8000.0).sin()).collect()
    }

    #[test]
    fn a_tone_lies_in_its_band() {
        for band in [3, 15, 28] {
            let powers = powers(&tone(frequency(f64::from(band) + 0.5)));
            let loudest = (0..BANDS).max_by(|one, two| powers[5][*one].total_cmp(&powers[5][*two]));
            assert_eq!(loudest, usize::try_from(band).ok());
        }
    }

    #[test]
    fn ten_times_the_power_is_less_than_twice_as_loud() {
        let (soft, loud) = (loudness(&[1e5; BANDS]), loudness(&[1e6; BANDS]));
        let growth = loud[10] / soft[10];
        assert!((1.5..2.0).contains(&growth), "{growth}");
        assert!(loudness(&[0.0; BANDS]).iter().all(|it| *it < 0.0));
    }

    #[test]
    fn what_is_said_softly_is_heard_like_what_is_said_loudly() {
        let (mut soft, mut loud) = (powers(&tone(1000.0)), powers(&tone(1000.0)));
        soft.iter_mut().flatten().for_each(|power| *power *= 0.01);
        listen(&mut soft);
        listen(&mut loud);
        assert!((soft[3][15] / loud[3][15] - 1.0).abs() < 1e-9);
        assert!(powers(&[0.0; 100]).is_empty());
    }
}
