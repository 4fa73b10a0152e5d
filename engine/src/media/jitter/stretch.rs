//! Makes sound a little shorter or longer without changing its pitch: one period is taken out or put
//! in, cross-faded over its whole length.
//!
//! ```text
//! shorten   |--A--|--B--|--C--    ->   |A fades to B|--C--
//! lengthen  |--A--|--B--|--C--    ->   |--A--|B fades to A|--B--|--C--
//! ```
//!
//! Both begin with the sample they began with and end with the one they ended with, so that nothing
//! around them changes. Where two neighbouring periods do not resemble each other nothing is done,
//! unless the caller insists; near silence any length will do.

use webtrunk_codecs::SampleRate;

/// Shortest period looked for: 2.5 ms, 400 Hz. A higher voice is found by a multiple of its period.
const PERIOD_MIN_RATE: u32 = 400;

/// Longest: 10 ms, so that two of them are one 20 ms frame.
const PERIOD_MAX_RATE: u32 = 100;

/// The rate at which periods are first looked for; then neighbours are tried at the full rate.
const SEARCH_RATE: u32 = 8000;

/// How much two neighbouring periods must resemble each other: 1 is identical.
const RESEMBLANCE_MIN: f32 = 0.8;

/// Root mean square below which nobody hears what is done: -58 dBov.
const QUIET: f32 = 40.0;

/// Shortens and lengthens samples of one rate.
#[derive(Debug, Clone, Copy)]
pub struct TimeStretch {
    period_min: usize,
    period_max: usize,
    step: usize,
}

impl TimeStretch {
    /// For samples at `rate`.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self {
            period_min: (rate.hz() / PERIOD_MIN_RATE) as usize,
            period_max: (rate.hz() / PERIOD_MAX_RATE) as usize,
            step: (rate.hz() / SEARCH_RATE).max(1) as usize,
        }
    }

    /// Samples that are looked at: 20 ms.
    #[must_use]
    pub fn span(&self) -> usize {
        2 * self.period_max
    }

    /// Takes one period out of the front of `samples`; what follows moves up. Returns how many
    /// samples fewer there are: none if they are fewer than [`Self::span`], or if nothing in them is
    /// alike and the caller does not `insist`.
    pub fn shorten(&self, samples: &mut [i16], insist: bool) -> usize {
        let Some(period) = self.period_in(samples, insist) else { return 0 };
        for n in 0..period {
            samples[n] = blend(samples[n], samples[period + n], n, period);
        }
        samples.copy_within(2 * period.., period);
        period
    }

    /// Puts one period into the front of the first `length` of `samples`, behind which there is room
    /// for a period more. Returns how many samples more there are.
    pub fn lengthen(&self, samples: &mut [i16], length: usize, insist: bool) -> usize {
        let Some(period) = self.period_in(&samples[..length], insist) else { return 0 };
        if length + period > samples.len() {
            return 0;
        }
        samples.copy_within(period..length, 2 * period);
        for n in 0..period {
            samples[period + n] = blend(samples[2 * period + n], samples[n], n, period);
        }
        period
    }

    /// The length that is best taken out or put in at the front.
    fn period_in(&self, samples: &[i16], insist: bool) -> Option<usize> {
        let span = samples.get(..self.span())?;
        let energy: f32 = span.iter().map(|&sample| f32::from(sample).powi(2)).sum();
        if energy < QUIET * QUIET * span.len() as f32 {
            return Some(self.period_max);
        }
        let best = |periods: &mut dyn Iterator<Item = usize>| {
            periods.map(|period| (period, self.resemblance(span, period))).max_by(|a, b| a.1.total_cmp(&b.1))
        };
        let (coarse, _) = best(&mut (self.period_min..=self.period_max).step_by(self.step))?;
        let near = coarse.saturating_sub(self.step).max(self.period_min);
        let (period, resemblance) = best(&mut (near..=(coarse + self.step).min(self.period_max)))?;
        (insist || resemblance >= RESEMBLANCE_MIN).then_some(period)
    }

    /// Correlation of the first samples with those a period later, at the search rate.
    fn resemblance(&self, span: &[i16], period: usize) -> f32 {
        let (mut product, mut first, mut second) = (0.0_f32, 0.0_f32, 0.0_f32);
        let pairs = span[..self.period_max].iter().zip(&span[period..]);
        for (&a, &b) in pairs.step_by(self.step) {
            let (a, b) = (f32::from(a), f32::from(b));
            product += a * b;
            first += a * a;
            second += b * b;
        }
        product / (first * second).sqrt().max(1.0)
    }
}

/// `from` at the begin of `length` samples, `to` at their end.
fn blend(from: i16, to: i16, at: usize, length: usize) -> i16 {
    let (at, length) = (at as i32, length as i32);
    ((i32::from(from) * (length - at) + i32::from(to) * at) / length) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: SampleRate, hz: f64, samples: usize) -> Vec<i16> {
        let at = |n: usize| (n as f64 * hz * std::f64::consts::TAU / f64::from(rate.hz())).sin();
        (0..samples).map(|n| (at(n) * 10_000.0) as i16).collect()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_voice_is_changed_without_a_step_or_a_dip() {
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000] {
            let stretch = TimeStretch::new(rate);
            for hz in [110.0, 180.0, 310.0, 440.0, 1000.0] {
                let original = tone(rate, hz, rate.samples_in_ms(60));
                let mut shorter = original.clone();
                let removed = stretch.shorten(&mut shorter, false);
                shorter.truncate(original.len() - removed);
                let mut longer = original.clone();
                longer.resize(original.len() + stretch.span(), 0);
                let added = stretch.lengthen(&mut longer, original.len(), false);
                longer.truncate(original.len() + added);
                for (changed, samples) in [(removed, shorter), (added, longer)] {
                    assert!(changed >= rate.samples_in_ms(5) / 2, "{hz} Hz at {rate:?}");
                    let (step, allowed) = (largest_step(&samples), largest_step(&original));
                    assert!(step <= allowed + allowed / 5, "{step} for {allowed}, {hz} Hz at {rate:?}");
                    let peaks = samples.chunks_exact(rate.samples_in_ms(10)).map(|part| part.iter().max());
                    assert!(peaks.flatten().all(|peak| *peak > 9000), "{hz} Hz at {rate:?}");
                    assert_eq!((samples[0], samples.last()), (original[0], original.last()));
                }
            }
        }
    }

    #[test]
    fn noise_is_left_alone_unless_the_caller_insists_and_silence_never() {
        let stretch = TimeStretch::new(SampleRate::HZ_8000);
        let mut random = 1_u32;
        let mut noise: Vec<i16> = (0..480)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 16) as i16 / 4
            })
            .collect();
        assert_eq!(stretch.shorten(&mut noise.clone(), false), 0);
        assert!(stretch.shorten(&mut noise, true) > 0);
        assert_eq!(stretch.shorten(&mut [3; 160], false), 80);
        assert_eq!(stretch.shorten(&mut [3; 159], true), 0, "too few to tell");
        assert_eq!(stretch.lengthen(&mut [3; 200], 160, true), 0, "no room");
    }
}
