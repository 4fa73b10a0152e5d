//! How hard codecs may work while the shard keeps its time: the complexity of Opus falls when deadlines are met
//! late, and rises again when they have been met for a while.
//!
//! ```text
//! every second: more than a tenth of the deadlines late  -> two steps down, at once
//!               less than a fiftieth late, five in a row -> one step up
//!               between the two                          -> as it is
//! ```
//!
//! Down fast, since every late packet is heard; up slowly, or the two would take turns.

use std::time::{Duration, Instant};

/// A deadline that is met later than this was late. Chosen by us: a tick of the timer is 1 ms, and one
/// encoded packet in front of it 0.1 ms.
const LATE: Duration = Duration::from_millis(5);

/// One that is met later than this came too late for a packet of 20 ms: it is heard.
const MISSED: Duration = Duration::from_millis(20);

/// How long deadlines are counted before they are judged.
const WINDOW: Duration = Duration::from_secs(1);

/// Fewer deadlines than this tell nothing.
const DEADLINES_MIN: u32 = 10;

/// Fewer than these, which a single call meets in a second, say nothing of what more calls would do.
const MET_MIN: u32 = 50;

/// Windows in time, in a row, before more work is dared.
const CALM_WINDOWS: u8 = 5;

/// Steps down for a late window, up for calm ones.
const DOWN: u8 = 2;
const UP: u8 = 1;

/// Watches the lateness of one shard.
#[derive(Debug)]
pub(crate) struct Load {
    complexity_max: u8,
    complexity: u8,
    window: Option<Window>,
    calm_windows: u8,
    /// Since it was asked last.
    met: u32,
    missed: u32,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began_at: Instant,
    deadlines: u32,
    late: u32,
}

impl Load {
    /// A shard that has time for `complexity_max`, 0..=10.
    pub(crate) const fn new(complexity_max: u8) -> Self {
        Self { complexity_max, complexity: complexity_max, window: None, calm_windows: 0, met: 0, missed: 0 }
    }

    /// The complexity that there is time for now.
    pub(crate) const fn complexity(&self) -> u8 {
        self.complexity
    }

    /// How many thousandths of the deadlines since the last time were missed; none where there were too few to tell.
    pub(crate) fn take_missed_permille(&mut self) -> u32 {
        let (met, missed) = (std::mem::take(&mut self.met), std::mem::take(&mut self.missed));
        if met < MET_MIN { 0 } else { 1000 * missed / met }
    }

    /// Notes that a deadline was met at `now`; returns the complexity where it changes.
    pub(crate) fn handle_deadline(&mut self, at: Instant, now: Instant) -> Option<u8> {
        let window = self.window.get_or_insert(Window { began_at: now, deadlines: 0, late: 0 });
        window.deadlines += 1;
        self.met += 1;
        self.missed += u32::from(now.saturating_duration_since(at) > MISSED);
        window.late += u32::from(now.saturating_duration_since(at) > LATE);
        if now.saturating_duration_since(window.began_at) < WINDOW {
            return None;
        }
        let window = *window;
        self.window = None;
        let before = self.complexity;
        self.judge(window);
        (self.complexity != before).then_some(self.complexity)
    }

    fn judge(&mut self, window: Window) {
        let is_judged = window.deadlines >= DEADLINES_MIN;
        if is_judged && window.late * 10 > window.deadlines {
            self.calm_windows = 0;
            self.complexity = self.complexity.saturating_sub(DOWN);
        } else if window.late * 50 < window.deadlines {
            self.calm_windows += 1;
            if self.calm_windows == CALM_WINDOWS {
                self.calm_windows = 0;
                self.complexity = (self.complexity + UP).min(self.complexity_max);
            }
        } else {
            self.calm_windows = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        load: Load,
        now: Instant,
    }

    impl Bench {
        fn new(complexity_max: u8) -> Self {
            Self { load: Load::new(complexity_max), now: Instant::now() }
        }

        /// A hundred deadlines a second, of which so many in a hundred are late; the changes, by second.
        fn run(&mut self, seconds: u32, late_percent: u32) -> Vec<(u32, u8)> {
            let mut changes = Vec::new();
            for tick in 0..seconds * 100 {
                self.now += Duration::from_millis(10);
                let late = if tick % 100 < late_percent { 8 } else { 1 };
                let at = self.now - Duration::from_millis(late);
                changes.extend(self.load.handle_deadline(at, self.now).map(|it| (tick / 100, it)));
            }
            changes
        }
    }

    #[test]
    fn complexity_falls_while_the_shard_is_late_and_rises_when_it_has_long_been_in_time() {
        let mut bench = Bench::new(5);
        assert_eq!(bench.run(60, 0), [], "there is no more than was configured");
        assert_eq!(bench.run(5, 50).iter().map(|(_, it)| *it).collect::<Vec<_>>(), [3, 1, 0]);
        let risen = bench.run(40, 0);
        assert_eq!(risen.iter().map(|(_, it)| *it).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(risen.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 5), "{risen:?}");
    }

    #[test]
    fn between_late_and_calm_nothing_moves() {
        let mut bench = Bench::new(9);
        bench.run(2, 30);
        // The window under way has late ones of before.
        bench.run(2, 5);
        let complexity = bench.load.complexity();
        assert!(complexity < 9);
        assert_eq!(bench.run(120, 5), []);
        assert_eq!(bench.load.complexity(), complexity);
    }

    #[test]
    fn a_single_late_second_in_five_keeps_it_down_without_swinging() {
        let mut bench = Bench::new(10);
        let mut changes = 0;
        for _ in 0..20 {
            changes += bench.run(1, 40).len() + bench.run(4, 0).len();
        }
        assert_eq!(bench.load.complexity(), 0);
        assert!(changes <= 6, "{changes} changes");
    }

    #[test]
    fn what_came_too_late_for_its_packet_is_told_once() {
        let (mut load, now) = (Load::new(5), Instant::now());
        for late in [1, 19, 21, 300].repeat(25) {
            load.handle_deadline(now, now + Duration::from_millis(late));
        }
        assert_eq!([load.take_missed_permille(), load.take_missed_permille()], [500, 0]);
        for _ in 0..MET_MIN - 1 {
            load.handle_deadline(now, now + Duration::from_secs(1));
        }
        assert_eq!(load.take_missed_permille(), 0, "too few to tell");
    }

    #[test]
    fn few_deadlines_tell_nothing() {
        let (mut load, mut now) = (Load::new(5), Instant::now());
        for _ in 0..60 {
            now += Duration::from_millis(500);
            assert_eq!(load.handle_deadline(now - Duration::from_secs(1), now), None);
        }
    }
}
