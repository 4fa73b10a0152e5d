//! Where what is to be written comes from.

use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use crate::store::filing_queue::{Filed, UnseenEnds};
use crate::store::people::Errand;
use crate::store::queue::Noted;
use crate::webhooks::SpoolChange;

/// What comes to be written.
pub(in crate::store) struct Incoming {
    /// Of registrations, and of answered calls.
    pub(in crate::store) changes: Receiver<Noted>,
    /// Of what waits for webhooks.
    pub(in crate::store) hooks: Receiver<SpoolChange>,
    /// Of records of calls.
    pub(in crate::store) filings: Receiver<Filed>,
    /// How calls ended whose records found no room there.
    pub(in crate::store) unseen: UnseenEnds,
    /// Of people, each waited for.
    pub(in crate::store) people: Receiver<Errand>,
    /// That nothing more will come.
    pub(in crate::store) finishing: oneshot::Receiver<()>,
}

impl Incoming {
    /// Whether nothing waits there.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.hooks.is_empty() && self.filings.is_empty() && self.unseen.is_empty()
    }
}
