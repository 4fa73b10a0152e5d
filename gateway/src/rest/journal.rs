//! Records of calls that were over of late, in memory: what is told of them between the roster, which has those under way,
//! and the store, which has all.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use webtrunk_signalling::cdr::{CallRecord, CdrKeeper, Filing};
use webtrunk_signalling::lock::lock;

/// Calls of which it is told. Chosen by us: some 3 KiB each.
const KEPT: usize = 2000;

/// The journal; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<VecDeque<Arc<CallRecord>>>>);

impl Journal {
    /// The calls, the one that began last first.
    #[must_use]
    pub fn latest(&self) -> Vec<Arc<CallRecord>> {
        let mut records: Vec<_> = lock(&self.0).iter().cloned().collect();
        records.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        records
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<CallRecord>> {
        lock(&self.0).iter().rev().find(|record| record.id.as_str() == id).cloned()
    }
}

impl CdrKeeper for Journal {
    fn file(&self, filing: Filing) {
        let Filing::Closed(record) = filing else { return };
        let mut records = lock(&self.0);
        if records.len() >= KEPT {
            records.pop_front();
        }
        records.push_back(record.into());
    }
}
