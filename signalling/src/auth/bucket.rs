//! How often something may happen: so often in a second in the mean, and so often at once.

use std::time::{Duration, Instant};

/// How often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    per_second: f64,
    burst: f64,
}

/// What is left of a rate for one who goes by it.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    tokens: f64,
    /// Of one that nobody has taken from, `None`.
    counted_at: Option<Instant>,
}

impl Rate {
    /// `per_second` in the mean, and `burst` at once, of each one at least.
    #[must_use]
    pub fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst: f64::from(burst.max(1)) }
    }

    /// So many times as often, in the mean and at once.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        let factor = f64::from(factor);
        Self { per_second: self.per_second * factor, burst: self.burst * factor }
    }
}

impl Bucket {
    /// All that may come at once is left.
    #[must_use]
    pub const fn full(rate: Rate) -> Self {
        Self { tokens: rate.burst, counted_at: None }
    }

    /// Takes one more, unless fewer than `kept_back` were left then.
    ///
    /// # Errors
    /// It is one too many; how long until it is not.
    pub fn take(&mut self, rate: Rate, kept_back: f64, now: Instant) -> Result<(), Duration> {
        self.fill(rate, now);
        let missing = 1.0 + kept_back - self.tokens;
        if missing > 0.0 {
            return Err(Duration::try_from_secs_f64(missing / rate.per_second).unwrap_or(Duration::MAX));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// Whether one more could be taken.
    pub fn has_one(&mut self, rate: Rate, kept_back: f64, now: Instant) -> bool {
        self.fill(rate, now);
        self.tokens >= 1.0 + kept_back
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let passed = self.counted_at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.tokens = passed.mul_add(rate.per_second, self.tokens).min(rate.burst);
        self.counted_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_come_at_once_and_so_many_in_a_second_after_that() {
        let (rate, start) = (Rate::new(5.0, 20), Instant::now());
        let mut bucket = Bucket::full(rate);
        let mut taken = |ms| bucket.take(rate, 0.0, start + Duration::from_millis(ms)).is_ok();
        assert_eq!((0..100).filter(|_| taken(0)).count(), 20);
        let later = (1..=10_000).filter(|ms| taken(*ms)).count();
        assert!((49..=50).contains(&later), "five a second for ten seconds: {later}");
        assert_eq!((0..100).filter(|_| taken(100_000)).count(), 20, "no more than that is saved up");
    }

    #[test]
    fn who_comes_too_early_is_told_how_long_to_wait() {
        let (rate, start) = (Rate::new(10.0, 1), Instant::now());
        let mut bucket = Bucket::full(rate);
        assert_eq!(bucket.take(rate, 0.0, start), Ok(()));
        let wait = bucket.take(rate, 0.0, start).expect_err("it is empty");
        assert!(bucket.take(rate, 0.0, start + wait / 2).is_err());
        assert_eq!(bucket.take(rate, 0.0, start + wait), Ok(()));
    }

    #[test]
    fn what_is_kept_back_is_there_for_others() {
        let (rate, now) = (Rate::new(1.0, 10), Instant::now());
        let mut bucket = Bucket::full(rate);
        assert_eq!((0..100).filter(|_| bucket.take(rate, 3.0, now).is_ok()).count(), 7);
        assert!(!bucket.has_one(rate, 3.0, now) && bucket.has_one(rate, 0.0, now));
        assert_eq!((0..100).filter(|_| bucket.take(rate, 0.0, now).is_ok()).count(), 3);
    }
}
