//! How many requests a key may make in a minute.

use std::collections::HashMap;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// What every key has left: as many requests as it may make in a minute, at once or one after the other, which come back evenly.
#[derive(Debug, Default)]
pub(super) struct Rates {
    per_minute: u32,
    /// By the keys' ids.
    left: HashMap<String, Left>,
}

#[derive(Debug)]
struct Left {
    requests: f64,
    counted_at: Instant,
}

impl Rates {
    /// So many from now on, of keys of which this is true; others are forgotten.
    pub(super) fn limit(&mut self, per_minute: u32, is_known: impl Fn(&str) -> bool) {
        self.per_minute = per_minute;
        self.left.retain(|id, _| is_known(id));
    }

    /// Takes one more request of a key.
    ///
    /// # Errors
    /// It is one too many; so long it takes until there is another.
    pub(super) fn take(&mut self, id: &str, now: Instant) -> Result<(), Duration> {
        let most = f64::from(self.per_minute);
        let left = match self.left.get_mut(id) {
            Some(left) => left,
            None => self.left.entry(id.to_owned()).or_insert(Left { requests: most, counted_at: now }),
        };
        let passed = now.saturating_duration_since(left.counted_at).as_secs_f64() / MINUTE.as_secs_f64();
        left.requests = passed.mul_add(most, left.requests).min(most);
        left.counted_at = now;
        if left.requests >= 1.0 {
            left.requests -= 1.0;
            return Ok(());
        }
        Err(MINUTE.mul_f64((1.0 - left.requests) / most.max(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_requests_back_evenly_and_no_other_keys_are_taken() {
        let mut rates = Rates::default();
        rates.limit(60, |_| true);
        let begin = Instant::now();
        let mut granted = |id: &str, after_ms| rates.take(id, begin + Duration::from_millis(after_ms));
        assert!((0..60).all(|_| granted("crm", 0).is_ok()));
        assert_eq!(granted("crm", 0), Err(Duration::from_secs(1)));
        assert!(granted("other", 0).is_ok());
        let wait = granted("crm", 500).expect_err("half a request").as_secs_f64();
        assert!((wait - 0.5).abs() < 0.001, "{wait}");
        assert!(granted("crm", 1001).is_ok() && granted("crm", 1002).is_err());
        assert!((0..60).all(|_| granted("crm", 3_600_000).is_ok()), "no more than a minute's wait");
        assert!(granted("crm", 3_600_000).is_err());
        rates.limit(120, |id| id != "crm");
        assert!(rates.take("crm", begin).is_ok(), "whoever comes again begins anew");
    }
}
