//! Where a request may be sent: what RFC 3263 calls transport, address and port.

use std::fmt;
use std::net::SocketAddr;

use super::flow::{Flow, TransportKind};
use super::message::Response;

/// A next hop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hop {
    /// How it is reached.
    pub kind: TransportKind,
    /// Where it is.
    pub address: SocketAddr,
    /// The name that its certificate has to show; only TLS asks (RFC 5922 7).
    pub server_name: Option<String>,
    /// The trunk whose certificate of ours it is shown, where that trunk has one.
    pub identity: Option<String>,
}

/// A name by which alone the peer of a dialog is found, and what is said beside it (RFC 3263 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sought {
    /// The name.
    pub host: String,
    /// The port, where one is said.
    pub port: Option<u16>,
    /// How it is reached.
    pub kind: TransportKind,
}

/// What became of a request at a hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopReport {
    /// How the hop is reached.
    pub kind: TransportKind,
    /// Where it is.
    pub address: SocketAddr,
    /// What it did.
    pub conduct: Conduct,
}

/// What a hop did with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// It answered.
    Answered,
    /// It said nothing in time.
    Silent,
    /// It cannot be reached: the port is closed, the stream broke.
    Unreachable,
    /// It answered 503, and perhaps for how many seconds it wants to be left alone.
    Overloaded {
        /// Retry-After, in seconds.
        retry_after_s: Option<u32>,
    },
}

impl Hop {
    /// A hop that shows no certificate, or its address in it.
    #[must_use]
    pub const fn new(kind: TransportKind, address: SocketAddr) -> Self {
        Self { kind, address, server_name: None, identity: None }
    }
}

impl Conduct {
    /// What became of a request by a phone's flow (RFC 5626 5.3): a proxy on the way tells by 430 that the flow is gone, and by 408 that
    /// nothing is heard there, or, of a phone that has rung, that nobody lifts. Anything else is the phone's word.
    #[must_use]
    pub const fn of_flow(response: &Response, has_rung: bool) -> Self {
        match response.status.code() {
            408 if !has_rung => Self::Silent,
            430 => Self::Unreachable,
            _ => Self::Answered,
        }
    }
}

impl HopReport {
    /// What the hop behind a flow did.
    #[must_use]
    pub const fn of(flow: &Flow, conduct: Conduct) -> Self {
        Self { kind: flow.kind, address: flow.remote, conduct }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.via_name(), self.address)
    }
}
