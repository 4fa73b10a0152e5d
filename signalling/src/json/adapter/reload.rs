//! Changes of an adapter that works: other keys, other users. Sessions go on by what they began with.

use std::fmt;

use tokio::sync::watch;

use crate::json::door::Proofs;

/// Tells the adapter of changes; cheap to clone.
#[derive(Clone)]
pub struct JsonReloader(watch::Sender<Proofs>);

impl JsonReloader {
    pub(super) fn new(proofs: Proofs) -> Self {
        Self(watch::Sender::new(proofs))
    }

    /// Has other proofs taken from now on.
    pub fn take_up(&self, proofs: Proofs) {
        self.0.send_replace(proofs);
    }

    /// What proofs are taken, and changes to come.
    pub(super) fn subscribe(&self) -> watch::Receiver<Proofs> {
        self.0.subscribe()
    }
}

/// Without the keys.
impl fmt::Debug for JsonReloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonReloader").finish_non_exhaustive()
    }
}
