//! What a WebRTC transport tells: of datagrams, of itself, of what went wrong.

use crate::dtls::HandshakeError;
use crate::ice::{SourceChange, StunRoute};
use crate::srtp::{ProtectError, ProtectionProfile};

/// What a datagram turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'p> {
    /// An RTP packet, authenticated and decrypted.
    Rtp(&'p [u8]),
    /// A compound RTCP packet, authenticated and decrypted.
    Rtcp(&'p [u8]),
    /// Something of ICE or DTLS: events and datagrams to send may be waiting.
    Control,
}

/// What a transport reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportEvent {
    /// What comes from an address belongs to the leg: the peer has authenticated itself from there; or no longer.
    Source(SourceChange),
    /// STUN messages find the leg by something else: ICE restarts, or has restarted, or we check.
    Route(StunRoute),
    /// Keys are there, and the peer is who its description said.
    Ready {
        /// The negotiated cipher.
        profile: ProtectionProfile,
    },
    /// Neither checks nor media came for a while: an ICE restart may find the peer elsewhere.
    Silent,
    /// It will never be Ready.
    Failed(TransportError),
    /// Neither checks nor media came for so long that we may no longer send (RFC 7675).
    Lost,
    /// The peer said goodbye.
    Closed,
}

/// Why a transport did not get Ready; the fault is the peer's or the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No valid check came in time.
    #[error(
        "no path to the peer: none of its checks came through; is media.webrtc_port open, and where a NAT is in front, \
         does media.external_addresses name its address?"
    )]
    NoPath,
    /// The DTLS handshake did not complete in time.
    #[error("DTLS handshake did not complete in time")]
    NoHandshake,
    /// The handshake completed and is of no use.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

/// Why one of our own packets was not protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The transport is not Ready, or no longer.
    #[error("no keys yet, or no longer")]
    NotReady,
    /// The packet is none.
    #[error(transparent)]
    Protect(#[from] ProtectError),
}
