//! The time of calendars, and spans of it: what tokens and their keys are good for.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Whole seconds since 1970 (NumericDate, RFC 7519 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UnixTime(pub u64);

/// How far the clocks of two machines may be apart. Chosen by us: both run NTP, and one was just switched on.
pub const CLOCK_LEEWAY: Duration = Duration::from_secs(30);

/// When something is in force: from the first on, and before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    /// `None` is ever since.
    pub not_before: Option<UnixTime>,
    /// `None` is for ever.
    pub not_after: Option<UnixTime>,
}

impl UnixTime {
    /// So much later; the end of time is not passed.
    #[must_use]
    pub const fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time.as_secs()))
    }

    /// How long after `earlier`; nothing where it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// A clock before 1970 is one that was never set.
impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

impl Validity {
    /// Whether it is in force.
    #[must_use]
    pub fn holds(self, now: UnixTime) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.not_after.is_none_or(|until| now < until)
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = UnixTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<UnixTime, E> {
        Ok(UnixTime(seconds))
    }

    /// Some languages' clocks tell fractions, which RFC 7519 allows.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<UnixTime, E> {
        /// Up to here every whole number has a float of its own.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        if (0.0..=EXACT_MAX).contains(&seconds) {
            Ok(UnixTime(seconds as u64))
        } else {
            Err(E::custom("is no time"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_or_fractions_and_nothing_else() {
        let read = |text| serde_json::from_str::<UnixTime>(text).ok();
        assert_eq!(read("1764288000"), Some(UnixTime(1_764_288_000)));
        assert_eq!(read("1764288000.987"), Some(UnixTime(1_764_288_000)));
        assert_eq!(read("18446744073709551615"), Some(UnixTime(u64::MAX)));
        for wrong in ["-1", "-0.5", "1e16", "1e309", "\"1764288000\"", "null", "true", "[]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        assert_eq!(UnixTime(u64::MAX).plus(CLOCK_LEEWAY), UnixTime(u64::MAX));
        assert_eq!(UnixTime(5).since(UnixTime(9)), Duration::ZERO);
        assert_eq!(UnixTime::from(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), UnixTime(0));
    }

    #[test]
    fn what_is_in_force_begins_at_its_first_moment_and_ends_before_its_last() {
        let validity = Validity { not_before: Some(UnixTime(10)), not_after: Some(UnixTime(20)) };
        let holds: Vec<_> = (8..=21).filter(|second| validity.holds(UnixTime(*second))).collect();
        assert_eq!(holds, (10..20).collect::<Vec<_>>());
        assert!(Validity::default().holds(UnixTime(0)) && Validity::default().holds(UnixTime(u64::MAX)));
    }
}
