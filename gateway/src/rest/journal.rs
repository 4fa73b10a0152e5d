//! Records of calls that were over of late, in memory: what is told of them between the roster, which has those under way,
//! and the store, which has all.

use std::sync::{Arc, Mutex};

use webtrunk_signalling::cdr::{CdrKeeper, Filing};
use webtrunk_signalling::lock::lock;

use super::calls::{Numbers, OwnedCall};
use super::shared_ring::SharedRing;

/// Calls of which it is told, of all customers together. Chosen by us: some 3 KiB each.
const KEPT: usize = 2000;

/// The journal; cheap to clone.
#[derive(Clone)]
pub struct Journal {
    /// By the customers whose they were when they ended.
    calls: Arc<Mutex<SharedRing<Option<String>, Arc<OwnedCall>>>>,
    numbers: Numbers,
}

impl Journal {
    /// An empty one; whose calls are goes by these numbers.
    #[must_use]
    pub fn new(numbers: Numbers) -> Self {
        Self { calls: Arc::new(Mutex::new(SharedRing::new(KEPT))), numbers }
    }

    /// The calls, in no order.
    #[must_use]
    pub fn latest(&self) -> Vec<Arc<OwnedCall>> {
        lock(&self.calls).all().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<OwnedCall>> {
        lock(&self.calls).all().find(|call| call.record.id.as_str() == id).cloned()
    }
}

impl CdrKeeper for Journal {
    fn file(&self, filing: Filing) {
        let Filing::Closed(record) = filing else { return };
        let call = OwnedCall::new(record.into(), &self.numbers);
        let owner = call.belonging.owners().first().cloned();
        lock(&self.calls).push(owner, call.into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::calls::belonging::tests::{key, leg, record, user};
    use super::*;

    #[test]
    fn a_call_that_is_over_stays_whose_it_was_whoever_has_the_number_now() {
        let numbers = Numbers::default();
        let owned = |[acme, beta]: [&[&str]; 2]| {
            let own = |own: &[&str]| own.iter().map(|number| (*number).to_owned()).collect();
            numbers.take_up([("acme".to_owned(), own(acme)), ("beta".to_owned(), own(beta))]);
        };
        owned([&["+49301"], &[]]);
        let journal = Journal::new(numbers.clone());
        let trunk = serde_json::json!({"trunk": "carrier"});
        let legs = [leg(&trunk, "in", 0, &["ringing"]), leg(&user("acme+alice"), "out", 0, &["ringing"])];
        journal.file(Filing::Closed(record(&trunk, "49301", &legs).into()));
        owned([&[], &["+49301"]]);
        let call = journal.find("x").expect("it is kept");
        assert!(call.belonging.share(&key(Some("acme"))).is_some());
        assert_eq!(call.belonging.share(&key(Some("beta"))), None);
    }
}
