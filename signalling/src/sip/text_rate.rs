//! How many messages users and trunks may send.

use std::collections::HashMap;
use std::time::Instant;

use crate::adapter::Origin;

/// What everybody has left. There are as many entries as users and trunks that have written, for nobody else comes
/// in.
#[derive(Debug)]
pub struct TextRates {
    per_second: f64,
    left: HashMap<Origin, Left>,
}

#[derive(Debug)]
struct Left {
    tokens: f64,
    counted_at: Instant,
}

/// How many seconds' messages may come at once. Chosen by us: a long text in several pieces.
const BURST_S: f64 = 2.0;

impl TextRates {
    /// Everybody may send `per_second` in the mean, and twice as many at once.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), left: HashMap::new() }
    }

    /// Everybody may send `per_second` from now on.
    pub fn limit(&mut self, per_second: u32) {
        self.per_second = per_second.into();
    }

    /// Takes one more message; whether it is not one too many.
    pub fn take(&mut self, origin: &Origin, now: Instant) -> bool {
        let burst = self.per_second * BURST_S;
        let left = match self.left.get_mut(origin) {
            Some(left) => left,
            None => self.left.entry(origin.clone()).or_insert(Left { tokens: burst, counted_at: now }),
        };
        let passed = now.saturating_duration_since(left.counted_at).as_secs_f64();
        left.tokens = passed.mul_add(self.per_second, left.tokens).min(burst);
        left.counted_at = now;
        let may = left.tokens >= 1.0;
        if may {
            left.tokens -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_has_its_own_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut rates = TextRates::new(5);
        let [ann, bob] = ["ann", "bob"].map(|name| Origin::User(name.to_owned()));
        let sent = (0..30_000).filter(|ms| rates.take(&ann, start + Duration::from_millis(*ms))).count();
        assert!((159..=160).contains(&sent), "ten at once, then five a second for half a minute: {sent}");
        assert!(rates.take(&bob, start));
    }
}
