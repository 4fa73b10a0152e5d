//! The middle and the tail of a set of durations.

use std::time::Duration;

use serde::Serialize;

/// The middle and the tail of a set of durations, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many there were.
    pub count: usize,
    /// The least.
    pub min_ms: f64,
    /// Half are below.
    pub p50_ms: f64,
    /// One in a hundred is above.
    pub p99_ms: f64,
    /// The greatest.
    pub max_ms: f64,
}

impl Percentiles {
    /// `None` where there is nothing.
    #[must_use]
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<_> = durations.into_iter().collect();
        sorted.sort_unstable();
        let ms = |duration: &Duration| duration.as_secs_f64() * 1000.0;
        // The nearest rank.
        let rank = |share: usize| sorted.get((sorted.len() * share).div_ceil(100).saturating_sub(1)).map(ms);
        Some(Self {
            count: sorted.len(),
            min_ms: sorted.first().map(ms)?,
            p50_ms: rank(50)?,
            p99_ms: rank(99)?,
            max_ms: sorted.last().map(ms)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks() {
        let found = Percentiles::of((1..=200).rev().map(Duration::from_millis)).expect("some");
        let expected = Percentiles { count: 200, min_ms: 1.0, p50_ms: 100.0, p99_ms: 198.0, max_ms: 200.0 };
        assert_eq!(found, expected);
        assert_eq!(Percentiles::of([]), None);
    }
}
