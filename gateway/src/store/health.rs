//! How well the store does, to be read from anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts what went wrong; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StoreHealth {
    failures: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    lost_records: Arc<AtomicU64>,
    cut_records: Arc<AtomicU64>,
    is_gone: Arc<AtomicBool>,
}

impl StoreHealth {
    /// Times that the file could not be written; it was tried again.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Changes that found no room to wait, and are not kept.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Calls whose record found no room to wait, and is lost.
    #[must_use]
    pub fn lost_records(&self) -> u64 {
        self.lost_records.load(Ordering::Relaxed)
    }

    /// Calls of whose record there was room for no more than how they ended.
    #[must_use]
    pub fn cut_records(&self) -> u64 {
        self.cut_records.load(Ordering::Relaxed)
    }

    /// Whether nobody is there any more who writes.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    pub(super) fn set_gone(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }

    /// Tells whether it is the first one.
    pub(super) fn add_lost_record(&self) -> bool {
        self.lost_records.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Tells whether it is the first one.
    pub(super) fn add_cut_record(&self) -> bool {
        self.cut_records.fetch_add(1, Ordering::Relaxed) == 0
    }

    pub(super) fn add_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells whether it is the first one.
    pub(super) fn add_lost(&self) -> bool {
        self.lost.fetch_add(1, Ordering::Relaxed) == 0
    }
}
