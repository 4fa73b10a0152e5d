//! How much memory the process has, against what it may have (`defence.memory_max_mib`): where that is used up no new call is
//! taken, so that the system ends none that is up.
//!
//! ```text
//!            resident >= max                          looked at when a call comes, and by the tidier
//!  Room <---------------------> UsedUp
//!         resident < 95 % of it
//! ```

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{info, warn};
use webtrunk_signalling::lock::lock;

use super::heap;

/// How long what was read is believed. Chosen by us: a thousand calls a second take less than a tenth of a usual budget in it.
const BELIEVED: Duration = Duration::from_millis(500);

/// What may be there, and what is.
#[derive(Debug, Default)]
pub(crate) struct MemoryBudget {
    /// In octets; 0, as much as there is.
    max: AtomicU64,
    look: Mutex<Look>,
}

#[derive(Debug, Default)]
struct Look {
    at: Option<Instant>,
    is_used_up: bool,
}

impl MemoryBudget {
    /// So many octets may be there from now on; `None`, as many as there are.
    pub(crate) fn limit(&self, max: Option<u64>) {
        self.max.store(max.unwrap_or(0), Ordering::Relaxed);
        lock(&self.look).at = None;
    }

    /// Whether there is no memory for one more call.
    pub(crate) fn is_used_up(&self, now: Instant) -> bool {
        let max = self.max.load(Ordering::Relaxed);
        if max == 0 {
            return false;
        }
        let mut look = lock(&self.look);
        let is_known = look.at.is_some_and(|at| now.saturating_duration_since(at) < BELIEVED);
        if !is_known && let Some(resident) = heap::resident() {
            let was_used_up = look.is_used_up;
            look.at = Some(now);
            look.is_used_up = is_beyond(resident, max, was_used_up);
            match (was_used_up, look.is_used_up) {
                (false, true) => warn!(resident, max, "memory is used up, and no new call is taken"),
                (true, false) => info!(resident, max, "there is memory for calls again"),
                _ => {}
            }
        }
        look.is_used_up
    }
}

fn is_beyond(resident: u64, max: u64, was_used_up: bool) -> bool {
    if was_used_up { resident >= max - max / 20 } else { resident >= max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_taken_again_when_a_twentieth_is_free() {
        let mut is_used_up = false;
        let told = [99, 100, 99, 96, 95, 94, 99, 100].map(|resident| {
            is_used_up = is_beyond(resident, 100, is_used_up);
            is_used_up
        });
        assert_eq!(told, [false, true, true, true, true, false, false, true]);
    }

    #[test]
    fn a_process_is_beyond_an_octet_and_not_beyond_what_no_machine_has() {
        let (budget, now) = (MemoryBudget::default(), Instant::now());
        assert!(!budget.is_used_up(now), "without a limit");
        budget.limit(Some(1));
        assert!(budget.is_used_up(now));
        budget.limit(Some(1 << 60));
        assert!(!budget.is_used_up(now), "a limit that changes is heeded at once");
    }
}
