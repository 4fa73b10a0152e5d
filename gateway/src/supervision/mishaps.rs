//! How often what should never be was: panics, and threads that stood still.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use webtrunk_signalling::lock::lock;

/// Counts them; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Mishaps(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    panics: AtomicU64,
    stalls: Mutex<BTreeMap<String, u64>>,
}

impl Mishaps {
    /// Panics since the start.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Who stood still since the start, and how often; all that are watched.
    #[must_use]
    pub fn stalls(&self) -> Vec<(String, u64)> {
        self.lock().iter().map(|(who, stalls)| (who.clone(), *stalls)).collect()
    }

    pub(super) fn add_panic(&self) {
        self.0.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody is watched, who never stood still.
    pub(super) fn watch(&self, who: &str) {
        self.lock().entry(who.to_owned()).or_default();
    }

    pub(super) fn add_stall(&self, who: &str) {
        *self.lock().entry(who.to_owned()).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        lock(&self.0.stalls)
    }
}
