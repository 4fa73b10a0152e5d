//! When an adapter that broke is started again, and when no more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long it waits for each start in a row. Chosen by us: what breaks by chance is back before somebody dials again, and what
/// breaks each time does not fill the log.
const BACK_OFF: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Starts are in a row within this time. Chosen by us: who breaks more often is of no use, and whoever supervises the process
/// starts a sound one.
const WINDOW: Duration = Duration::from_secs(600);

/// The ends of an adapter that nobody asked for.
#[derive(Debug, Default)]
pub(super) struct Restarts(VecDeque<Instant>);

impl Restarts {
    /// It ended; how long to wait before it is started again, or `None` where it ends too often.
    pub(super) fn ended(&mut self, now: Instant) -> Option<Duration> {
        self.0.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        self.0.push_back(now);
        BACK_OFF.get(self.0.len() - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_starts_in_a_row_wait_longer_each_time_and_no_fourth_follows() {
        let begin = Instant::now();
        let waits = |seconds: &[u64]| {
            let mut restarts = Restarts::default();
            let at = seconds.iter().map(|second| begin + Duration::from_secs(*second));
            at.map(|at| restarts.ended(at).map(|wait| wait.as_millis())).collect::<Vec<_>>()
        };
        assert_eq!(waits(&[0, 1, 2, 599]), [Some(200), Some(1000), Some(3000), None]);
        assert_eq!(waits(&[0, 600, 1200, 1201]), [Some(200), Some(200), Some(200), Some(1000)]);
    }
}
