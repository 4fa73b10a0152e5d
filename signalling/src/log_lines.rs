//! What the log says of what a source does wrong: each text once a minute, with how often it came since its last line.
//!
//! Who does the same wrong all day, a page that reloads with a stale token say, is told of each minute; who does it a
//! thousand times a second fills no disk, and neither do a thousand who do it once.
//!
//! Unlike `sip::notices::Notices`, which give an address one hint in ten minutes, this follows a wrong as long as it goes on.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, Hash};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::auth::limits::counted_as;

/// How long a text has no second line. Chosen by us: who looks on sees that it goes on.
const WHILE: Duration = Duration::from_secs(60);

/// Texts of one source that have lines within [`WHILE`]; others have none. Chosen by us: texts hold what a stranger
/// wrote, and could be another each time.
const TEXTS_MAX: usize = 10;

/// The same once half of all lines are used, so that a few sources leave some to others.
const TEXTS_LATE: usize = 2;

/// Lines of all sources within [`WHILE`]. Chosen by us: forty of them are more than anybody reads, and hundreds come of
/// forged or hired sources alone.
const LINES_MAX: usize = 100;

/// Sources of which something is known; past it the one that came first is forgotten.
const SOURCES_MAX: usize = 1000;

/// The lines of each source.
#[derive(Debug, Default)]
pub struct LogLines {
    sources: HashMap<IpAddr, HashMap<u64, Line>>,
    /// In the order in which they came.
    order: VecDeque<IpAddr>,
    /// Texts are known by their hashes.
    hasher: RandomState,
    all: All,
}

/// The lines of all sources together.
#[derive(Debug, Default)]
struct All {
    /// When the first of them was written.
    since: Option<Instant>,
    lines: usize,
    /// What would have had a line since then.
    left_out: u64,
}

#[derive(Debug)]
struct Line {
    at: Instant,
    /// How often the text came since then.
    repeated: u64,
}

impl LogLines {
    /// Whether a text has a line now, and then how often it came since its last one, from this source.
    pub fn due(&mut self, source: IpAddr, text: impl Hash, now: Instant) -> Option<u64> {
        if let Some(left_out) = self.all.begin_anew(now).filter(|left_out| *left_out > 0) {
            warn!(left_out, "more was refused in a minute than the log tells");
        }
        let source = counted_as(source);
        if !self.sources.contains_key(&source) {
            if self.order.len() >= SOURCES_MAX
                && let Some(first) = self.order.pop_front()
            {
                self.sources.remove(&first);
            }
            self.order.push_back(source);
        }
        let text = self.hasher.hash_one(text);
        let lines = self.sources.entry(source).or_default();
        let is_fresh = |line: &Line| now.duration_since(line.at) < WHILE;
        if let Some(line) = lines.get_mut(&text).filter(|line| is_fresh(line)) {
            line.repeated += 1;
            return None;
        }
        let texts_max = if self.all.lines < LINES_MAX / 2 { TEXTS_MAX } else { TEXTS_LATE };
        if lines.len() >= texts_max {
            lines.retain(|own, line| *own == text || is_fresh(line));
        }
        if lines.len() >= texts_max && !lines.contains_key(&text) {
            return None;
        }
        if !self.all.take_one() {
            if self.all.left_out == 1 {
                warn!(lines = LINES_MAX, "what many sources do wrong is told no more for a minute");
            }
            lines.entry(text).and_modify(|line| line.repeated += 1);
            return None;
        }
        let before = lines.insert(text, Line { at: now, repeated: 0 });
        Some(before.map_or(0, |line| line.repeated))
    }
}

impl All {
    /// Begins to count anew where [`WHILE`] is over; what was left out of it then.
    fn begin_anew(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_some_and(|since| now.duration_since(since) < WHILE) {
            return None;
        }
        let over = std::mem::replace(self, Self { since: Some(now), ..Self::default() });
        Some(over.left_out)
    }

    /// Whether there may be one more line; counts it, or what is left out.
    fn take_one(&mut self) -> bool {
        let has_room = self.lines < LINES_MAX;
        if has_room {
            self.lines += 1;
        } else {
            self.left_out += 1;
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_text_of_a_source_has_a_line_a_minute_that_tells_how_often_it_came() {
        let (mut lines, start) = (LogLines::default(), Instant::now());
        assert_eq!(lines.due(address(1), "wrong", start), Some(0));
        for _ in 0..1000 {
            assert_eq!(lines.due(address(1), "wrong", start + WHILE / 2), None);
        }
        assert_eq!(lines.due(address(1), "other", start + WHILE / 2), Some(0), "another text");
        assert_eq!(lines.due(address(2), "wrong", start + WHILE / 2), Some(0), "another source");
        assert_eq!(lines.due(address(1), "wrong", start + WHILE), Some(1000));
        assert_eq!(lines.due(address(1), "wrong", start + 2 * WHILE), Some(0));
    }

    #[test]
    fn who_writes_another_text_each_time_has_few_lines_and_many_sources_take_bounded_room() {
        let (mut lines, start) = (LogLines::default(), Instant::now());
        let told =
            |lines: &mut LogLines, now| (0..1000).filter(|n| lines.due(address(1), n, now).is_some()).count();
        assert_eq!(told(&mut lines, start), TEXTS_MAX);
        assert_eq!(told(&mut lines, start + WHILE), TEXTS_MAX);
        for number in 0..10_000 {
            lines.due(address(number), "wrong", start + WHILE);
        }
        assert_eq!((lines.sources.len(), lines.order.len()), (SOURCES_MAX, SOURCES_MAX));
    }

    #[test]
    fn a_few_sources_that_write_other_texts_each_time_leave_lines_to_others() {
        let (mut lines, start) = (LogLines::default(), Instant::now());
        let of_each = (0..12).map(|source| {
            (0..TEXTS_MAX).filter(|text| lines.due(address(source), text, start).is_some()).count()
        });
        let of_each: Vec<_> = of_each.collect();
        assert_eq!(of_each, [10, 10, 10, 10, 10, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(lines.due(address(100), "wrong", start), Some(0));
    }

    #[test]
    fn many_sources_have_few_lines_together_and_how_many_were_left_out_is_known() {
        let (mut lines, start) = (LogLines::default(), Instant::now());
        let told = |lines: &mut LogLines, sources: std::ops::Range<u32>, now| {
            sources.filter(|number| lines.due(address(*number), "wrong", now).is_some()).count()
        };
        assert_eq!(told(&mut lines, 0..10_000, start), LINES_MAX);
        assert_eq!(told(&mut lines, 0..10_000, start + WHILE / 2), 0);
        assert_eq!(lines.all.left_out, 20_000 - LINES_MAX as u64);
        assert_eq!(told(&mut lines, 0..10_000, start + WHILE), LINES_MAX);
        assert_eq!(lines.all.left_out, 10_000 - LINES_MAX as u64, "it is counted anew");

        // Who had a line before, and finds no room for the next one, is told of later with all that came.
        let mut lines = LogLines::default();
        let (source, others) = (address(1), 100..100 + LINES_MAX as u32);
        assert_eq!(lines.due(source, "wrong", start), Some(0));
        assert_eq!(told(&mut lines, others, start + WHILE), LINES_MAX);
        assert_eq!(lines.due(source, "wrong", start + WHILE), None);
        assert_eq!(lines.due(source, "wrong", start + 2 * WHILE), Some(1));
    }
}
