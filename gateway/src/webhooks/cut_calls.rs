//! Calls that ended with the process before, of which the stream and hooks are told a few at a time: thousands at once would be more
//! than who listens may be behind, and more than finds room on the way into the store.

use std::time::{Duration, Instant};
use std::vec;

use webtrunk_signalling::cdr::CallRecord;

use crate::rest::events::Watcher;

/// So many are told at one time. Chosen by us: with a recording of each, what 32 hooks have kept of them finds room on the way into
/// the store.
pub(super) const AT_ONCE: usize = 256;

/// How long after some the next are told: as long as the store collects what it writes.
const PAUSE: Duration = Duration::from_millis(50);

/// Calls that were cut, until they are told of.
pub struct CutCalls {
    watcher: Watcher,
    records: vec::IntoIter<CallRecord>,
    next_at: Instant,
}

impl CutCalls {
    /// These, of whose end `watcher` tells.
    #[must_use]
    pub fn new(watcher: Watcher, records: Vec<CallRecord>) -> Self {
        Self { watcher, records: records.into_iter(), next_at: Instant::now() }
    }

    /// Tells of the next one; whether there was one.
    pub(super) fn tell_next(&mut self) -> bool {
        let Some(record) = self.records.next() else { return false };
        self.watcher.tell_of_end(record.into());
        true
    }

    /// Some were told.
    pub(super) fn pause(&mut self, now: Instant) {
        self.next_at = now + PAUSE;
    }

    /// When the next are to be told of, if any.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        (!self.records.as_slice().is_empty()).then_some(self.next_at)
    }
}
