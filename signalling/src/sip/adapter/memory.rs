//! What outlives the adapter's task: registrations and answered calls, for the task that follows one that broke; and past
//! the process, where somebody keeps them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::sip::call::{CallChange, CallKeeper, KeptCall};
use crate::sip::config::SipConfig;
use crate::sip::registrar::{Change, Keeper, Record};

/// Remembers, and hands on to who keeps.
pub(super) struct Memory {
    records: Mutex<BTreeMap<u64, Record>>,
    calls: Mutex<HashMap<String, KeptCall>>,
    keeper: Option<Arc<dyn Keeper>>,
    call_keeper: Option<Arc<dyn CallKeeper>>,
}

impl Memory {
    /// Takes over what was kept of the process before, and who keeps.
    pub(super) fn of(config: &mut SipConfig) -> Self {
        let records = std::mem::take(&mut config.kept).into_iter().map(|record| (record.key, record));
        let calls = std::mem::take(&mut config.kept_calls).into_iter().map(|call| (call.key(), call));
        Self {
            records: Mutex::new(records.collect()),
            calls: Mutex::new(calls.collect()),
            keeper: config.keeper.take(),
            call_keeper: config.call_keeper.take(),
        }
    }

    /// The bindings over datagrams.
    pub(super) fn records(&self) -> Vec<Record> {
        lock(&self.records).values().cloned().collect()
    }

    /// The answered calls.
    pub(super) fn calls(&self) -> Vec<KeptCall> {
        lock(&self.calls).values().cloned().collect()
    }
}

impl Keeper for Memory {
    fn keep(&self, change: Change) {
        match &change {
            Change::Set(record) => _ = lock(&self.records).insert(record.key, (**record).clone()),
            Change::Removed(key) => _ = lock(&self.records).remove(key),
        }
        if let Some(keeper) = &self.keeper {
            keeper.keep(change);
        }
    }
}

impl CallKeeper for Memory {
    fn keep(&self, change: CallChange) {
        match &change {
            CallChange::Set(call) => _ = lock(&self.calls).insert(call.key(), (**call).clone()),
            CallChange::Removed(key) => _ = lock(&self.calls).remove(key),
        }
        if let Some(keeper) = &self.call_keeper {
            keeper.keep(change);
        }
    }
}
