//! When calls begin.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;

/// When calls begin.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Arrival {
    /// So many in a second, evenly.
    Constant(f64),
    /// So many in a second on average, each without regard for the others, as people call.
    Poisson(f64),
    /// From one rate to another.
    Ramp {
        /// Calls a second at the beginning.
        from: f64,
        /// And at the end.
        to: f64,
        /// How long that takes; then the last rate goes on.
        seconds: f64,
    },
    /// One rate after the other; calls end with the last.
    Steps(Vec<RateStep>),
    /// So many calls at one time: as one ends the next begins.
    Closed(usize),
}

/// A rate for a while.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateStep {
    /// Calls a second.
    pub rate: f64,
    /// How long.
    pub seconds: f64,
}

/// The times at which calls begin, one after the other.
#[derive(Debug, Clone)]
pub struct Arrivals {
    arrival: Arrival,
    random: StdRng,
    /// In seconds from the beginning.
    at: f64,
    count: usize,
}

/// Calls a second at most: a machine of its own can bear no more.
pub(super) const RATE_MAX: f64 = 1000.0;

impl Arrival {
    /// Every rate in it.
    pub(super) fn rates(&self) -> Vec<f64> {
        match self {
            Self::Constant(rate) | Self::Poisson(rate) => vec![*rate],
            Self::Ramp { from, to, .. } => vec![*from, *to],
            Self::Steps(steps) => steps.iter().map(|step| step.rate).collect(),
            Self::Closed(_) => Vec::new(),
        }
    }

    /// The same load times so much.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        match self {
            Self::Constant(rate) => Self::Constant(rate * factor),
            Self::Poisson(rate) => Self::Poisson(rate * factor),
            Self::Ramp { from, to, seconds } => {
                Self::Ramp { from: from * factor, to: to * factor, seconds: *seconds }
            }
            Self::Steps(steps) => {
                let step = |step: &RateStep| RateStep { rate: step.rate * factor, ..*step };
                Self::Steps(steps.iter().map(step).collect())
            }
            Self::Closed(calls) => Self::Closed(((*calls as f64 * factor).round() as usize).max(1)),
        }
    }

    /// How many calls at one time, where one follows upon another.
    #[must_use]
    pub const fn closed(&self) -> Option<usize> {
        match self {
            Self::Closed(calls) => Some(*calls),
            _ => None,
        }
    }
}

impl Arrivals {
    /// The same times for the same seed.
    #[must_use]
    pub fn new(arrival: Arrival, seed: u64) -> Self {
        Self { arrival, random: StdRng::seed_from_u64(seed), at: 0.0, count: 0 }
    }

    /// The time until the next call begins, from the beginning of the run; `None` when there is none any more. Closed
    /// loops begin each as soon as there is room.
    pub fn next_at(&mut self) -> Option<Duration> {
        let is_first = self.count == 0;
        self.count += 1;
        match &self.arrival {
            Arrival::Closed(_) => {}
            Arrival::Constant(rate) => self.at = (self.count - 1) as f64 / rate,
            Arrival::Poisson(rate) => {
                let chance: f64 = self.random.random_range(f64::EPSILON..1.0);
                self.at -= chance.ln() / rate;
            }
            Arrival::Ramp { from, to, seconds } => self.at = ramp_at(self.count - 1, *from, *to, *seconds),
            Arrival::Steps(steps) => {
                // As many calls as the steps before the time hold, and the part of one that is left.
                let mut wanted = (self.count - 1) as f64;
                let mut begins = 0.0;
                for step in steps {
                    let holds = step.rate * step.seconds;
                    if wanted < holds - 1e-9 {
                        self.at = begins + wanted / step.rate;
                        return Some(Duration::from_secs_f64(self.at));
                    }
                    wanted -= holds;
                    begins += step.seconds;
                }
                return None;
            }
        }
        let at = if is_first && !matches!(self.arrival, Arrival::Poisson(_)) { 0.0 } else { self.at };
        Some(Duration::from_secs_f64(at))
    }
}

/// When the number of calls so far, the integral of the rate, is this.
fn ramp_at(calls: usize, from: f64, to: f64, seconds: f64) -> f64 {
    let (calls, slope) = (calls as f64, (to - from) / seconds);
    let on_ramp = (from + to) / 2.0 * seconds;
    if calls >= on_ramp {
        return seconds + (calls - on_ramp) / to;
    }
    if slope.abs() < 1e-12 {
        return calls / from;
    }
    ((from * from + 2.0 * slope * calls).max(0.0).sqrt() - from) / slope
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(arrival: Arrival, count: usize) -> Vec<f64> {
        let mut arrivals = Arrivals::new(arrival, 7);
        std::iter::from_fn(|| arrivals.next_at()).take(count).map(|at| at.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_even() {
        assert_eq!(times(Arrival::Constant(4.0), 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn people_call_at_their_rate_and_the_same_people_for_the_same_seed() {
        let at = times(Arrival::Poisson(5.0), 5000);
        assert!((at[4999] - 1000.0).abs() < 40.0, "{}", at[4999]);
        assert!(at.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(at, times(Arrival::Poisson(5.0), 5000));
        // A third of the gaps are longer than the mean, as those of chance are.
        let long = at.windows(2).filter(|pair| pair[1] - pair[0] > 0.2).count();
        assert!((1700..1980).contains(&long), "{long}");
    }

    #[test]
    fn a_ramp_has_as_many_calls_as_its_area_and_then_goes_on() {
        let ramp = Arrival::Ramp { from: 1.0, to: 3.0, seconds: 10.0 };
        let at = times(ramp, 27);
        // (1 + 3) / 2 * 10 calls on the ramp, then three a second.
        assert!((at[20] - 10.0).abs() < 1e-9, "{at:?}");
        assert!((at[26] - 12.0).abs() < 1e-9);
        let early = at.iter().filter(|at| **at < 5.0).count();
        assert_eq!(early, 8, "1 to 2 a second for five seconds: 7.5");
        let falls = times(Arrival::Ramp { from: 2.0, to: 1.0, seconds: 4.0 }, 7);
        assert!((falls[6] - 4.0).abs() < 1e-9, "{falls:?}");
    }

    #[test]
    fn steps_end_with_the_last() {
        let steps = vec![
            RateStep { rate: 2.0, seconds: 1.0 },
            RateStep { rate: 0.5, seconds: 2.0 },
            RateStep { rate: 1.0, seconds: 1.0 },
        ];
        assert_eq!(times(Arrival::Steps(steps), 9), [0.0, 0.5, 1.0, 3.0]);
    }

    #[test]
    fn a_closed_loop_has_no_times() {
        assert_eq!(times(Arrival::Closed(3), 4), [0.0; 4]);
        assert_eq!(Arrival::Closed(10).times(1.5), Arrival::Closed(15));
    }
}
