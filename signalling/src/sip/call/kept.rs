//! What of an answered call outlives the process: enough to tell its peer that it is over.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::path::Path;
use crate::adapter::Origin;
use crate::sip::agent::Reach;
use crate::sip::dialog::{Dialog, DialogRecord};
use crate::sip::flow::{Flow, TransportKind};

/// An answered call, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCall {
    /// The dialog.
    pub dialog: DialogRecord,
    /// Its transport, by the name in Via.
    pub transport: String,
    /// Our address of its flow.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// Whether the peer is reached along its flow alone.
    pub is_along_flow: bool,
    /// Who it is.
    pub peer: Origin,
    /// The account by which challenges are answered.
    pub account: Option<String>,
}

/// What is to be kept from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallChange {
    /// The call is this.
    Set(Box<KeptCall>),
    /// The call of this key is over.
    Removed(String),
}

/// Keeps calls over a restart. It must not wait: calls do.
pub trait CallKeeper: Send + Sync {
    /// Keeps a change, in order.
    fn keep(&self, change: CallChange);
}

/// What a record tells that may change. Our own CSeq does too, by far more often; it is left out.
pub(in crate::sip) type Standing = (u32, Flow);

impl KeptCall {
    pub(super) fn of(dialog: &Dialog, path: &Path, peer: &Origin, account: Option<&str>) -> Self {
        let flow = path.flow();
        Self {
            dialog: dialog.record(),
            transport: flow.kind.via_name().to_owned(),
            local: flow.local,
            remote: flow.remote,
            is_along_flow: path.reach() == Reach::Flow,
            peer: peer.clone(),
            account: account.map(str::to_owned),
        }
    }

    /// Names it among all calls of all times: a Call-ID is unique, and both ends of a call may be ours.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.dialog.call_id, self.dialog.local)
    }

    /// Its transport.
    #[must_use]
    pub fn kind(&self) -> Option<TransportKind> {
        use TransportKind::{Tcp, Tls, Udp, Ws, Wss};
        [Udp, Tcp, Tls, Ws, Wss].into_iter().find(|kind| kind.via_name() == self.transport)
    }

    /// Whether its peer can be told nothing before it comes back: its stream ended with the process.
    #[must_use]
    pub fn awaits_peer(&self) -> bool {
        self.is_along_flow && self.kind().is_some_and(TransportKind::is_reliable)
    }

    /// How its peer is reached.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        if self.is_along_flow { Reach::Flow } else { Reach::Target }
    }
}

impl CallChange {
    /// The call that changed.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Set(call) => call.key(),
            Self::Removed(key) => key.clone(),
        }
    }
}
