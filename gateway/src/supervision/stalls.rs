//! Who stands still, by beats that are looked at again and again.
//!
//! ```text
//!           a beat                   none for 1 s                none for 10 s
//! Beating <-------- (any) | Beating --------------> StandsStill --------------> Dead
//! ```

use std::time::{Duration, Instant};

/// How often beats are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// Who has not beaten for so long stands still: five looks, and ten beats. Every call there has a hole by then.
const STILL: Duration = Duration::from_secs(1);

/// Who has not beaten for so long does not come back. Chosen by us: its callers have hung up.
const DEAD: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It has not beaten for a second.
    StandsStill,
    /// It beats again, after so long.
    GoesOn(Duration),
    /// It has not beaten for ten seconds.
    Dead,
}

/// What is known of those who beat.
#[derive(Debug)]
pub(super) struct Stalls {
    watched: Vec<Watched>,
    looked_at: Instant,
}

#[derive(Debug)]
struct Watched {
    beats: u64,
    since: Instant,
    last: Option<Finding>,
}

impl Stalls {
    pub(super) fn new(count: usize, now: Instant) -> Self {
        let watched = (0..count).map(|_| Watched { beats: 0, since: now, last: None }).collect();
        Self { watched, looked_at: now }
    }

    /// Looks at all; what is new, with whose it is.
    pub(super) fn look(&mut self, beats: &[u64], now: Instant) -> Vec<(usize, Finding)> {
        // Who looks was late: so was everybody, for the process or its machine stood still.
        let late = now.saturating_duration_since(self.looked_at).saturating_sub(LOOK);
        self.looked_at = now;
        let all = self.watched.iter_mut().zip(beats).enumerate();
        all.filter_map(|(index, (watched, beats))| {
            watched.since += late;
            watched.look(*beats, now).map(|finding| (index, finding))
        })
        .collect()
    }
}

impl Watched {
    fn look(&mut self, beats: u64, now: Instant) -> Option<Finding> {
        let stood = now.saturating_duration_since(self.since);
        if beats != self.beats {
            (self.beats, self.since) = (beats, now);
            return self.last.take().map(|_| Finding::GoesOn(stood));
        }
        let found = match stood {
            stood if stood >= DEAD => Finding::Dead,
            stood if stood >= STILL => Finding::StandsStill,
            _ => return None,
        };
        (self.last.replace(found) != Some(found)).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks for so long at one that beats and one that does so only where `beats` says; what was found, and when.
    fn watch(seconds: u64, beats: impl Fn(u64) -> bool) -> Vec<(u64, usize, Finding)> {
        let begin = Instant::now();
        let mut stalls = Stalls::new(2, begin);
        let (mut told, mut counts) = (Vec::new(), [0, 0]);
        for look in 1..=seconds * 5 {
            let ms = look * 200;
            counts[0] += 2;
            counts[1] += u64::from(beats(ms));
            let found = stalls.look(&counts, begin + Duration::from_millis(ms));
            told.extend(found.into_iter().map(|(who, finding)| (ms, who, finding)));
        }
        told
    }

    #[test]
    fn who_beats_is_never_told() {
        assert_eq!(watch(60, |_| true), []);
        assert_eq!(watch(60, |ms| ms % 800 == 0), [], "late, but in time");
    }

    #[test]
    fn who_stands_still_is_told_once_and_so_is_that_it_goes_on() {
        let told = watch(30, |ms| !(5000..8000).contains(&ms));
        let expected =
            [(5800, 1, Finding::StandsStill), (8000, 1, Finding::GoesOn(Duration::from_millis(3200)))];
        assert_eq!(told, expected);
    }

    #[test]
    fn who_does_not_come_back_is_dead_after_ten_seconds() {
        let told = watch(30, |ms| ms < 5000);
        assert_eq!(told, [(5800, 1, Finding::StandsStill), (14_800, 1, Finding::Dead)]);
    }

    #[test]
    fn a_process_that_stood_still_as_a_whole_has_nobody_who_did() {
        let begin = Instant::now();
        let mut stalls = Stalls::new(1, begin);
        assert_eq!(stalls.look(&[1], begin + LOOK), []);
        let woken = begin + Duration::from_secs(3600);
        assert_eq!(stalls.look(&[1], woken), [], "its beat comes yet");
        assert_eq!(stalls.look(&[1], woken + LOOK), []);
        assert_eq!(stalls.look(&[2], woken + 2 * LOOK), []);
    }
}
