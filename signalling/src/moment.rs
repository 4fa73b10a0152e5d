//! Moments, by the clock that never jumps and by the one that people read.

use std::time::{Duration, Instant, SystemTime};

/// The same moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// As lengths are measured.
    pub now: Instant,
    /// As people have it.
    pub wall: SystemTime,
}

/// How far the clocks may tell different lengths before the wall clock is said to have been set. Chosen by us: NTP steers
/// both alike, so that they go apart by steps alone.
pub(crate) const STEP: Duration = Duration::from_secs(1);

impl Moment {
    /// Whether the wall clock was set since `begin`, for it tells of another length than the other one.
    #[must_use]
    pub fn has_stepped_since(&self, begin: Self) -> bool {
        let passed = self.now.saturating_duration_since(begin.now);
        let told = self.wall.duration_since(begin.wall);
        told.map_or(true, |told| told.abs_diff(passed) > STEP)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed_and_less_than_a_second_is_not() {
        let begin = Moment { now: Instant::now(), wall: UNIX_EPOCH + Duration::from_secs(1_000_000) };
        let after =
            |passed: Duration, told: Duration| Moment { now: begin.now + passed, wall: begin.wall + told };
        let minute = Duration::from_secs(60);
        for (told, has_stepped) in
            [(60_000, false), (60_900, false), (59_100, false), (61_100, true), (0, true)]
        {
            let at = after(minute, Duration::from_millis(told));
            assert_eq!(at.has_stepped_since(begin), has_stepped, "{told}");
        }
        let back = Moment { now: begin.now + minute, wall: UNIX_EPOCH };
        assert!(back.has_stepped_since(begin));
    }
}
