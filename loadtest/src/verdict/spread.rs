//! How late things were, as a histogram of fixed steps: those of several load testers add up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How late things were. Steps are of 0.1 ms up to 10 ms, of 1 ms up to 100 ms, of 10 ms up to a second, then of 100 ms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Spread(Vec<Bar>);

/// One step in which there is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// Its end, which belongs to it, in microseconds.
    pub up_to_us: u64,
    /// How many were in it.
    pub count: u64,
}

/// What is later counts as so late: no packet is of use after a minute.
const UP_TO_MAX_US: u64 = 60_000_000;

impl Spread {
    /// Of all these.
    pub(super) fn of(times: &[Duration]) -> Self {
        let mut spread = Self::default();
        for time in times {
            spread.add(Bar { up_to_us: end_of_step(*time), count: 1 });
        }
        spread
    }

    /// Adds what another has.
    pub fn merge(&mut self, other: &Self) {
        for bar in &other.0 {
            self.add(*bar);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|bar| bar.count).sum()
    }

    /// How many were later than this, which is the end of a step.
    pub(super) fn later_than(&self, limit: Duration) -> u64 {
        let limit_us = end_of_step(limit);
        self.0.iter().filter(|bar| bar.up_to_us > limit_us).map(|bar| bar.count).sum()
    }

    /// The nearest rank, in milliseconds and to a step; zero of nothing.
    pub(super) fn rank_ms(&self, percent: u64) -> f64 {
        let wanted = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.0.iter().find(|bar| {
            seen += bar.count;
            seen >= wanted
        });
        found.map_or(0.0, |bar| bar.up_to_us as f64 / 1000.0)
    }

    fn add(&mut self, bar: Bar) {
        match self.0.binary_search_by_key(&bar.up_to_us, |it| it.up_to_us) {
            Ok(at) => self.0[at].count += bar.count,
            Err(at) => self.0.insert(at, bar),
        }
    }
}

fn end_of_step(time: Duration) -> u64 {
    let us = u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX).min(UP_TO_MAX_US);
    let step = match us {
        0..=10_000 => 100,
        10_001..=100_000 => 1000,
        100_001..=1_000_000 => 10_000,
        _ => 100_000,
    };
    us.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(all: &[f64]) -> Vec<Duration> {
        all.iter().map(|ms| Duration::from_secs_f64(ms / 1000.0)).collect()
    }

    #[test]
    fn ranks_are_those_of_all_together_to_a_step() {
        let (many, few) = (vec![Duration::from_micros(250); 98], ms(&[19.3, 33.0]));
        let mut spread = Spread::of(&many);
        spread.merge(&Spread::of(&few));
        assert_eq!((spread.count(), spread.rank_ms(50), spread.rank_ms(98)), (100, 0.3, 0.3));
        assert_eq!((spread.rank_ms(99), spread.rank_ms(100)), (20.0, 33.0));
        let all: Vec<_> = many.into_iter().chain(few).collect();
        assert_eq!(Spread::of(&all), spread, "the same as of all at once");
        assert_eq!(Spread::default().rank_ms(50), 0.0);
    }

    #[test]
    fn what_is_late_by_a_hair_is_late() {
        let spread =
            Spread::of(&[Duration::from_millis(20), Duration::from_nanos(20_000_001), Duration::MAX]);
        assert_eq!(spread.later_than(Duration::from_millis(20)), 2);
        assert_eq!(spread.rank_ms(100), 60_000.0);
    }
}
