//! What the transports are told at the start.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Network;
use super::guard::GuardConfig;
use super::limits::TransportLimits;
use crate::http::OriginPolicy;
use crate::sip::flow::TransportKind;
use crate::sip::trace::Tap;

/// The transports of one SIP adapter.
#[derive(Debug, Clone, Default)]
pub struct TransportConfig {
    /// The listeners; a [`ListenerId`](crate::sip::flow::ListenerId) is a place in this list.
    pub listeners: Vec<ListenerConfig>,
    /// What one peer may cost.
    pub limits: TransportLimits,
    /// What strangers may send.
    pub guard: GuardConfig,
    /// Certificates, ours and those we trust.
    pub tls: TlsConfig,
    /// Who is shown every message; `None` shows them to nobody.
    pub tap: Option<Tap>,
}

/// One listener.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// What rules call it; several may share a name.
    pub name: Arc<str>,
    /// Its transport.
    pub kind: TransportKind,
    /// Whose socket it listens on.
    pub binding: Binding,
    /// Its address as seen from outside the local networks; `None` without NAT.
    pub external_address: Option<IpAddr>,
    /// Peers that reach it without NAT.
    pub local_networks: Vec<Network>,
    /// Which web pages may connect; only WebSocket asks.
    pub origins: OriginPolicy,
}

/// Whose socket a listener listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Its own, at this address. An IPv6 one takes no IPv4.
    Own(SocketAddr),
    /// That of an HTTP server, reached at this address; WebSocket only
    /// ([`TransportLayer::ws_endpoint`](super::TransportLayer::ws_endpoint)).
    Mounted(SocketAddr),
}

/// TLS of the listeners and of dialled streams.
#[derive(Debug, Clone, Default)]
pub struct TlsConfig {
    /// Our certificate, needed by TLS and WSS listeners of their own. Its resolver may renew it while running.
    pub server: Option<Arc<rustls::ServerConfig>>,
    /// The same for SIP over TLS where who connects is asked for a certificate, and need not have one; `None` asks nobody.
    pub asking: Option<Arc<rustls::ServerConfig>>,
    /// Whom to trust when dialling; needed by trunks over TLS.
    pub client: Option<Arc<rustls::ClientConfig>>,
    /// The same for trunks that are shown a certificate of ours, by the trunk's name.
    pub clients: HashMap<String, Arc<rustls::ClientConfig>>,
}

impl TlsConfig {
    /// By what who connects for SIP over TLS is met.
    pub(super) fn for_streams(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.asking.as_ref().or(self.server.as_ref()).cloned()
    }

    /// With what a server is dialled that sees us as this trunk's, or as anybody.
    pub(super) fn client_for(&self, identity: Option<&str>) -> Option<Arc<rustls::ClientConfig>> {
        identity.and_then(|name| self.clients.get(name)).or(self.client.as_ref()).cloned()
    }
}

impl ListenerConfig {
    /// A listener of its own without NAT.
    #[must_use]
    pub fn new(kind: TransportKind, bind: SocketAddr) -> Self {
        Self {
            name: kind.via_name().to_ascii_lowercase().into(),
            kind,
            binding: Binding::Own(bind),
            external_address: None,
            local_networks: Vec::new(),
            origins: OriginPolicy::default(),
        }
    }
}

impl Binding {
    /// The address, whoever's socket it is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        match self {
            Self::Own(address) | Self::Mounted(address) => *address,
        }
    }
}
