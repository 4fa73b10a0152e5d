//! What of a binding outlives the process: plain values, for whoever can keep them.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::Binding;
use crate::adapter::MediaProfile;
use crate::moment::Moment;
use crate::sip::flow::{Flow, ListenerId, TransportKind};
use crate::sip::message::{ByteString, HeaderName, Headers, NameAddr, Uri};

/// A binding over datagrams, as it is kept. One over a stream is as short-lived as the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// [`Binding::key`].
    pub key: u64,
    /// Whose it is.
    pub user: String,
    /// The contact with its parameters but `expires`, as a header field has it.
    pub contact: String,
    /// The proxies on the way there, as a header field has them; empty where there is none.
    pub path: String,
    /// Our address of the flow.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// What the User-Agent field said.
    pub user_agent: String,
    /// The registration's Call-ID.
    pub call_id: String,
    /// The number of the last request that set it.
    pub cseq: u32,
    /// When it ends unless refreshed.
    pub expires_at: SystemTime,
}

/// What is to be kept from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The binding is this.
    Set(Box<Record>),
    /// The binding of this key is gone.
    Removed(u64),
}

impl Change {
    /// The binding that changed.
    #[must_use]
    pub const fn key(&self) -> u64 {
        match self {
            Self::Set(record) => record.key,
            Self::Removed(key) => *key,
        }
    }
}

/// Keeps bindings over a restart. It must not wait: calls do.
pub trait Keeper: Send + Sync {
    /// Keeps a change, in order.
    fn keep(&self, change: Change);
}

impl Record {
    /// What is kept of a binding; `None` for one over a stream.
    #[must_use]
    pub fn of(binding: &Binding, at: Moment) -> Option<Self> {
        if binding.flow.kind != TransportKind::Udp {
            return None;
        }
        let mut contact = NameAddr::new(binding.uri.clone());
        contact.params = binding.params.clone();
        Some(Self {
            key: binding.key,
            user: binding.user.clone(),
            contact: contact.to_string(),
            path: binding.path.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            local: binding.flow.local,
            remote: binding.flow.remote,
            user_agent: binding.user_agent.clone(),
            call_id: binding.call_id.to_string(),
            cseq: binding.cseq,
            expires_at: at.wall + binding.expires_at.saturating_duration_since(at.now),
        })
    }

    /// The binding again, at the listener that has its address now; `None` where it has expired, or is no
    /// binding at all.
    pub(super) fn to_binding(&self, listener: ListenerId, at: Moment) -> Option<Binding> {
        let left = self.expires_at.duration_since(at.wall).ok().filter(|left| *left > Duration::ZERO)?;
        let NameAddr { uri: Uri::Sip(uri), params, .. } = self.contact.parse().ok()? else { return None };
        let mut headers = Headers::new();
        if !self.path.is_empty() {
            headers.push(HeaderName::Path, self.path.as_str());
        }
        let path = headers.paths().ok()?;
        Some(Binding {
            key: self.key,
            user: self.user.clone(),
            uri,
            params,
            path,
            flow: Flow {
                kind: TransportKind::Udp,
                listener,
                local: self.local,
                remote: self.remote,
                connection: None,
            },
            // By how many proxies it came is not kept, and told again within the hour.
            is_direct: false,
            user_agent: self.user_agent.clone(),
            profile: MediaProfile::Rtp,
            expires_at: at.now + left,
            set_at: at.now,
            call_id: ByteString::from(&*self.call_id),
            cseq: self.cseq,
        })
    }
}
