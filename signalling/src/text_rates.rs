//! What users and trunks may write, by whichever adapter they do: how much, how long, and of which types.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::adapter::{Delivery, Origin};
use crate::sip::agent::TextConfig;
use crate::sip::media_types;

/// What everybody has left. There are as many entries as users and trunks that have written, for nobody else comes
/// in. Clones count together.
#[derive(Debug, Clone)]
pub struct TextRates(Arc<Mutex<Rates>>);

#[derive(Debug)]
struct Rates {
    config: TextConfig,
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
    /// Everybody may send as many in the mean as the configuration says, and twice as many at once.
    #[must_use]
    pub fn new(config: TextConfig) -> Self {
        Self(Arc::new(Mutex::new(Rates { config, left: HashMap::new() })))
    }

    /// So it is from now on.
    pub fn limit(&self, config: &TextConfig) {
        self.lock().config = config.clone();
    }

    /// Takes one more message; whether it is not one too many.
    #[must_use]
    pub fn take(&self, origin: &Origin, now: Instant) -> bool {
        let mut rates = self.lock();
        let per_second = f64::from(rates.config.per_second);
        let burst = per_second * BURST_S;
        let left = match rates.left.get_mut(origin) {
            Some(left) => left,
            None => rates.left.entry(origin.clone()).or_insert(Left { tokens: burst, counted_at: now }),
        };
        let passed = now.saturating_duration_since(left.counted_at).as_secs_f64();
        left.tokens = passed.mul_add(per_second, left.tokens).min(burst);
        left.counted_at = now;
        let may = left.tokens >= 1.0;
        if may {
            left.tokens -= 1.0;
        }
        may
    }

    /// Whether a message of this type and length is taken at all.
    ///
    /// # Errors
    /// [`Delivery::TooLarge`] or [`Delivery::TypeNotTaken`].
    pub fn judge(&self, media_type: &str, octets: usize) -> Result<(), Delivery> {
        let config = &self.lock().config;
        if octets > config.octets_max {
            return Err(Delivery::TooLarge);
        }
        if media_types::takes(&config.types, media_type) { Ok(()) } else { Err(Delivery::TypeNotTaken) }
    }

    /// No statement of ours leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, Rates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_has_its_own_burst_and_then_its_rate() {
        let start = Instant::now();
        let rates = TextRates::new(TextConfig { per_second: 5, ..TextConfig::default() });
        let [ann, bob] = ["ann", "bob"].map(|name| Origin::User(name.to_owned()));
        let sent = (0..30_000).filter(|ms| rates.take(&ann, start + Duration::from_millis(*ms))).count();
        assert!((159..=160).contains(&sent), "ten at once, then five a second for half a minute: {sent}");
        assert!(rates.take(&bob, start));
    }

    #[test]
    fn what_is_too_long_or_of_another_type_is_not_taken() {
        let config = TextConfig { octets_max: 5, ..TextConfig::default() };
        let rates = TextRates::new(config.clone());
        assert_eq!(rates.judge("text/plain;charset=utf-8", 5), Ok(()));
        assert_eq!(rates.judge("text/plain", 6), Err(Delivery::TooLarge));
        assert_eq!(rates.judge("image/png", 5), Err(Delivery::TypeNotTaken));
        rates.limit(&TextConfig { types: Vec::new(), ..config });
        assert_eq!(rates.judge("text/plain", 5), Err(Delivery::TypeNotTaken), "none are taken any more");
    }
}
