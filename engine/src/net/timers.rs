//! Which call is due next. Entries are never moved: a call that turns out not to be due is armed again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::CallId;

/// Deadlines of the calls of one shard.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, CallId)>>,
}

impl Timers {
    /// Room for `calls` before it grows.
    pub(crate) fn with_capacity(calls: usize) -> Self {
        Self { heap: BinaryHeap::with_capacity(calls * 4) }
    }

    /// Notes that a call is due at `at`.
    pub(crate) fn arm(&mut self, call: CallId, at: Instant) {
        self.heap.push(Reverse((at, call)));
    }

    /// How many deadlines are noted, those that are out of date included.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next call that is due, with the deadline it was armed for.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(CallId, Instant)> {
        self.next().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse((at, call))| (call, at))
    }
}
