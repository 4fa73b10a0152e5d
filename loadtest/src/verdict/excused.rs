//! Times of which nothing is judged: what explains a silence, and where anything may be heard.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::call::{Excuse, Happened};
use crate::hear::Hole;

/// The times since the first sample in which anything may be heard: rings before the answer and tones after the talk, what the
/// target plays who is on hold, digits as tones, and whoever a call is handed on to.
pub(super) fn anything(
    origin: Option<SystemTime>,
    answered_at: Option<SystemTime>,
    happened: &Happened,
) -> Vec<Range<Duration>> {
    let Some(origin) = origin else { return Vec::new() };
    let since = |at: SystemTime| at.duration_since(origin).unwrap_or_default();
    let before = answered_at.map(|answered_at| Duration::ZERO..since(answered_at));
    let after = happened.talked_until.map(|until| since(until)..Duration::MAX);
    let excused = happened.excuses.iter().map(|it| {
        let until = it.holds_until(Duration::ZERO).map_or(Duration::MAX, since);
        since(it.from)..until
    });
    before.into_iter().chain(after).chain(excused).collect()
}

/// What of a hole no time of wanted silence explains; `None` where that is nothing.
pub(super) fn unexcused(
    hole: Hole,
    origin: Option<SystemTime>,
    delay: Option<Duration>,
    excuses: &[Excuse],
) -> Option<Hole> {
    let Some(origin) = origin else { return Some(hole) };
    let mut from = origin + hole.at;
    let to = from + hole.length;
    let mut length = Duration::ZERO;
    // What one explains may reach into the next.
    for excuse in excuses {
        length += excuse.from.min(to).duration_since(from).unwrap_or_default();
        from = from.max(excuse.holds_until(delay.unwrap_or_default()).unwrap_or(to));
    }
    length += to.duration_since(from).unwrap_or_default();
    (!length.is_zero()).then_some(Hole { length, ..hole })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn excuse(from_ms: u64, to_ms: Option<u64>) -> Excuse {
        Excuse { from: at(from_ms), to: to_ms.map(at) }
    }

    /// Each explains 600 ms behind its end too.
    #[test]
    fn times_of_wanted_silence_explain_as_much_of_a_hole_as_they_cover_together() {
        let left_by = |excuses: &[Excuse], at_ms, length_ms, delay_ms| {
            let hole = Hole { at: Duration::from_millis(at_ms), length: Duration::from_millis(length_ms) };
            let delay = Some(Duration::from_millis(delay_ms));
            unexcused(hole, Some(at(0)), delay, excuses).map(|it| it.length.as_millis())
        };
        let excuses = [excuse(5000, Some(5200)), excuse(5500, Some(6000))];
        let left = |at_ms, length_ms, delay_ms| left_by(&excuses, at_ms, length_ms, delay_ms);
        assert_eq!(left(5500, 1100, 0), None);
        assert_eq!(left(5500, 1400, 0), Some(300), "both cover the first 300 ms");
        assert_eq!(left(5500, 1400, 300), None, "all is late");
        assert_eq!(left(4900, 200, 0), Some(100), "it began before");
        assert_eq!(left(4000, 4000, 0), Some(2400), "it began before, and did not end");
        assert_eq!(left(1000, 200, 0), Some(200));
        assert_eq!(left(8000, 200, 0), Some(200));
        assert_eq!(left_by(&[excuse(5000, None)], 4900, 9000, 0), Some(100), "the talk ended in it");
    }

    #[test]
    fn what_comes_before_the_answer_and_of_a_hold_tells_nothing() {
        let times = |from: u64, to: u64| Duration::from_millis(from)..Duration::from_millis(to);
        let excuses = vec![excuse(6000, Some(7000))];
        let happened = Happened { excuses, talked_until: Some(at(9000)), ..Happened::default() };
        let rest = Duration::from_secs(8)..Duration::MAX;
        let told = anything(Some(at(1000)), Some(at(3000)), &happened);
        assert_eq!(told, [times(0, 2000), rest, times(5000, 6600)]);
        let broken_off = Happened { excuses: vec![excuse(6000, None)], ..Happened::default() };
        let rest = Duration::from_secs(5)..Duration::MAX;
        let told = anything(Some(at(1000)), None, &broken_off);
        assert_eq!(told, [rest]);
        let told = anything(Some(at(1000)), Some(at(900)), &Happened::default());
        assert_eq!(told, [times(0, 0)], "it was answered before anything came");
        assert_eq!(anything(None, Some(at(900)), &happened), []);
    }
}
