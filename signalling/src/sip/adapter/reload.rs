//! What may change of the adapter while it works: its users, its trunks and some of its knobs.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

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
pub struct SipReloader(watch::Sender<Option<Box<SipChange>>>);

impl SipReloader {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Has the adapter take up a change; what is under way goes on by what it began with.
    pub fn take_up(&self, change: SipChange) {
        self.0.send_replace(Some(Box::new(change)));
    }

    /// The latest change, and those to come.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Box<SipChange>>> {
        self.0.subscribe()
    }
}

/// Without what proves who users are.
impl fmt::Debug for SipChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SipChange").field("trunks", &self.trunks).finish_non_exhaustive()
    }
}
