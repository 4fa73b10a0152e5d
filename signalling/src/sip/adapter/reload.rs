//! What may change of the adapter while it works: its users, its trunks and some of its knobs.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::auth::digest::{Algorithm, Credentials};
use crate::sip::agent::AgentChange;
use crate::sip::transport::GuardConfig;
use crate::sip::trunk::TrunkConfig;

/// Users and trunks as they are to be.
#[derive(Clone)]
pub struct SipChange {
    /// Who may register and call.
    pub users: Arc<dyn Credentials + Send + Sync>,
    /// The algorithms that they are offered, the preferred one first.
    pub algorithms: Vec<Algorithm>,
    /// The peers that carry calls from and to elsewhere.
    pub trunks: Vec<TrunkConfig>,
    /// What strangers may send.
    pub guard: GuardConfig,
    /// Knobs of the core.
    pub agent: AgentChange,
}

/// Hands changes to the adapter; cheap to clone.
#[derive(Debug, Clone)]
pub struct SipReloader(Sender<SipChange>);

impl SipReloader {
    /// One change may wait, for they are made by hand.
    pub(super) fn channel() -> (Self, Receiver<SipChange>) {
        let (changes, receiver) = mpsc::channel(1);
        (Self(changes), receiver)
    }

    /// Has the adapter take up a change; what is under way goes on by what it began with. An adapter that is gone
    /// takes up nothing.
    pub async fn take_up(&self, change: SipChange) {
        let _ = self.0.send(change).await;
    }
}

/// Without what proves who users are.
impl fmt::Debug for SipChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipChange").field("trunks", &self.trunks).finish_non_exhaustive()
    }
}
