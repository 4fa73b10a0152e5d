//! A broken promise of ours costs what it was met in, and not the task in which all is.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What comes of `act`; `None` where it panicked, which the panic hook has told of.
pub(crate) fn guarded<T>(act: impl FnOnce() -> T) -> Option<T> {
    // Whatever it left half done belongs to a leg or a session, which is given up.
    catch_unwind(AssertUnwindSafe(act)).ok()
}
