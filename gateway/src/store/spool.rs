//! Records of calls that wait for the disk.

use std::collections::{HashMap, HashSet, VecDeque};

use webtrunk_signalling::cdr::{CallRecord, Filing, RecordId};

/// Records of calls that are over which may wait for a disk that takes nothing. Chosen by us: some 30 MB, and half an hour
/// of five calls a second.
pub(super) const CLOSED_MAX: usize = 10_000;

/// What waits, and which calls go on.
#[derive(Default)]
pub(super) struct Spool {
    open: HashMap<RecordId, Box<CallRecord>>,
    closed: VecDeque<Box<CallRecord>>,
    /// Calls that are not over.
    going_on: HashSet<RecordId>,
}

impl Spool {
    /// Takes in what is filed.
    pub(super) fn take(&mut self, filing: Filing) {
        match filing {
            Filing::Open(record) => {
                self.going_on.insert(record.id.clone());
                self.open.insert(record.id.clone(), record);
            }
            Filing::Closed(record) => {
                self.going_on.remove(&record.id);
                self.open.remove(&record.id);
                self.closed.push_back(record);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty()
    }

    /// Whether it has as many as may wait.
    pub(super) fn is_full(&self) -> bool {
        self.closed.len() >= CLOSED_MAX
    }

    /// Whether it should be told that the process lives.
    pub(super) fn has_calls(&self) -> bool {
        !self.going_on.is_empty()
    }

    /// Calls as far as they are, where that has changed.
    pub(super) fn open(&self) -> impl Iterator<Item = &CallRecord> {
        self.open.values().map(AsRef::as_ref)
    }

    /// Calls that are over, in their order.
    pub(super) fn closed(&self) -> impl Iterator<Item = &CallRecord> {
        self.closed.iter().map(AsRef::as_ref)
    }

    /// What is over waits elsewhere.
    pub(super) fn clear_closed(&mut self) {
        self.closed.clear();
    }

    /// All of it is written.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.closed.clear();
    }
}
