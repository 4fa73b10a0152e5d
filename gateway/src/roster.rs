//! The calls that are under way, as far as their records are, on the way to who keeps records.
//!
//! ```text
//! each call's clerk --- Filing ---> Roster --- Filing ---> the store, where records are kept; the exporter of traces
//!                                      |--> who watches: operators
//!                                      `--> Tally: what all calls come to, for metrics
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use webtrunk_signalling::cdr::{CallRecord, CdrKeeper, Filing, RecordId};
use webtrunk_signalling::lock::lock;

use crate::tally::Tally;

/// How often it is looked whether a call has its record. Chosen by us.
const LOOK: Duration = Duration::from_millis(20);

/// All calls; cheap to clone.
#[derive(Clone, Default)]
pub struct Roster(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// In the order in which they began, for that is how their names sort.
    open: Mutex<BTreeMap<RecordId, Arc<CallRecord>>>,
    tally: Mutex<Tally>,
    next: Vec<Arc<dyn CdrKeeper>>,
}

impl Roster {
    /// A roster that hands on what it is told to these.
    #[must_use]
    pub fn new(next: Vec<Arc<dyn CdrKeeper>>) -> Self {
        Self(Arc::new(Inner { next, ..Inner::default() }))
    }

    /// How many calls are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open().len()
    }

    /// What calls come to that are over.
    #[must_use]
    pub fn tally(&self) -> Tally {
        lock(&self.0.tally).clone()
    }

    /// The calls that are under way, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<Arc<CallRecord>> {
        self.open().values().cloned().collect()
    }

    /// A call by its name in the log, or by that of its record.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<CallRecord>> {
        // Traces have it without hyphens.
        let letters =
            |text: &str| text.chars().filter(|char| *char != '-').collect::<String>().to_ascii_lowercase();
        let plain = letters(name);
        let is_it = |record: &&Arc<CallRecord>| {
            record.call.as_deref() == Some(name) || letters(record.id.as_str()) == plain
        };
        self.open().values().find(is_it).cloned()
    }

    /// Returns when all calls have their records, or this time is over: that of a call that broke waits for its last figures, and
    /// nobody waits for it.
    pub async fn wait_for_records(&self, most: Duration) {
        let all_have = async {
            while self.count() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        // Those that have none by then are of the process that ended, for the next one.
        let _ = tokio::time::timeout(most, all_have).await;
    }

    /// Nothing of ours leaves it half changed.
    fn open(&self) -> MutexGuard<'_, BTreeMap<RecordId, Arc<CallRecord>>> {
        lock(&self.0.open)
    }
}

impl CdrKeeper for Roster {
    fn file(&self, filing: Filing) {
        match &filing {
            Filing::Open(record) => {
                self.open().insert(record.id.clone(), Arc::new(CallRecord::clone(record)));
            }
            Filing::Closed(record) => {
                // Kept first: nobody is to miss it who sees that the call is over.
                lock(&self.0.tally).count(record);
            }
        }
        let over = filing.is_closed().then(|| filing.record().id.clone());
        if let Some((last, others)) = self.0.next.split_last() {
            others.iter().for_each(|keeper| keeper.file(filing.clone()));
            last.file(filing);
        }
        if let Some(over) = over {
            self.open().remove(&over);
        }
    }
}
