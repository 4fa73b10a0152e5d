//! Whether a hop lives, by OPTIONS at intervals (RFC 3261 11).
//!
//! ```text
//!  Up --- miss ---> Doubted --- miss ---> Down ---+
//!  ^                   |                   |      | miss
//!  +------ answer -----+------ answer -----+ <----+
//! ```

use std::time::{Duration, Instant};

/// One hop under observation.
#[derive(Debug)]
pub struct Probe {
    state: State,
    interval: Duration,
    at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Up,
    Doubted,
    Down,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is not to be called any more.
    WentDown,
    /// It may be called again.
    CameUp,
}

impl Probe {
    /// A hop that counts as up; the first question is due at once.
    #[must_use]
    pub const fn new(interval: Duration, now: Instant) -> Self {
        Self { state: State::Up, interval, at: now }
    }

    /// Whether the next question is due; then the one after it is planned.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.at <= now;
        if is_due {
            self.at = now + self.interval;
        }
        is_due
    }

    /// An answer came, whatever it says.
    pub fn answered(&mut self) -> Option<Turn> {
        let before = std::mem::replace(&mut self.state, State::Up);
        (before == State::Down).then_some(Turn::CameUp)
    }

    /// None came in time.
    pub const fn missed(&mut self) -> Option<Turn> {
        match self.state {
            State::Up => {
                self.state = State::Doubted;
                None
            }
            State::Doubted => {
                self.state = State::Down;
                Some(Turn::WentDown)
            }
            State::Down => None,
        }
    }

    /// When the next question is due.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_down_after_two_misses_and_up_after_one_answer() {
        let mut probe = Probe::new(Duration::from_secs(30), Instant::now());
        assert_eq!([probe.missed(), probe.missed(), probe.missed()], [None, Some(Turn::WentDown), None]);
        assert_eq!([probe.answered(), probe.answered()], [Some(Turn::CameUp), None]);
        assert_eq!([probe.missed(), probe.answered(), probe.missed()], [None, None, None]);
        assert_eq!(probe.missed(), Some(Turn::WentDown));
    }

    #[test]
    fn questions_come_at_their_interval() {
        let start = Instant::now();
        let mut probe = Probe::new(Duration::from_secs(30), start);
        assert_eq!([probe.is_due(start), probe.is_due(start)], [true, false]);
        let next = start + Duration::from_secs(30);
        assert_eq!((probe.at(), probe.is_due(next)), (next, true));
    }
}
