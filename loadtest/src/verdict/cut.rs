//! What became of a call while the WebSocket of one end was gone.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A WebSocket that was cut in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The answerer's, not the caller's.
    pub by_answerer: bool,
    /// When it was cut.
    pub from: SystemTime,
    /// When there was another, and the target still had the call; `None` where that never was.
    pub to: Option<SystemTime>,
}

/// What became of the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CutVerdict {
    /// The WebSocket was the answerer's, not the caller's.
    pub by_answerer: bool,
    /// The call lived: the target had it when the WebSocket was made anew.
    pub lived: bool,
    /// How long that took, the time that it was to take included; `None` where the call did not live.
    pub away_ms: Option<f64>,
    /// The longest hole meanwhile, and in the two seconds after it, in what the caller heard.
    pub gap_to_caller_ms: f64,
    /// The same of who answered; `None` where the target itself did.
    pub gap_to_answerer_ms: Option<f64>,
}

/// What a cut makes may come so much later: signalling, and jitter buffers.
const AFTER: Duration = Duration::from_secs(2);

impl Cut {
    /// By the holes that both ends heard: when each began, and how long it was.
    pub(super) fn verdict(
        &self,
        to_caller: &[(SystemTime, Duration)],
        to_answerer: Option<&[(SystemTime, Duration)]>,
    ) -> CutVerdict {
        let gap = |holes: &[(SystemTime, Duration)]| {
            let is_near = |(at, length): &&(SystemTime, Duration)| {
                *at + *length >= self.from && self.to.is_none_or(|to| *at <= to + AFTER)
            };
            let longest = holes.iter().filter(is_near).map(|(_, length)| *length).max();
            ms(longest.unwrap_or_default())
        };
        let away = self.to.map(|to| to.duration_since(self.from).unwrap_or_default());
        CutVerdict {
            by_answerer: self.by_answerer,
            lived: self.to.is_some(),
            away_ms: away.map(ms),
            gap_to_caller_ms: gap(to_caller),
            gap_to_answerer_ms: to_answerer.map(gap),
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn the_longest_hole_about_it_is_its_gap() {
        let hole = |at_ms, length_ms| (at(at_ms), Duration::from_millis(length_ms));
        let holes = [hole(1000, 800), hole(3100, 60), hole(5500, 140), hole(9000, 500)];
        let cut = Cut { by_answerer: false, from: at(3000), to: Some(at(4000)) };
        let verdict = cut.verdict(&holes, None);
        assert_eq!((verdict.lived, verdict.away_ms, verdict.gap_to_caller_ms), (true, Some(1000.0), 140.0));
        assert_eq!(verdict.gap_to_answerer_ms, None);
        let lost = Cut { to: None, ..cut }.verdict(&holes, Some(&[]));
        assert_eq!((lost.lived, lost.away_ms, lost.gap_to_caller_ms), (false, None, 500.0));
        assert_eq!(lost.gap_to_answerer_ms, Some(0.0));
    }
}
