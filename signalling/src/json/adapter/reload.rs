//! Changes of an adapter that works: other keys, other users. Sessions go on by what they began with.

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::json::door::Proofs;

/// Tells the adapter of changes; cheap to clone.
#[derive(Debug, Clone)]
pub struct JsonReloader(Sender<Proofs>);

impl JsonReloader {
    pub(super) fn channel() -> (Self, Receiver<Proofs>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Has other proofs taken from now on.
    pub async fn take_up(&self, proofs: Proofs) {
        // An adapter that is gone takes nothing up.
        let _ = self.0.send(proofs).await;
    }
}
