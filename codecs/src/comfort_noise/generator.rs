//! Noise of the level and spectrum that a descriptor tells.

use super::sid::{SID_ORDER_MAX, Sid};
use crate::SampleRate;

/// How often level and spectrum move on towards the last descriptor.
const STEP_MS: u32 = 5;
/// How much of the way they go at each step: within 20 ms they are nearly there, and nobody hears a seam.
const GLIDE: f32 = 0.3;
/// A coefficient nearer to one would ring for longer than noise may.
const COEFFICIENT_MAX: f32 = 0.98;

/// Makes comfort noise; white and inaudible before the first descriptor.
#[derive(Debug, Clone)]
pub struct NoiseGenerator {
    target: Background,
    now: Background,
    is_told: bool,
    /// What the lattice filter remembers.
    backward: [f32; SID_ORDER_MAX],
    random: u32,
    step: usize,
    /// Samples before the next step.
    ahead: usize,
}

#[derive(Debug, Clone, Copy)]
struct Background {
    /// Of the noise, as a 16-bit sample.
    rms: f32,
    coefficients: [f32; SID_ORDER_MAX],
}

impl NoiseGenerator {
    /// A generator of samples at `rate`. Generators of different seeds make different noise.
    #[must_use]
    pub fn new(rate: SampleRate, seed: u32) -> Self {
        let silent = Background { rms: 0.0, coefficients: [0.0; SID_ORDER_MAX] };
        Self {
            target: silent,
            now: silent,
            is_told: false,
            backward: [0.0; SID_ORDER_MAX],
            random: seed,
            step: rate.samples_in_ms(STEP_MS).max(1),
            ahead: 0,
        }
    }

    /// Goes over to what `sid` tells; the first is taken at once.
    pub fn update(&mut self, sid: &Sid) {
        let rms = 32_768.0 * 10_f32.powf(sid.level_dbov() / 20.0);
        let mut coefficients = [0.0; SID_ORDER_MAX];
        for (mine, told) in coefficients.iter_mut().zip(sid.spectrum()) {
            *mine = told.clamp(-COEFFICIENT_MAX, COEFFICIENT_MAX);
        }
        self.target = Background { rms, coefficients };
        if !std::mem::replace(&mut self.is_told, true) {
            self.now = self.target;
        }
    }

    /// Fills `out` with what comes next.
    pub fn fill(&mut self, mut out: &mut [i16]) {
        while !out.is_empty() {
            if self.ahead == 0 {
                self.now.glide_to(&self.target);
                self.ahead = self.step;
            }
            let (part, rest) = out.split_at_mut(self.ahead.min(out.len()));
            let excitation = self.now.excitation_rms();
            part.fill_with(|| self.next_sample(excitation));
            self.ahead -= part.len();
            out = rest;
        }
    }

    /// White noise through an all-pole lattice, which is stable whatever the coefficients below one.
    fn next_sample(&mut self, excitation: f32) -> i16 {
        let mut forward = excitation * self.white();
        for stage in (0..SID_ORDER_MAX).rev() {
            let coefficient = self.now.coefficients[stage];
            forward -= coefficient * self.backward[stage];
            if stage + 1 < SID_ORDER_MAX {
                self.backward[stage + 1] = self.backward[stage] + coefficient * forward;
            }
        }
        self.backward[0] = forward;
        forward.round() as i16
    }

    /// A sample of noise of deviation one: of four uniform ones the sum is near enough to Gauss' noise.
    fn white(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..4 {
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sum += (self.random >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        sum * 3_f32.sqrt()
    }
}

impl Background {
    fn glide_to(&mut self, target: &Self) {
        self.rms += GLIDE * (target.rms - self.rms);
        for (mine, target) in self.coefficients.iter_mut().zip(target.coefficients) {
            *mine += GLIDE * (target - *mine);
        }
    }

    /// A lattice multiplies the power of what excites it by one over the product of all `1 - k^2`.
    fn excitation_rms(&self) -> f32 {
        self.rms * self.coefficients.iter().map(|k| 1.0 - k * k).product::<f32>().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sid: &Sid) -> Vec<i16> {
        let mut generator = NoiseGenerator::new(SampleRate::HZ_8000, 1);
        generator.update(sid);
        let mut samples = vec![0; 80_000];
        samples.chunks_mut(160).for_each(|frame| generator.fill(frame));
        samples
    }

    /// Of lag `lag`, per sample.
    fn correlation(samples: &[i16], lag: usize) -> f64 {
        let pairs = samples.iter().zip(&samples[lag..]);
        pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() / samples.len() as f64
    }

    #[test]
    fn noise_has_the_level_told_whatever_its_spectrum() {
        for spectrum in [&[][..], &[-0.9], &[0.8, 0.3], &[-0.95, 0.6, -0.3, 0.2, 0.1, -0.1]] {
            for level in [-20.0, -40.0, -60.0, -70.0] {
                let samples = made(&Sid::white(level).with_spectrum(spectrum));
                let heard = 10.0 * (correlation(&samples, 0) / 32_768_f64.powi(2)).log10();
                assert!((heard - f64::from(level)).abs() < 0.6, "{heard} for {level} with {spectrum:?}");
            }
        }
    }

    #[test]
    fn the_first_coefficient_is_the_correlation_of_neighbours() {
        for coefficient in [-0.9, -0.5, 0.0, 0.5, 0.9] {
            let samples = made(&Sid::white(-30.0).with_spectrum(&[coefficient]));
            let neighbours = correlation(&samples, 1) / correlation(&samples, 0);
            assert!((neighbours + f64::from(coefficient)).abs() < 0.03, "{neighbours} for {coefficient}");
        }
    }

    #[test]
    fn a_new_level_is_reached_smoothly() {
        let mut generator = NoiseGenerator::new(SampleRate::HZ_16000, 2);
        let rms = |samples: &[i16]| correlation(samples, 0).sqrt();
        let mut out = vec![1; 1600];
        generator.fill(&mut out);
        assert_eq!(rms(&out), 0.0, "nothing was told yet");
        generator.update(&Sid::white(-60.0));
        generator.fill(&mut out);
        let before = rms(&out);
        generator.update(&Sid::white(-40.0));
        let mut after = vec![0; 3200];
        generator.fill(&mut after);
        assert!(rms(&after[..80]) < 5.0 * before, "no jump");
        assert!((rms(&after[1600..]) / before - 10.0).abs() < 1.0);
    }

    #[test]
    fn the_worst_descriptors_do_not_run_away() {
        for payload in [[0, 0, 254, 0, 254, 0, 254], [0, 254, 254, 254, 254, 254, 254], [0; 7], [255; 7]] {
            let sid = Sid::parse(&payload).expect("not empty");
            let mut generator = NoiseGenerator::new(SampleRate::HZ_8000, 3);
            let mut out = [0; 8000];
            generator.update(&sid);
            generator.fill(&mut out);
            generator.update(&Sid::white(-127.0));
            generator.fill(&mut out);
            assert!(out[7000..].iter().all(|sample| sample.abs() <= 1), "{payload:?}");
        }
    }
}
