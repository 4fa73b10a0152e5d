//! The time by which tokens, names and keys end: that of the wall clock, but never earlier than it was. Who sets the clock back
//! makes nothing good again that had ended (docs/decisions/0022-time-does-not-go-back.md).
//!
//! ```text
//!            the clock is set back: SetBack
//! Followed ----------------------------------> Ahead, and goes on as the clock does that nobody sets
//!          <----------------------------------
//!            the clock has come up: CaughtUp
//! ```

use std::time::{Duration, SystemTime};

use crate::moment::{Moment, STEP};

/// The latest time that the wall clock has shown, and what has passed since then.
#[derive(Debug)]
pub struct TimeFloor {
    latest: Moment,
    is_ahead: bool,
}

/// What the wall clock was found to have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockTurn {
    /// It shows an earlier time than it should, by so much.
    SetBack(Duration),
    /// It shows what it should, or more, after it was set back.
    CaughtUp,
}

impl TimeFloor {
    /// Begins with this moment.
    #[must_use]
    pub const fn new(first: Moment) -> Self {
        Self { latest: first, is_ahead: false }
    }

    /// The time at a moment, and what is new of the clock. No time is earlier than the one before.
    pub fn read(&mut self, at: Moment) -> (SystemTime, Option<ClockTurn>) {
        let passed = at.now.saturating_duration_since(self.latest.now);
        let least = self.latest.wall.checked_add(passed).unwrap_or(self.latest.wall);
        let behind = least.duration_since(at.wall).unwrap_or_default();
        let was_ahead = std::mem::replace(&mut self.is_ahead, behind > STEP);
        let turn = match (was_ahead, self.is_ahead) {
            (false, true) => Some(ClockTurn::SetBack(behind)),
            (true, false) => Some(ClockTurn::CaughtUp),
            (false, false) | (true, true) => None,
        };
        if at.wall > least {
            self.latest = at;
        }
        (at.wall.max(least), turn)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Reads where so much has passed, and the wall clock shows so much since the begin.
    fn floor() -> impl FnMut(Duration, Duration) -> (Duration, Option<ClockTurn>) {
        let (begin, wall) = (Instant::now(), UNIX_EPOCH + 1000 * MINUTE);
        let mut floor = TimeFloor::new(Moment { now: begin, wall });
        move |passed, told| {
            let at = Moment { now: begin + passed, wall: wall + told - 100 * MINUTE };
            let (time, turn) = floor.read(at);
            (time.duration_since(wall).expect("no earlier than the begin"), turn)
        }
    }

    /// What the clock shows which is right.
    fn right(passed: Duration) -> Duration {
        passed + 100 * MINUTE
    }

    #[test]
    fn a_clock_that_goes_on_is_followed() {
        let mut read = floor();
        for minutes in [0, 1, 1, 7] {
            let passed = minutes * MINUTE;
            assert_eq!(read(passed, right(passed)), (passed, None));
        }
        // It is set ahead, or the machine has slept.
        let ahead = 67 * MINUTE;
        assert_eq!(read(8 * MINUTE, right(ahead)), (ahead, None));
        assert_eq!(read(9 * MINUTE, right(ahead + MINUTE)), (ahead + MINUTE, None));
    }

    #[test]
    fn a_clock_that_is_set_back_is_not_followed_until_it_has_come_up() {
        let mut read = floor();
        let back = |minutes: u32| right(minutes * MINUTE) - 60 * MINUTE;
        assert_eq!(read(MINUTE, right(MINUTE)), (MINUTE, None));
        assert_eq!(read(2 * MINUTE, back(2)), (2 * MINUTE, Some(ClockTurn::SetBack(60 * MINUTE))));
        assert_eq!(read(30 * MINUTE, back(30)), (30 * MINUTE, None), "it is told once");
        assert_eq!(read(31 * MINUTE, right(31 * MINUTE)), (31 * MINUTE, Some(ClockTurn::CaughtUp)));
        assert_eq!(read(32 * MINUTE, back(32)).1, Some(ClockTurn::SetBack(60 * MINUTE)), "anew");
    }

    #[test]
    fn less_than_a_second_is_not_told_and_not_given_back_either() {
        let mut read = floor();
        let told = right(MINUTE) - Duration::from_millis(900);
        assert_eq!(read(MINUTE, told), (MINUTE, None));
    }

    proptest! {
        #[test]
        fn no_time_is_earlier_than_the_one_before_nor_than_what_the_clock_shows(
            steps in prop::collection::vec((0u32..100, -90i32..90), 1..100)
        ) {
            let mut read = floor();
            let (mut passed, mut last) = (Duration::ZERO, Duration::ZERO);
            for (minutes, off) in steps {
                passed += minutes * MINUTE;
                let (right, wrong) = (right(passed), off.unsigned_abs() * MINUTE);
                let told = if off < 0 { right - wrong } else { right + wrong };
                let (time, _) = read(passed, told);
                prop_assert!(time >= last + minutes * MINUTE && time + 100 * MINUTE >= told);
                last = time;
            }
        }
    }
}
