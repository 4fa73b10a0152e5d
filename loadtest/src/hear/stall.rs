//! What a stall of that which lies between two agents leaves behind.

use std::time::{Duration, SystemTime};

use super::delay::Passage;

/// A time in which nothing was passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// When it began.
    pub began_at: SystemTime,
    /// When it was over.
    pub ended_at: SystemTime,
}

/// Longer than the middle before the stall by so much is not normal: half a packet. Chosen by us.
const NORMAL_WITHIN: Duration = Duration::from_millis(10);

impl Stall {
    /// How long after its end packets were later than before it; zero where none was. `None` where none came before it
    /// or none after it.
    #[must_use]
    pub fn recovery(&self, packets: &[Passage]) -> Option<Duration> {
        let mut before: Vec<_> =
            packets.iter().filter(|it| it.came_at < self.began_at).map(|it| it.delay).collect();
        before.sort_unstable();
        let normal = *before.get(before.len() / 2)? + NORMAL_WITHIN;
        let mut after = packets.iter().filter(|it| it.came_at >= self.ended_at).peekable();
        after.peek()?;
        let late = after.filter(|it| it.delay > normal).map(|it| it.came_at).max();
        Some(late.map_or(Duration::ZERO, |at| at.duration_since(self.ended_at).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn recovery(packets: &[Passage]) -> Option<Duration> {
        Stall { began_at: at(1000), ended_at: at(1300) }.recovery(packets)
    }

    /// A packet each 20 ms; a stall keeps them, and behind it each is late by so many milliseconds.
    fn packets(late_ms: impl Fn(u64) -> u64) -> Vec<Passage> {
        let passed = |sent_ms: u64| {
            let came_ms = if (1000..1300).contains(&sent_ms) { 1300 } else { sent_ms + late_ms(sent_ms) };
            Passage { came_at: at(came_ms), delay: Duration::from_millis(came_ms - sent_ms) }
        };
        (0..150).map(|index| passed(20 * index)).collect()
    }

    #[test]
    fn who_sends_on_at_once_is_as_before_at_once() {
        assert_eq!(recovery(&packets(|_| 2)), Some(Duration::ZERO));
    }

    #[test]
    fn who_stays_late_is_late_until_it_is_as_before() {
        let catches_up = |sent_ms: u64| if (1300..2000).contains(&sent_ms) { 100 } else { 2 };
        assert_eq!(recovery(&packets(catches_up)), Some(Duration::from_millis(1980 + 100 - 1300)));
        let never = |sent_ms: u64| if sent_ms >= 1300 { 100 } else { 2 };
        assert_eq!(recovery(&packets(never)), Some(Duration::from_millis(2980 + 100 - 1300)));
    }

    #[test]
    fn nothing_tells_nothing() {
        assert_eq!(recovery(&[]), None);
        let all = packets(|_| 2);
        assert_eq!(recovery(&all[..10]), None);
    }
}
