//! Records of calls that were over of late, in memory: what is told of them between the roster, which has those under way,
//! and the store, which has all.

use std::sync::{Arc, Mutex};

use webtrunk_signalling::cdr::{CallRecord, CdrKeeper, Filing};
use webtrunk_signalling::lock::lock;

use super::calls::Numbers;
use super::shared_ring::SharedRing;

/// Calls of which it is told, of all customers together. Chosen by us: some 3 KiB each.
const KEPT: usize = 2000;

/// The journal; cheap to clone.
#[derive(Clone)]
pub struct Journal {
    /// By the customers whose they are.
    records: Arc<Mutex<SharedRing<Option<String>, Arc<CallRecord>>>>,
    numbers: Numbers,
}

impl Journal {
    /// An empty one; whose calls are goes by these numbers.
    #[must_use]
    pub fn new(numbers: Numbers) -> Self {
        Self { records: Arc::new(Mutex::new(SharedRing::new(KEPT))), numbers }
    }

    /// The calls, in no order.
    #[must_use]
    pub fn latest(&self) -> Vec<Arc<CallRecord>> {
        lock(&self.records).all().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<CallRecord>> {
        lock(&self.records).all().find(|record| record.id.as_str() == id).cloned()
    }
}

impl CdrKeeper for Journal {
    fn file(&self, filing: Filing) {
        let Filing::Closed(record) = filing else { return };
        let owner = self.numbers.belonging(&record).owners().first().cloned();
        lock(&self.records).push(owner, record.into());
    }
}
