//! Where what is filed of calls waits for the writer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tracing::{error, warn};
use webtrunk_signalling::cdr::{CallRecord, CdrKeeper, Filing, RecordId, Unseen};
use webtrunk_signalling::lock::lock;

use super::StoreHealth;

/// The way into the store. Full, it drops what comes: no call waits for a disk. Of a call whose begin was filed it is kept
/// all the same how it ended and when, for else it would be found open, and long, at the next start.
pub(super) struct FilingQueue {
    filings: mpsc::Sender<Filed>,
    health: StoreHealth,
    /// Calls that go on and of which the writer may know.
    calls: Mutex<HashSet<RecordId>>,
    unseen: UnseenEnds,
}

/// What was filed, and when.
#[derive(Debug)]
pub(super) struct Filed {
    pub(super) filing: Filing,
    pub(super) at: Instant,
}

/// Ends of calls for whose record there was no room. There are no more than calls were under way when the queue was full.
#[derive(Debug, Clone, Default)]
pub(super) struct UnseenEnds(Arc<Mutex<Vec<(RecordId, Unseen)>>>);

impl FilingQueue {
    pub(super) fn new(filings: mpsc::Sender<Filed>, health: StoreHealth, unseen: UnseenEnds) -> Self {
        Self { filings, health, calls: Mutex::default(), unseen }
    }

    /// There is no room for a record: keeps how the call ended, where the store has the rest.
    fn lose(&self, record: &CallRecord, was_filed: bool) {
        match record.unseen().filter(|_| was_filed) {
            Some(unseen) => {
                lock(&self.unseen.0).push((record.id.clone(), unseen));
                if self.health.add_cut_record() {
                    warn!(
                        "the store is behind, and of calls it gets how they ended alone; this is told once"
                    );
                }
            }
            None if self.health.add_lost_record() => {
                error!("the store is behind, and records of calls are lost; this is told once");
            }
            None => {}
        }
    }
}

impl CdrKeeper for FilingQueue {
    fn file(&self, filing: Filing) {
        let (id, is_closed) = (filing.record().id.clone(), filing.is_closed());
        // Held until it is sent: what becomes of a call comes in its order.
        let mut calls = lock(&self.calls);
        let was_filed = is_closed && calls.remove(&id);
        match self.filings.try_send(Filed { filing, at: Instant::now() }) {
            Ok(()) if is_closed => {}
            Ok(()) => drop(calls.insert(id)),
            Err(TrySendError::Full(filed) | TrySendError::Closed(filed)) if is_closed => {
                self.lose(filed.filing.record(), was_filed);
            }
            // How far a call is will be filed again.
            Err(_) => {}
        }
    }
}

impl UnseenEnds {
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Those that are known by now.
    pub(super) fn take(&self) -> Vec<(RecordId, Unseen)> {
        std::mem::take(&mut *lock(&self.0))
    }
}
