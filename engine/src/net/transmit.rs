//! One datagram on its way out.

use std::net::SocketAddr;

/// A control datagram (STUN, DTLS) to send. Media never takes this form: it is protected in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The local candidate to send from.
    pub local: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// The whole datagram.
    pub payload: Vec<u8>,
}
