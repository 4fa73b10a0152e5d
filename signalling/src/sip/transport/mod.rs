//! Sockets: SIP over UDP, TCP, TLS, WebSocket and secure WebSocket (RFC 3261 18, RFC 7118).
//!
//! Bytes come in, whole messages go up; printed messages come down, bytes go out. What a message
//! means is nobody's business here.

mod address;
mod config;
mod connections;
mod cutter;
mod guard;
mod inbound;
mod layer;
mod limits;
mod pings;
mod reception;
mod refusals;
mod resolver;
mod scanner;
mod socket;
mod srv;
mod stats;
mod stream;
mod stun;
mod tcp;
mod traffic;
mod udp;
mod ws;
mod ws_listener;

pub use address::{Addresses, ListenerAddress, specific};
pub use config::{Binding, ListenerConfig, TlsConfig, TransportConfig};
pub use cutter::{Cut, Cutter};
pub use guard::GuardConfig;
pub use inbound::{Inbound, InboundReceiver};
pub use layer::{DialError, ListenError, SendError, TransportLayer};
pub use limits::TransportLimits;
pub use resolver::{ResolveError, Resolver, Wanted, literal};
pub use stats::{TransportCounters, TransportStats};
pub use traffic::Traffic;
pub use webtrunk_engine::net::{Network, NetworkError};
pub use ws::{WsEndpoint, serve};
