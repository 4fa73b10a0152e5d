//! Who has spent how much: calls begun lately, and minutes of the day.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use webtrunk_engine::LegId;

use super::limits::CallLimits;
use crate::adapter::Origin;

/// Who pays for a call.
pub type Payer = Origin;

/// A day of UTC, counted from 1970 on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub u64);

/// What somebody has spent on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Who.
    pub payer: Payer,
    /// When.
    pub day: Day,
    /// How long its calls to trunks lasted, all together.
    pub talked: Duration,
}

/// What all have spent.
#[derive(Debug, Default)]
pub struct Ledger {
    /// When the calls of the last minute began.
    begun: HashMap<Payer, VecDeque<Instant>>,
    days: HashMap<Payer, Today>,
}

#[derive(Debug, Default)]
struct Today {
    day: Day,
    talked: Duration,
    /// Calls that are up, and since when they count for this day.
    running: HashMap<LegId, Instant>,
}

/// As long a call that began counts.
const MINUTE: Duration = Duration::from_secs(60);

const DAY_S: u64 = 24 * 60 * 60;

impl Day {
    /// The day of a moment, and how long ago it began.
    #[must_use]
    pub fn of(wall: SystemTime) -> (Self, Duration) {
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (day, begun_s) = (since.as_secs() / DAY_S, since.as_secs() % DAY_S);
        (Self(day), Duration::new(begun_s, since.subsec_nanos()))
    }
}

impl Ledger {
    /// A ledger in which this was spent already.
    #[must_use]
    pub fn new(kept: Vec<Spent>) -> Self {
        let today = |Spent { payer, day, talked }| (payer, Today { day, talked, running: HashMap::new() });
        Self { begun: HashMap::new(), days: kept.into_iter().map(today).collect() }
    }

