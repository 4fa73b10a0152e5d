//! Where a SIP message came from and where its like must go back.

use std::fmt;
use std::net::SocketAddr;

/// The transports of RFC 3261 18 and RFC 7118.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransportKind {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
    /// WebSocket, RFC 7118.
    Ws,
    /// WebSocket inside TLS, RFC 7118.
    Wss,
}

impl TransportKind {
    /// Whether the transport delivers or says that it did not: timers A, E, G and the waits of D, I, J, K follow.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// The name in `Via` (RFC 3261 20.42, RFC 7118 5.1).
    #[must_use]
    pub const fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// Whether the bytes are encrypted on the way.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether the peer is a WebSocket client, in practice a browser.
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// One of our listeners, by its place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub u16);

/// One accepted or dialled stream; never used again after it closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// A path to one peer (RFC 5626 1): for streams the connection, for datagrams our socket and its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// Which transport.
    pub kind: TransportKind,
    /// Which of our listeners, and so which external address is named in Via and Contact.
    pub listener: ListenerId,
    /// Our address on it.
    pub local: SocketAddr,
    /// The peer's address, as seen by the socket.
    pub remote: SocketAddr,
    /// The stream; `None` for datagrams.
    pub connection: Option<ConnectionId>,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.via_name(), self.remote)
    }
}
