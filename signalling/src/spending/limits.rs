//! What one user, or one trunk that is called, may do.

use std::num::NonZeroU32;
use std::time::Duration;

use super::numbers::Numbers;

/// The most that one may have; without a limit, as much as there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CallLimits {
    /// Calls of its own that a user may begin in a minute, all of them at once if it likes.
    pub calls_per_minute: Option<NonZeroU32>,
    /// Minutes that it may talk to trunks in a day of UTC, all calls together.
    pub minutes_per_day: Option<NonZeroU32>,
    /// How long one call may last from its answer on.
    pub call_max: Option<Duration>,
    /// Numbers that may be called at trunks, by every list in it.
    pub numbers: Vec<Numbers>,
}

impl CallLimits {
    /// Whether a number may be called.
    #[must_use]
    pub fn allow(&self, number: &str) -> bool {
        self.numbers.iter().all(|numbers| numbers.allow(number))
    }

    /// How long all calls of a day may last.
    #[must_use]
    pub fn per_day(&self) -> Option<Duration> {
        self.minutes_per_day.map(|minutes| Duration::from_secs(60 * u64::from(minutes.get())))
    }

    /// These, and where they say nothing, `others`.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            calls_per_minute: self.calls_per_minute.or(others.calls_per_minute),
            minutes_per_day: self.minutes_per_day.or(others.minutes_per_day),
            call_max: self.call_max.or(others.call_max),
            numbers: if self.numbers.is_empty() { others.numbers.clone() } else { self.numbers },
        }
    }

    /// These and others, the tighter of both.
    #[must_use]
    pub fn and(self, others: &Self) -> Self {
        Self {
            calls_per_minute: tighter(self.calls_per_minute, others.calls_per_minute),
            minutes_per_day: tighter(self.minutes_per_day, others.minutes_per_day),
            call_max: tighter(self.call_max, others.call_max),
            numbers: [self.numbers, others.numbers.clone()].concat(),
        }
    }
}

fn tighter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(minutes: u32, deny: &str) -> CallLimits {
        let numbers = Numbers { allow: Vec::new(), deny: vec![deny.parse().expect("a prefix")] };
        CallLimits {
            minutes_per_day: NonZeroU32::new(minutes),
            numbers: vec![numbers],
            ..CallLimits::default()
        }
    }

    #[test]
    fn who_is_in_two_groups_has_the_tighter_limits_of_both_and_all_their_lists() {
        let both = limits(60, "+882").and(&limits(30, "0900"));
        assert_eq!(both.per_day(), Some(Duration::from_secs(1800)));
        assert!(!both.allow("+8821") && !both.allow("09001") && both.allow("+49"));
        assert_eq!(both.clone().and(&CallLimits::default()), both);
    }

    #[test]
    fn what_is_one_s_own_goes_before_what_is_everybody_s() {
        let own = CallLimits { minutes_per_day: NonZeroU32::new(90), ..CallLimits::default() };
        let own = own.or(&limits(30, "+882"));
        assert_eq!(own.per_day(), Some(Duration::from_secs(5400)));
        assert!(!own.allow("+8821"), "of numbers it says nothing");
    }
}
