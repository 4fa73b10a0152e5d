//! What one end was not to hear, since the other said nothing.

use std::time::{Duration, SystemTime};

use crate::agent::{Pause, Sent};
use crate::hear::Hole;

/// What of a hole no pause of who speaks explains; `None` where that is nothing. `heard_from` is the time of the first
/// sample, and `delay` what lies between both ends: where that is not known, any pause about the hole explains it.
pub(super) fn unexplained(
    hole: Hole,
    sent: &Sent,
    heard_from: Option<SystemTime>,
    delay: Option<Duration>,
) -> Option<Hole> {
    let Some(heard_from) = heard_from.filter(|_| !sent.pauses.is_empty()) else { return Some(hole) };
    let from = heard_from + hole.at;
    let to = from + hole.length;
    let shared = |pause: &Pause, late: Duration| {
        let begins = (pause.from + late).max(from);
        let ends = pause.to.map_or(to, |end| (end + late).min(to));
        ends.duration_since(begins).unwrap_or_default()
    };
    let explained = match delay {
        Some(delay) => sent.pauses.iter().map(|pause| shared(pause, delay)).sum::<Duration>(),
        None if sent.pauses.iter().any(|pause| !shared(pause, Duration::ZERO).is_zero()) => hole.length,
        None => Duration::ZERO,
    };
    let length = hole.length.saturating_sub(explained);
    (!length.is_zero()).then_some(Hole { length, ..hole })
}

/// From when on something was to be heard of who was answered then: the end of a silence that it began with, where it
/// did; `None` where it never spoke.
pub(super) fn due(sent: &Sent, answered_at: SystemTime) -> Option<SystemTime> {
    let first = sent.spoken().next().map(|packet| packet.at);
    match sent.pauses.first() {
        Some(pause) if first.is_none_or(|first| pause.from <= first) => {
            pause.to.map(|to| to.max(answered_at))
        }
        _ => Some(answered_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::SentPacket;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn hole(at_ms: u64, length_ms: u64) -> Hole {
        Hole { at: Duration::from_millis(at_ms), length: Duration::from_millis(length_ms) }
    }

    /// Who paused from the second to the third second, and from the fifth on.
    fn sent() -> Sent {
        let packet = SentPacket {
            at: at(10),
            sequence: 0,
            timestamp: 0,
            index: 0,
            is_dropped: false,
            is_silent: false,
        };
        let pauses = vec![Pause { from: at(2000), to: Some(at(3000)) }, Pause { from: at(5000), to: None }];
        Sent { packets: vec![packet], pauses, ..Sent::default() }
    }

    #[test]
    fn a_pause_explains_as_much_of_a_hole_as_it_lasted() {
        let delay = Some(Duration::from_millis(100));
        let left = |of: Hole| unexplained(of, &sent(), Some(at(0)), delay).map(|it| it.length.as_millis());
        assert_eq!(left(hole(2100, 1000)), None);
        assert_eq!(left(hole(2120, 960)), None, "codecs smear");
        assert_eq!(left(hole(2100, 1300)), Some(300), "the next words are clipped");
        assert_eq!(left(hole(3500, 200)), Some(200), "nobody paused");
        assert_eq!(left(hole(5000, 900)), Some(100), "a pause without an end");
        let unknown = unexplained(hole(2900, 400), &sent(), Some(at(0)), None);
        assert_eq!(unknown, None, "how late it comes is not known");
        assert_eq!(
            unexplained(hole(2100, 1000), &Sent::default(), Some(at(0)), delay),
            Some(hole(2100, 1000))
        );
    }

    #[test]
    fn who_begins_with_silence_is_waited_for() {
        let late = Pause { from: at(0), to: Some(at(700)) };
        let begins_silent = Sent { pauses: vec![late], ..sent() };
        assert_eq!(due(&begins_silent, at(500)), Some(at(700)));
        assert_eq!(due(&begins_silent, at(900)), Some(at(900)));
        assert_eq!(due(&sent(), at(500)), Some(at(500)), "it spoke first");
        let never = Sent { packets: Vec::new(), pauses: vec![Pause { to: None, ..late }], ..sent() };
        assert_eq!(due(&never, at(500)), None);
    }
}
