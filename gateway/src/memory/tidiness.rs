//! When memory that calls have left is given back to the system: some time after most of many calls have ended, and again until
//! little comes of it; while the budget is used up, whatever else is.
//!
//! ```text
//!        few calls, and more there than they need                for 40 s: give back
//! Needed ----------------------------------------> Left {since} ---------.
//!  ^  ^ <--------------- it is no more so ------------'                  |
//!  |  |                                                                  v
//!  |  '------------------- little came back ----------------------- (given back)
//!  |                                                                 |       ^
//!  |                                                much came back   v       | after 22 s: give back
//!  '------------------------ calls came ------------------------- Yielding {at}
//! ```
//!
//! What so many calls need is what was there when it had been given back last, and what a call takes at most for each one more.

use std::time::{Duration, Instant};

/// How long few calls have to be left. Chosen by us: a call that was refused is remembered for 32 s (RFC 3261 17.2.1, Timer H), and
/// many do not end at one moment.
const SETTLED: Duration = Duration::from_secs(40);

/// When it is done again where much came of it. Chosen by us: of calls that ended at one moment the second time is within 64 s, looks
/// each other second included; what is still remembered then goes by the next.
const AGAIN: Duration = Duration::from_secs(22);

/// How often it is done while the budget is used up: calls are refused meanwhile.
const AGAIN_USED_UP: Duration = Duration::from_secs(10);

/// What a call takes at most, in octets: a transcoded one 137 KiB, and its ladder 10 (docs/PERFORMANCE.md).
const CALL_MAX: u64 = 160 * 1024;

/// One in so many of all octets is much. Chosen by us: it is less than the tenth that may be there too much.
const SHARE: u64 = 16;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Calls that are under way.
    pub(super) calls: usize,
    /// Octets of the process that are there, and of no file.
    pub(super) own: u64,
    /// No new call is taken, for want of memory.
    pub(super) is_used_up: bool,
}

/// Says when memory is given back.
#[derive(Debug, Default)]
pub(super) struct Tidiness {
    state: State,
    /// What was there when it had been given back last, or at first.
    least: Option<Least>,
    /// The most calls there were since little came of it, or since the start.
    most: usize,
    given_at: Option<Instant>,
}

#[derive(Debug, Default)]
enum State {
    /// What is there is needed, or calls are there for which it may be.
    #[default]
    Needed,
    /// Calls have left more than the others need.
    Left { since: Instant },
    /// It was given back, and there may be more of it by now.
    Yielding { at: Instant },
}

#[derive(Debug, Clone, Copy)]
struct Least {
    own: u64,
    calls: usize,
}

impl Tidiness {
    /// Whether it is to be given back now.
    pub(super) fn look(&mut self, seen: Seen, now: Instant) -> bool {
        let Seen { calls, own, is_used_up } = seen;
        let needed = self.least.get_or_insert(Least { own, calls }).needed_by(calls);
        self.most = self.most.max(calls);
        let are_few = calls <= self.most / 2;
        let is_left = are_few && own > needed + needed / SHARE;
        let since = |at: Instant| now.saturating_duration_since(at);
        let is_due = match self.state {
            State::Needed => {
                if is_left {
                    self.state = State::Left { since: now };
                }
                false
            }
            State::Left { since: left_at } if is_left => since(left_at) >= SETTLED,
            State::Yielding { at } if are_few => since(at) >= AGAIN,
            State::Left { .. } | State::Yielding { .. } => {
                self.state = State::Needed;
                false
            }
        };
        is_due || is_used_up && self.given_at.is_none_or(|at| since(at) >= AGAIN_USED_UP)
    }

    /// It was given back, and this is there now, where so many octets were before.
    pub(super) fn given_back(&mut self, before: u64, seen: Seen, now: Instant) {
        let Seen { calls, own, .. } = seen;
        self.given_at = Some(now);
        self.least = Some(Least { own, calls });
        if before.saturating_sub(own) > own / SHARE {
            self.state = State::Yielding { at: now };
        } else {
            (self.state, self.most) = (State::Needed, calls);
        }
    }
}

