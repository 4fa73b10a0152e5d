//! Dates, as records have them.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A date by the wall clock, to the millisecond: `2026-11-28T09:00:00.123Z` (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Stamp(i64);

impl Stamp {
    /// A date by milliseconds since 1970.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// So many milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add_unsigned(ms))
    }
}

impl From<SystemTime> for Stamp {
    fn from(wall: SystemTime) -> Self {
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl From<Stamp> for String {
    fn from(Stamp(ms): Stamp) -> Self {
        let clamped = ms.clamp(Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
        // Always three places, so that dates sort as text.
        Timestamp::from_millisecond(clamped).map(|at| format!("{at:.3}")).unwrap_or_default()
    }
}

impl TryFrom<String> for Stamp {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse::<Timestamp>().map(|at| Self(at.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_to_the_millisecond_and_read_again() {
        for ms in [0, 1, 1_764_320_400_120, -1] {
            let text = String::from(Stamp(ms));
            assert!(text.ends_with('Z') && text.len() == 24, "{text}");
            assert_eq!(Stamp::try_from(text).ok(), Some(Stamp(ms)));
        }
        assert_eq!(String::from(Stamp(1_764_320_400_120)), "2025-11-28T09:00:00.120Z");
    }
}
