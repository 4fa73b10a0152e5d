//! Records of calls that wait for the disk.

use std::collections::{HashMap, HashSet, VecDeque};

use tokio::time::Instant;
use webtrunk_signalling::cdr::{CallRecord, Filing, RecordId, Unseen};

/// Records of calls that are over which may wait for a disk that takes nothing. Chosen by us: some 30 MB, and half an hour
/// of five calls a second.
pub(super) const CLOSED_MAX: usize = 10_000;

/// What waits, and which calls go on.
#[derive(Default)]
pub(super) struct Spool {
    open: HashMap<RecordId, Box<CallRecord>>,
    /// Those of them that are nowhere but here.
    fresh: HashSet<RecordId>,
    closed: VecDeque<Box<CallRecord>>,
    /// Calls that are over, and of whose record no more is there.
    unseen: Vec<(RecordId, Unseen)>,
    /// Calls that are not over, and when they began.
    going_on: HashMap<RecordId, Instant>,
}

impl Spool {
    /// Takes in what was filed at this moment.
    pub(super) fn take(&mut self, filing: Filing, at: Instant) {
        match filing {
            Filing::Open(record) => {
                let lasted = std::time::Duration::from_millis(known_ms(&record));
                self.going_on
                    .entry(record.id.clone())
                    .or_insert_with(|| at.checked_sub(lasted).unwrap_or(at));
                self.fresh.insert(record.id.clone());
                self.open.insert(record.id.clone(), record);
            }
            Filing::Closed(record) => {
                self.going_on.remove(&record.id);
                self.open.remove(&record.id);
                self.fresh.remove(&record.id);
                self.closed.push_back(record);
            }
        }
    }

    /// Takes in that a call is over whose record found no room.
    pub(super) fn end_unseen(&mut self, id: RecordId, unseen: Unseen) {
        self.going_on.remove(&id);
        self.fresh.remove(&id);
        match self.open.remove(&id) {
            // The store does not know as much of it.
            Some(record) => self.closed.push_back(Box::new(record.ended_unseen(unseen))),
            None => self.unseen.push((id, unseen)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty() && self.unseen.is_empty()
    }

    /// How many rows it is about.
    pub(super) fn len(&self) -> usize {
        self.open.len() + self.closed.len() + self.unseen.len()
    }

    /// Whether it has as many as may wait.
    pub(super) fn is_full(&self) -> bool {
        self.closed.len() >= CLOSED_MAX
    }

    /// Whether it should be told that the process lives.
    pub(super) fn has_calls(&self) -> bool {
        !self.going_on.is_empty()
    }

    /// Calls as far as they are, where that has changed, and when each began.
    pub(super) fn open(&self) -> impl Iterator<Item = (&CallRecord, Option<Instant>)> {
        self.open.values().map(|record| (&**record, self.going_on.get(&record.id).copied()))
    }

    /// Calls that are over, in their order.
    pub(super) fn closed(&self) -> impl Iterator<Item = &CallRecord> {
        self.closed.iter().map(AsRef::as_ref)
    }

    /// Calls that are over, of which all else is in the store.
    pub(super) fn unseen(&self) -> &[(RecordId, Unseen)] {
        &self.unseen
    }

    /// What waits nowhere else: calls as far as they are, then those that are over.
    pub(super) fn waits_here_alone(&self) -> impl Iterator<Item = &CallRecord> {
        let open = self.open.values().filter(|record| self.fresh.contains(&record.id));
        open.map(AsRef::as_ref).chain(self.closed())
    }

    /// All of it waits elsewhere. Calls that go on wait here too, for the store.
    pub(super) fn is_elsewhere(&mut self) {
        self.closed.clear();
        self.fresh.clear();
    }

    /// Calls of this process of which the store is still to be told how they end.
    pub(super) fn known(&self) -> impl Iterator<Item = &RecordId> {
        let over = self.closed().map(|record| &record.id);
        self.going_on.keys().chain(over).chain(self.unseen.iter().map(|(id, _)| id))
    }

    /// All of it is written.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.fresh.clear();
        self.closed.clear();
        self.unseen.clear();
    }
}

/// How long a call that goes on is known to have lasted, in milliseconds.
fn known_ms(record: &CallRecord) -> u64 {
    record.timeline.segments.last().map_or(0, |last| last.begin_ms)
}