impl Least {
    /// What so many calls need.
    const fn needed_by(self, calls: usize) -> u64 {
        let octets_then = CALL_MAX.saturating_mul(self.calls as u64);
        self.own.saturating_add(CALL_MAX.saturating_mul(calls as u64)).saturating_sub(octets_then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A process, looked at each other second: what each call takes, and what of that is free to be given back, are the test's.
    struct Bench {
        tidiness: Tidiness,
        begin: Instant,
        second: u64,
        own: u64,
        /// Octets that would go.
        free: u64,
        given_at: Vec<u64>,
    }

    impl Bench {
        fn new() -> Self {
            let (tidiness, begin) = (Tidiness::default(), Instant::now());
            Self { tidiness, begin, second: 0, own: 6 * MIB, free: 0, given_at: Vec::new() }
        }

        /// Looks for so many seconds at so many calls.
        fn pass(&mut self, seconds: u64, calls: usize, is_used_up: bool) {
            let end = self.second + seconds;
            while self.second < end {
                self.second += 2;
                let now = self.begin + Duration::from_secs(self.second);
                let seen = Seen { calls, own: self.own, is_used_up };
                if self.tidiness.look(seen, now) {
                    self.given_at.push(self.second);
                    self.own -= std::mem::take(&mut self.free);
                    self.tidiness.given_back(seen.own, Seen { own: self.own, ..seen }, now);
                }
            }
        }

        /// So many more octets are there.
        fn take(&mut self, octets: u64) {
            self.own += octets;
        }
    }

    #[test]
    fn what_a_flood_left_goes_when_it_is_forgotten_and_is_asked_for_once_more() {
        let mut bench = Bench::new();
        bench.pass(10, 0, false);
        bench.take(24 * MIB);
        bench.pass(100, 600, false);
        assert!(bench.given_at.is_empty(), "calls are there");
        // They end, and all is free when they are forgotten.
        bench.free = 23 * MIB;
        bench.pass(600, 0, false);
        assert_eq!(bench.given_at, [152, 174], "little came of the second time");
        assert_eq!(bench.own, 7 * MIB);
    }

    #[test]
    fn what_becomes_free_later_goes_by_the_next_time() {
        let mut bench = Bench::new();
        bench.pass(2, 0, false);
        bench.take(24 * MIB);
        bench.pass(8, 600, false);
        // Most have ended, and the others do half a minute later, which is remembered for as long.
        bench.free = 10 * MIB;
        bench.pass(30, 20, false);
        bench.pass(32, 0, false);
        assert_eq!(bench.given_at, [52]);
        bench.free = 13 * MIB;
        bench.pass(20, 0, false);
        assert_eq!(bench.given_at, [52, 74], "32 s after the last one's end");
        assert_eq!(bench.own, 7 * MIB);
    }

    #[test]
    fn calls_that_come_and_go_keep_what_they_need() {
        let mut bench = Bench::new();
        bench.pass(2, 0, false);
        bench.take(10 * MIB);
        for _ in 0..20 {
            bench.pass(60, 100, false);
            bench.pass(30, 40, false);
        }
        assert!(bench.given_at.is_empty(), "they come again");
        // At night there are few.
        bench.free = 5 * MIB;
        bench.pass(3600, 10, false);
        assert_eq!(bench.given_at.len(), 2, "{:?}", bench.given_at);
    }

    #[test]
    fn where_nothing_comes_of_it_nothing_is_done_until_there_is_more() {
        let mut bench = Bench::new();
        bench.pass(2, 0, false);
        bench.take(MIB);
        bench.pass(600, 0, false);
        assert_eq!(bench.given_at, [44], "what is there is needed");
        bench.take(MIB / 4);
        bench.pass(600, 0, false);
        assert_eq!(bench.given_at, [44]);
        bench.take(MIB);
        bench.pass(600, 0, false);
        assert_eq!(bench.given_at, [44, 1244]);
    }

    #[test]
    fn while_the_budget_is_used_up_it_goes_every_ten_seconds_whatever_there_is() {
        let mut bench = Bench::new();
        bench.pass(40, 500, true);
        assert_eq!(bench.given_at, [2, 12, 22, 32]);
    }
}
