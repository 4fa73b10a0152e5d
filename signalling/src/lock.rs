//! Locks whose holders leave nothing half changed: a panic elsewhere in one spoils nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what nothing of ours leaves half changed.
pub fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
