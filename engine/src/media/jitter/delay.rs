//! How long a packet should wait, learned from when packets arrive.
//!
//! Each packet has a transit: arrival by our clock less timestamp by the sender's. The smallest of
//! the last two seconds is the fastest way there is; what the others exceed it by is jitter. The
//! target is the delay that all but one in 64 of them would have met. Since both are looked for in a
//! window, a burst is forgotten two seconds after its end, and clocks that drift are followed.

use std::collections::VecDeque;

use super::config::JitterConfig;

/// How far back arrivals count. Chosen by us: short enough to be back at ease within 5 s of a burst.
const WINDOW_US: i64 = 2_000_000;

/// Arrivals that count however old they are: a stream with pauses is judged by its last packets.
const KEPT: usize = 16;

/// Most arrivals that count: 2 s at 10 ms a packet is 200, of which the latest serve.
const ARRIVALS_MAX: usize = 128;

/// One packet in so many may come too late.
const LATE_SHARE: usize = 64;

/// Packets after which the arrivals are believed to show the jitter: half a second.
const LEARNED: usize = 25;

/// The window is looked through at every so manieth packet.
const EVERY: u32 = 4;

/// A transit shorter by more than this is another timeline of the sender, not a faster way.
const JUMP_US: i64 = 1_000_000;

/// Packets in a row beyond the longest delay after which the way, or the timeline, is a new one.
const FAR_IN_ROW: u32 = 3;

/// The estimator of one stream. All times are in microseconds.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    arrivals: VecDeque<Arrival>,
    scratch: Vec<i64>,
    base: i64,
    target: i64,
    until_update: u32,
    far_in_row: u32,
    bounds: Bounds,
}

#[derive(Debug, Clone, Copy)]
struct Arrival {
    at: i64,
    transit: i64,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    initial: i64,
    min: i64,
    max: i64,
}

impl DelayEstimator {
    pub(super) fn new(config: &JitterConfig) -> Self {
        let us = |time: std::time::Duration| time.as_micros() as i64;
        let (min, max) = (us(config.delay_min), us(config.delay_max).max(us(config.delay_min)));
        let bounds = Bounds { initial: us(config.delay_initial).clamp(min, max), min, max };
        Self {
            arrivals: VecDeque::with_capacity(ARRIVALS_MAX),
            scratch: Vec::with_capacity(ARRIVALS_MAX),
            base: 0,
            target: bounds.initial,
            until_update: 0,
            far_in_row: 0,
            bounds,
        }
    }

    /// Forgets everything: another stream begins.
    pub(super) fn clear(&mut self) {
        self.arrivals.clear();
        self.target = self.bounds.initial;
        self.until_update = 0;
        self.far_in_row = 0;
    }

    /// Notes a packet whose first sample belongs to `media` on the stream's clock.
    pub(super) fn handle(&mut self, at: i64, media: i64) {
        let transit = at - media;
        if self.is_new_timeline(transit) {
            self.clear();
        }
        if self.arrivals.is_empty() {
            self.base = transit;
        }
        while self.arrivals.len() == ARRIVALS_MAX || self.is_front_old(at) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(Arrival { at, transit });
        self.base = self.base.min(transit);
        if self.until_update == 0 || transit - self.base > self.target {
            self.update();
        } else {
            self.until_update -= 1;
        }
    }

    /// What is aimed for.
    pub(super) const fn target(&self) -> i64 {
        self.target
    }

    /// The longest delay there may be.
    pub(super) const fn max(&self) -> i64 {
        self.bounds.max
    }

    /// When the sample of `media` would have come the fastest way.
    pub(super) const fn arrival_of(&self, media: i64) -> i64 {
        self.base + media
    }

    fn is_new_timeline(&mut self, transit: i64) -> bool {
        if self.arrivals.is_empty() {
            return false;
        }
        let behind = transit - self.base;
        self.far_in_row = if behind > self.bounds.max { self.far_in_row + 1 } else { 0 };
        behind < -JUMP_US || self.far_in_row >= FAR_IN_ROW
    }

    fn is_front_old(&self, now: i64) -> bool {
        self.arrivals.len() >= KEPT && self.arrivals.front().is_some_and(|front| now - front.at > WINDOW_US)
    }

    fn update(&mut self) {
        self.until_update = EVERY;
        self.scratch.clear();
        self.scratch.extend(self.arrivals.iter().map(|arrival| arrival.transit));
        self.base = self.scratch.iter().copied().min().unwrap_or(self.base);
        let count = self.scratch.len();
        let Some(index) = count.checked_sub(1 + count / LATE_SHARE) else { return };
        let (_, met_by_most, _) = self.scratch.select_nth_unstable(index);
        let jitter = *met_by_most - self.base;
        let floor = if count < LEARNED { self.bounds.initial } else { self.bounds.min };
        self.target = jitter.clamp(floor, self.bounds.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator() -> DelayEstimator {
        DelayEstimator::new(&JitterConfig::default())
    }

    /// Lets packets of 20 ms arrive, delayed by what `delay_ms` says of their number.
    fn run(estimator: &mut DelayEstimator, numbers: std::ops::Range<i64>, delay_ms: impl Fn(i64) -> i64) {
        for number in numbers {
            estimator.handle(number * 20_000 + delay_ms(number) * 1000, number * 20_000);
        }
    }

    #[test]
    fn a_calm_stream_needs_the_least_delay() {
        let mut estimator = estimator();
        assert_eq!(estimator.target(), 40_000);
        run(&mut estimator, 0..20, |_| 70);
        assert_eq!(estimator.target(), 40_000, "not yet learned");
        run(&mut estimator, 20..50, |_| 70);
        assert_eq!(estimator.target(), 20_000);
        assert_eq!(estimator.arrival_of(0), 70_000);
    }

    #[test]
    fn jitter_is_covered_at_once_and_forgotten_after_the_window() {
        let mut estimator = estimator();
        run(&mut estimator, 0..100, |_| 0);
        run(&mut estimator, 100..130, |number| number % 10 * 10);
        assert!((80_000..=90_000).contains(&estimator.target()), "{}", estimator.target());
        run(&mut estimator, 130..229, |_| 0);
        assert!(estimator.target() > 20_000, "{}", estimator.target());
        run(&mut estimator, 229..240, |_| 0);
        assert_eq!(estimator.target(), 20_000);
    }

    #[test]
    fn drifting_clocks_are_followed_both_ways() {
        for ppm in [-200, 200] {
            let mut estimator = estimator();
            for number in 0..50_000_i64 {
                let at = number * 20_000 + number * 20_000 * ppm / 1_000_000;
                estimator.handle(at, number * 20_000);
            }
            assert_eq!(estimator.target(), 20_000, "{ppm} ppm");
            let last = 49_999 * 20_000;
            let error = estimator.arrival_of(last) - (last + last * ppm / 1_000_000);
            assert!(error.abs() < 1000, "{error} us at {ppm} ppm");
        }
    }

    #[test]
    fn a_new_timeline_is_learned_anew() {
        let mut estimator = estimator();
        run(&mut estimator, 0..100, |_| 0);
        estimator.handle(2_020_000, 900_000_000);
        assert_eq!(estimator.arrival_of(900_000_000), 2_020_000, "the timestamps jumped ahead");
        for number in 0..3 {
            estimator.handle(2_040_000 + number * 20_000, number * 20_000);
        }
        assert_eq!(estimator.arrival_of(40_000), 2_080_000, "and back");
    }
}
