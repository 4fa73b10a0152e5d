//! Brings a sum of voices back into 16 bits without a click.
//!
//! The gain moves along a line from one 2.5 ms block to the next: down before a loud block, up again
//! slowly. What still exceeds the limit is bent, not cut. Below the limit nothing is changed.

/// From here on the sound is made softer: 1 dB below full scale.
const LIMIT: f32 = 29_204.0;

/// Blocks of a tick: 2.5 ms each.
const BLOCKS: usize = 8;

/// The share of what is missing to full gain that comes back with each block: half of it in 0.2 s.
const RELEASE: f32 = 0.0086;

/// From this gain on the rest comes back at once: it changes no sample by more than rounding does.
const NEARLY_ONE: f32 = 0.999_98;

/// The limiter of one listener.
#[derive(Debug, Clone)]
pub struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    /// Writes the sum of one tick to `out`, which is as long.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn process(&mut self, sum: &[i32], out: &mut [i16]) {
        assert_eq!(sum.len(), out.len(), "a tick in, a tick out");
        let is_quiet = sum.iter().all(|sample| sample.unsigned_abs() <= LIMIT as u32);
        if is_quiet && self.gain == 1.0 {
            for (out, &sample) in out.iter_mut().zip(sum) {
                *out = sample as i16;
            }
            return;
        }
        let length = sum.len().div_ceil(BLOCKS).max(1);
        let blocks = sum.chunks(length);
        let followers = sum.chunks(length).skip(1).chain(std::iter::once(&sum[..0]));
        for ((block, next), out) in blocks.zip(followers).zip(out.chunks_mut(length)) {
            let wanted = gain_for(block).min(gain_for(next));
            let end = if wanted < self.gain { wanted } else { self.gain + (wanted - self.gain) * RELEASE };
            let step = (end - self.gain) / block.len() as f32;
            for (out, &sample) in out.iter_mut().zip(block) {
                self.gain += step;
                *out = bend(sample as f32 * self.gain);
            }
            self.gain = if end > NEARLY_ONE { 1.0 } else { end };
        }
    }
}

/// The gain at which the loudest of these samples is at the limit.
fn gain_for(block: &[i32]) -> f32 {
    let peak = block.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    if peak as f32 <= LIMIT { 1.0 } else { LIMIT / peak as f32 }
}

/// Leaves what is below the limit; what is above nears full scale and never reaches it.
fn bend(sample: f32) -> i16 {
    let over = sample.abs() - LIMIT;
    if over <= 0.0 {
        return sample.round() as i16;
    }
    let room = f32::from(i16::MAX) - LIMIT;
    (LIMIT + room * over / (room + over)).copysign(sample) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: usize = 320;

    /// One tick of a 250 Hz sine at 16 kHz.
    fn tone(tick: usize, peak: f32) -> Vec<i32> {
        let at = |n: usize| ((tick * TICK + n) as f32 * 250.0 / 16_000.0 * std::f32::consts::TAU).sin();
        (0..TICK).map(|n| (at(n) * peak) as i32).collect()
    }

    #[test]
    fn what_fits_is_not_touched() {
        let mut limiter = Limiter::default();
        let sum = tone(0, 29_000.0);
        let mut out = [0; TICK];
        limiter.process(&sum, &mut out);
        assert!(out.iter().zip(&sum).all(|(out, sum)| i32::from(*out) == *sum));
    }

    #[test]
    fn loud_sums_are_made_softer_without_a_step_and_come_back() {
        let mut limiter = Limiter::default();
        let mut heard = Vec::new();
        for tick in 0..200 {
            let peak = if (50..100).contains(&tick) { 90_000.0 } else { 10_000.0 };
            let mut out = [0; TICK];
            limiter.process(&tone(tick, peak), &mut out);
            heard.extend_from_slice(&out);
        }
        let loud = &heard[51 * TICK..99 * TICK];
        let peak = loud.iter().map(|sample| sample.unsigned_abs()).max();
        assert!((29_000..30_500).contains(&peak.expect("a tone")), "{peak:?}");
        // The step of a sine of 90,000 at 250 Hz, where the loud tone begins, and no more.
        let step = heard.windows(2).map(|pair| i32::from(pair[1]).abs_diff(i32::from(pair[0]))).max();
        assert!(step < Some(8900), "{step:?}");
        let settled = heard[198 * TICK..].iter().map(|sample| sample.unsigned_abs()).max();
        assert!((9900..=10_000).contains(&settled.expect("a tone")), "{settled:?}");
    }

    #[test]
    fn the_loudest_sums_stay_in_range() {
        let mut limiter = Limiter::default();
        let sum: Vec<i32> = (0..TICK).map(|n| if n / 40 % 2 == 0 { 2_000_000 } else { -2_000_000 }).collect();
        let mut out = [0; TICK];
        limiter.process(&sum, &mut out);
        assert!(sum.iter().zip(&out).all(|(sum, out)| sum.signum() == i32::from(*out).signum()));
    }
}
