//! What was said lately, for a report: names of requests and events alone, so that it holds no secret.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::json::protocol::Rung;

/// What is kept. Chosen by us: two calls, from their begin to their end.
const SAID_MAX: usize = 128;

/// The latest of what was said.
#[derive(Debug)]
pub(super) struct Trail {
    began_at: Instant,
    said: VecDeque<Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    is_from_page: bool,
    what: &'static str,
    call_id: Option<String>,
}

impl Trail {
    pub(super) const fn new(now: Instant) -> Self {
        Self { began_at: now, said: VecDeque::new() }
    }

    /// One more was said at `at`.
    pub(super) fn push(
        &mut self,
        at: Instant,
        is_from_page: bool,
        what: &'static str,
        call_id: Option<&str>,
    ) {
        if self.said.len() == SAID_MAX {
            self.said.pop_front();
        }
        self.said.push_back(Said { at, is_from_page, what, call_id: call_id.map(str::to_owned) });
    }

    /// For how long there is something to say.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began_at)
    }

    /// All that is kept, the oldest first.
    pub(super) fn ladder(&self) -> Vec<Rung> {
        let rung = |said: &Said| Rung {
            at_ms: milliseconds(self.age(said.at)),
            is_from_page: said.is_from_page,
            said: said.what.to_owned(),
            call_id: said.call_id.clone(),
        };
        self.said.iter().map(rung).collect()
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_kept_in_its_order() {
        let start = Instant::now();
        let mut trail = Trail::new(start);
        for ms in 0..200 {
            trail.push(start + Duration::from_millis(ms), ms % 2 == 0, "ping", None);
        }
        let ladder = trail.ladder();
        assert_eq!((ladder.len(), ladder[0].at_ms, ladder[127].at_ms), (SAID_MAX, 72, 199));
        assert!(ladder[0].is_from_page && !ladder[1].is_from_page);
    }
}
