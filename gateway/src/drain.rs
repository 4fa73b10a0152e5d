//! How the gateway goes down while people talk.
//!
//! ```text
//!            asked                   nobody left, asked again, or the time is over
//!  Serving --------> Draining ----------------------------------------------------> over
//!     |                                                                              ^
//!     `----------------- asked, where nobody is left or calls get no time -----------'
//! ```

use std::time::{Duration, Instant};

/// Where it stands.
#[derive(Debug)]
pub struct Drain {
    timeout: Duration,
    until: Option<Instant>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// No new calls are taken, and those that are there may go on until then.
    Close {
        /// When they are hung up.
        until: Instant,
    },
    /// The gateway ends, and hangs up whoever is left.
    End(Occasion),
}

/// Why it ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// All calls have ended.
    NobodyLeft,
    /// It was asked again, or to end at once: somebody does not want to wait.
    AskedAgain,
    /// Calls have had their time.
    TimeOver,
}

impl Drain {
    /// A gateway that serves, and whose calls get so long when it is asked to stop.
    #[must_use]
    pub const fn new(timeout: Duration) -> Self {
        Self { timeout, until: None }
    }

    /// Calls get so long from now on; where it is being drained, they have been told what they get.
    pub const fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// When calls are hung up that are left by then; `None` while it serves.
    #[must_use]
    pub const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// It is asked to stop.
    pub fn ask(&mut self, calls: usize, now: Instant) -> Turn {
        if self.until.is_some() {
            return Turn::End(Occasion::AskedAgain);
        }
        let until = now + self.timeout;
        self.until = Some(until);
        self.look(calls, now).unwrap_or(Turn::Close { until })
    }

    /// It is asked to stop at once, whether or not it is being drained.
    pub const fn end(&mut self, now: Instant) -> Turn {
        self.until = Some(now);
        Turn::End(Occasion::AskedAgain)
    }

    /// It has to stop, whoever asked for what: calls get so long at most.
    pub fn hurry(&mut self, most: Duration, calls: usize, now: Instant) -> Turn {
        let until = self.until.map_or(now + most, |until| until.min(now + most));
        self.until = Some(until);
        self.look(calls, now).unwrap_or(Turn::Close { until })
    }

    /// Looks at how many calls are left, as long as it is being drained.
    pub fn look(&self, calls: usize, now: Instant) -> Option<Turn> {
        let until = self.until?;
        if calls == 0 {
            return Some(Turn::End(Occasion::NobodyLeft));
        }
        (now >= until).then_some(Turn::End(Occasion::TimeOver))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

    #[test]
    fn calls_end_by_themselves_until_their_time_is_over() {
        let (start, mut drain) = (Instant::now(), Drain::new(HALF_AN_HOUR));
        assert_eq!((drain.look(7, start), drain.look(0, start)), (None, None), "it serves");
        let until = start + HALF_AN_HOUR;
        assert_eq!(drain.ask(7, start), Turn::Close { until });
        assert_eq!(drain.until(), Some(until));
        let just_before = until - Duration::from_millis(1);
        assert_eq!(drain.look(1, just_before), None);
        assert_eq!(drain.look(0, just_before), Some(Turn::End(Occasion::NobodyLeft)));
        assert_eq!(drain.look(1, until), Some(Turn::End(Occasion::TimeOver)));
    }

    #[test]
    fn who_asks_twice_does_not_wait() {
        let (start, mut drain) = (Instant::now(), Drain::new(HALF_AN_HOUR));
        drain.ask(7, start);
        assert_eq!(drain.ask(7, start), Turn::End(Occasion::AskedAgain));
        let mut serving = Drain::new(HALF_AN_HOUR);
        assert_eq!(serving.end(start), Turn::End(Occasion::AskedAgain));
        assert_eq!(serving.until(), Some(start));
    }

    #[test]
    fn who_has_to_hurry_waits_no_longer_than_that_and_no_longer_than_before() {
        let (start, minute) = (Instant::now(), Duration::from_secs(60));
        let mut drain = Drain::new(HALF_AN_HOUR);
        drain.ask(7, start);
        assert_eq!(drain.hurry(minute, 7, start), Turn::Close { until: start + minute });
        assert_eq!(drain.hurry(minute, 7, start + minute / 2), Turn::Close { until: start + minute });
        assert_eq!(drain.look(7, start + minute), Some(Turn::End(Occasion::TimeOver)));
        assert_eq!(Drain::new(HALF_AN_HOUR).hurry(minute, 0, start), Turn::End(Occasion::NobodyLeft));
    }

    #[test]
    fn without_calls_or_without_time_for_them_it_ends_at_once() {
        let start = Instant::now();
        assert_eq!(Drain::new(HALF_AN_HOUR).ask(0, start), Turn::End(Occasion::NobodyLeft));
        assert_eq!(Drain::new(Duration::ZERO).ask(7, start), Turn::End(Occasion::TimeOver));
    }
}
