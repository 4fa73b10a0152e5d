//! DTLS of a WebRTC leg (RFC 5763, 5764): who we are, the handshake, what is left of it afterwards.
//!
//! ```text
//!  datagram -> record -> guard -> endpoint (the library) -> outcome: keys and an association
//!                          ^
//!        client: one endpoint, server: one per ClientHello random
//! ```
//!
//! The library treats every fault as the end of its endpoint, and anybody who can spoof the peer's
//! address can cause one. So the guard decides which records an endpoint sees at all, and an
//! endpoint that died is replaced, not mourned. docs/WEBRTC.md lists the attacks.

mod association;
mod certificate;
mod client;
mod endpoint;
mod flight;
mod guard;
mod handshake;
mod record;
mod server;

pub use association::Association;
pub use certificate::{CertificateError, DtlsCertificate};
pub use handshake::{DtlsRole, Handshake, HandshakeError, SrtpPair};

#[cfg(test)]
pub(crate) use record::samples;
