//! How many calls a trunk has and gets a second, and the limits of both.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use webtrunk_engine::LegId;

/// The most that a trunk may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrunkLimits {
    /// Calls at one time, both ways together; `None`, as many as come.
    pub calls_max: Option<usize>,
    /// New calls in a second, both ways together.
    pub calls_per_second: Option<u32>,
}

/// What is counted of a trunk, to be read at any time.
#[derive(Debug, Default)]
pub struct TrunkGauge {
    calls: AtomicUsize,
    refused: AtomicU64,
}

/// The calls of all trunks.
#[derive(Debug, Default)]
pub struct TrunkLoads {
    loads: HashMap<String, Load>,
    legs: HashMap<LegId, String>,
}

#[derive(Debug)]
struct Load {
    limits: TrunkLimits,
    gauge: Arc<TrunkGauge>,
    /// Calls that may begin at once, at `counted_at`; a second's calls at most.
    tokens: f64,
    counted_at: Option<Instant>,
}

impl TrunkGauge {
    /// Calls now.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that were refused since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl TrunkLimits {
    /// Whether there is none.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.calls_max.is_none() && self.calls_per_second.is_none()
    }
}

impl TrunkLoads {
    /// Limits a trunk, or limits it otherwise; those without are not counted.
    pub fn limit(&mut self, trunk: &str, limits: TrunkLimits, gauge: Arc<TrunkGauge>) {
        let tokens = limits.calls_per_second.unwrap_or_default().into();
        self.loads.insert(trunk.to_owned(), Load { limits, gauge, tokens, counted_at: None });
    }

    /// Limits no trunk but these any more.
    pub fn keep(&mut self, is_limited: impl Fn(&str) -> bool) {
        self.loads.retain(|trunk, _| is_limited(trunk));
    }

    /// Begins a call of a trunk; whether it may have one more.
    pub fn begin(&mut self, trunk: &str, leg: LegId, now: Instant) -> bool {
        let Some(load) = self.loads.get_mut(trunk) else { return true };
        if !load.take(now) {
            load.gauge.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        load.gauge.calls.fetch_add(1, Ordering::Relaxed);
        self.legs.insert(leg, trunk.to_owned());
        true
    }

    /// A leg ended, whoever's it was.
    pub fn end(&mut self, leg: LegId) {
        let Some(trunk) = self.legs.remove(&leg) else { return };
        if let Some(load) = self.loads.get(&trunk) {
            load.gauge.calls.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Load {
    fn take(&mut self, now: Instant) -> bool {
        if self.limits.calls_max.is_some_and(|max| self.gauge.calls() >= max) {
            return false;
        }
        let Some(rate) = self.limits.calls_per_second.map(f64::from) else { return true };
        let passed = self.counted_at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.counted_at = Some(now);
        self.tokens = passed.mul_add(rate, self.tokens).min(rate);
        let is_there = self.tokens >= 1.0;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn loads(limits: TrunkLimits) -> (TrunkLoads, Arc<TrunkGauge>) {
        let (mut loads, gauge) = (TrunkLoads::default(), Arc::new(TrunkGauge::default()));
        loads.limit("t", limits, Arc::clone(&gauge));
        (loads, gauge)
    }

    #[test]
    fn a_trunk_has_no_more_calls_than_it_may() {
        let (mut loads, gauge) = loads(TrunkLimits { calls_max: Some(2), calls_per_second: None });
        let (now, legs) = (Instant::now(), [(); 3].map(|()| LegId::next()));
        assert_eq!(legs.map(|leg| loads.begin("t", leg, now)), [true, true, false]);
        assert!(loads.begin("other", LegId::next(), now));
        loads.end(legs[2]);
        assert_eq!((gauge.calls(), gauge.refused()), (2, 1));
        loads.end(legs[0]);
        loads.end(legs[0]);
        assert!(loads.begin("t", legs[2], now));
        assert_eq!(gauge.calls(), 2);
    }

    #[test]
    fn other_limits_count_the_calls_that_are_there() {
        let (mut loads, gauge) = loads(TrunkLimits { calls_max: Some(2), calls_per_second: None });
        let (now, legs) = (Instant::now(), [(); 3].map(|()| LegId::next()));
        assert!(loads.begin("t", legs[0], now) && loads.begin("t", legs[1], now));
        loads.limit("t", TrunkLimits { calls_max: Some(1), calls_per_second: None }, Arc::clone(&gauge));
        assert!(!loads.begin("t", legs[2], now), "two are there, and one may be");
        loads.end(legs[0]);
        assert!(!loads.begin("t", legs[2], now));
        loads.end(legs[1]);
        assert!(loads.begin("t", legs[2], now));
        loads.keep(|_| false);
        loads.end(legs[2]);
        assert!(loads.begin("t", legs[0], now) && loads.begin("t", legs[1], now), "without limits");
    }

    #[test]
    fn a_trunk_gets_no_more_calls_in_a_second_than_it_may() {
        let (mut loads, gauge) = loads(TrunkLimits { calls_max: None, calls_per_second: Some(5) });
        let start = Instant::now();
        let mut begun = 0;
        for ms in 0..10_000 {
            begun += usize::from(loads.begin("t", LegId::next(), start + Duration::from_millis(ms)));
        }
        assert!((54..=55).contains(&begun), "five at once, then five a second: {begun}");
        assert_eq!(gauge.refused(), 10_000 - u64::try_from(begun).expect("few"));
    }
}