    /// Begins a call of somebody; whether it may begin one more: in no minute do more of its calls begin.
    pub fn begin(&mut self, payer: &Payer, limits: &CallLimits, now: Instant) -> bool {
        let Some(max) = limits.calls_per_minute else { return true };
        let begun = self.begun.entry(payer.clone()).or_default();
        while begun.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
            begun.pop_front();
        }
        let may_begin = u32::try_from(begun.len()).is_ok_and(|begun| begun < max.get());
        if may_begin {
            begun.push_back(now);
        }
        may_begin
    }

    /// A call that somebody pays for was answered.
    pub fn start(&mut self, payer: &Payer, leg: LegId, now: Instant, wall: SystemTime) {
        self.today(payer, now, wall).running.insert(leg, now);
    }

    /// It ended.
    pub fn stop(&mut self, payer: &Payer, leg: LegId, now: Instant, wall: SystemTime) {
        let today = self.today(payer, now, wall);
        if let Some(since) = today.running.remove(&leg) {
            today.talked += now.saturating_duration_since(since);
        }
    }

    /// What somebody has spent today, and on how many calls that are up.
    pub fn spent(&mut self, payer: &Payer, now: Instant, wall: SystemTime) -> (Spent, usize) {
        let today = self.today(payer, now, wall);
        let running: Duration =
            today.running.values().map(|since| now.saturating_duration_since(*since)).sum();
        let spent = Spent { payer: payer.clone(), day: today.day, talked: today.talked + running };
        (spent, today.running.len())
    }

    /// How long one more, or one that is up, may go on if all that are up do; `None`, as long as it likes.
    pub fn left(
        &mut self,
        payer: &Payer,
        limits: &CallLimits,
        now: Instant,
        wall: SystemTime,
    ) -> Option<Duration> {
        let max = limits.per_day()?;
        let (spent, running) = self.spent(payer, now, wall);
        let left = max.saturating_sub(spent.talked);
        Some(left / u32::try_from(running.max(1)).unwrap_or(u32::MAX))
    }

    /// Somebody's day, which may have begun since the last time: what was talked before is not of it.
    fn today(&mut self, payer: &Payer, now: Instant, wall: SystemTime) -> &mut Today {
        let (day, begun) = Day::of(wall);
        let today = self.days.entry(payer.clone()).or_default();
        if today.day != day {
            let midnight = now.checked_sub(begun);
            today.day = day;
            today.talked = Duration::ZERO;
            for since in today.running.values_mut() {
                *since = midnight.map_or(*since, |midnight| midnight.max(*since));
            }
        }
        today
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    struct Bench {
        ledger: Ledger,
        now: Instant,
        wall: SystemTime,
    }

    impl Bench {
        /// Ten minutes before the end of a day.
        fn new() -> Self {
            let wall = UNIX_EPOCH + Duration::from_secs(20_000 * DAY_S) - 10 * MINUTE;
            Self { ledger: Ledger::default(), now: Instant::now() + Duration::from_secs(2 * DAY_S), wall }
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            self.wall += time;
        }

        fn start(&mut self, payer: &Payer) -> LegId {
            let leg = LegId::next();
            self.ledger.start(payer, leg, self.now, self.wall);
            leg
        }

        fn stop(&mut self, payer: &Payer, leg: LegId) {
            self.ledger.stop(payer, leg, self.now, self.wall);
        }

        fn talked(&mut self, payer: &Payer) -> Duration {
            self.ledger.spent(payer, self.now, self.wall).0.talked
        }

        fn left(&mut self, payer: &Payer, minutes: u32) -> Option<Duration> {
            let limits = CallLimits { minutes_per_day: NonZeroU32::new(minutes), ..CallLimits::default() };
            self.ledger.left(payer, &limits, self.now, self.wall)
        }
    }

    fn alice() -> Payer {
        Origin::User("alice".to_owned())
    }

    #[test]
    fn calls_that_are_up_and_those_that_ended_add_up() {
        let mut bench = Bench::new();
        let first = bench.start(&alice());
        bench.pass(MINUTE);
        let second = bench.start(&alice());
        bench.pass(MINUTE);
        assert_eq!(bench.talked(&alice()), 3 * MINUTE);
        assert_eq!(bench.left(&alice(), 9), Some(3 * MINUTE), "two use up six minutes in three");
        bench.stop(&alice(), first);
        bench.stop(&alice(), first);
        bench.pass(MINUTE);
        bench.stop(&alice(), second);
        assert_eq!(bench.talked(&alice()), 4 * MINUTE);
        assert_eq!(
            [bench.left(&alice(), 9), bench.left(&alice(), 3)],
            [Some(5 * MINUTE), Some(Duration::ZERO)]
        );
        assert_eq!(bench.left(&Origin::Trunk("alice".to_owned()), 9), Some(9 * MINUTE), "somebody else");
        assert_eq!(bench.ledger.left(&alice(), &CallLimits::default(), bench.now, bench.wall), None);
    }

    #[test]
    fn a_new_day_has_all_its_minutes_but_those_that_a_call_goes_on_in_it() {
        let mut bench = Bench::new();
        let (early, late) = (bench.start(&alice()), bench.start(&alice()));
        bench.pass(9 * MINUTE);
        bench.stop(&alice(), early);
        assert_eq!(bench.talked(&alice()), 18 * MINUTE);
        bench.pass(3 * MINUTE);
        assert_eq!(bench.talked(&alice()), 2 * MINUTE, "since midnight");
        bench.stop(&alice(), late);
        assert_eq!(bench.talked(&alice()), 2 * MINUTE);
    }

    #[test]
    fn what_was_kept_counts_on_its_day_alone() {
        let mut bench = Bench::new();
        let (day, _) = Day::of(bench.wall);
        let kept = |day| Spent { payer: alice(), day, talked: 5 * MINUTE };
        bench.ledger = Ledger::new(vec![kept(day)]);
        assert_eq!(bench.talked(&alice()), 5 * MINUTE);
        bench.ledger = Ledger::new(vec![kept(Day(day.0 - 1))]);
        assert_eq!(bench.talked(&alice()), Duration::ZERO);
    }

    /// Minutes go by the clock that nobody sets; only the day is the wall's.
    #[test]
    fn a_clock_that_jumps_back_gives_no_minutes_away() {
        let mut bench = Bench::new();
        let leg = bench.start(&alice());
        bench.pass(5 * MINUTE);
        bench.wall -= 3 * MINUTE;
        assert_eq!(bench.talked(&alice()), 5 * MINUTE);
        bench.stop(&alice(), leg);
        assert_eq!(bench.talked(&alice()), 5 * MINUTE);
    }

    #[test]
    fn a_user_begins_as_many_calls_in_any_minute_as_it_may_and_no_more() {
        let mut bench = Bench::new();
        let limits = CallLimits { calls_per_minute: NonZeroU32::new(6), ..CallLimits::default() };
        let mut begun = Vec::new();
        for second in 0..300 {
            // Six at once, and then one each ten seconds.
            let tries = if second == 0 { 6 } else { u32::from(second % 10 == 0) };
            for _ in 0..tries {
                if bench.ledger.begin(&alice(), &limits, bench.now) {
                    begun.push(bench.now);
                }
            }
            bench.pass(Duration::from_secs(1));
        }
        let most =
            begun.iter().map(|from| begun.iter().filter(|at| (*from..*from + MINUTE).contains(*at)).count());
        assert_eq!(most.max(), Some(6));
        assert!(begun.len() >= 29, "six in each of nearly all minutes: {}", begun.len());
        assert!(bench.ledger.begin(&alice(), &CallLimits::default(), bench.now));
    }
}
