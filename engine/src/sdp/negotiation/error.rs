//! Why no agreement came about.

use std::net::IpAddr;

use crate::sdp::crypto::CryptoFault;
use crate::sdp::protocol::Protocol;

/// An offer or answer that cannot be met. Nothing was changed: what was agreed before stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// The peer's description has no audio that it wants.
    #[error("peer describes no audio")]
    NoAudio,
    /// Every audio format is one that this leg does not do. Digits or comfort noise alone are no audio.
    #[error("peer offered no codec we speak")]
    NoCommonCodec,
    /// Plain RTP where the leg is a WebRTC one, or the reverse.
    #[error("profile {0} does not fit this kind of leg")]
    ProfileMismatch(Protocol),
    /// SRTP, where the leg may not have it.
    #[error("peer insists on SRTP ({0}), and srtp is \"forbid\"")]
    SrtpForbidden(Protocol),
    /// No SRTP, where the leg must have it or had it before.
    #[error("peer describes no SRTP, which this leg must have")]
    SrtpRequired,
    /// SRTP without a key that we can do; why the first is none.
    #[error("peer describes SRTP without a key of use: {0}")]
    NoUsableCrypto(CryptoFault),
    /// The answer's key is not for what we offered, or is our own.
    #[error("the answer's SRTP key belongs to none that was offered")]
    CryptoMismatch,
    /// No fingerprint by a hash function that we take.
    #[error("peer names no usable certificate fingerprint")]
    NoFingerprint,
    /// No ICE ufrag and password.
    #[error("peer names no ICE credentials")]
    NoIceCredentials,
    /// RTCP on a port of its own is not done with browsers.
    #[error("peer does not multiplex RTP and RTCP")]
    NoRtcpMux,
    /// The peer wants the DTLS role that we have had since the first agreement, or at once the one that we took.
    #[error("peer's DTLS role cannot be met")]
    DtlsRoleConflict,
    /// Neither the session nor the media has a `c=` line.
    #[error("peer names no address for its media")]
    NoAddress,
    /// A host name, a multicast or broadcast address, or a port that leaves none for RTCP.
    #[error("peer's media address cannot be used")]
    UnusableAddress,
    /// The peer's media has an IPv6 address and ours IPv4, or the reverse: nothing would be heard.
    #[error(
        "peer's media is at {peer}, which plain RTP from {ours} cannot reach; bind media.rtp_address to both families (\"::\")"
    )]
    OtherFamily {
        /// Where the peer's media is.
        peer: IpAddr,
        /// Where the peer was to send its.
        ours: IpAddr,
    },
    /// The answer refuses the audio.
    #[error("peer refused the audio")]
    AudioRefused,
    /// An offer of ours is out, or one of the peer's waits: both would cross (RFC 3261 14.1).
    #[error("another offer is not answered yet")]
    OfferOutstanding,
    /// There is no offer that could be answered.
    #[error("no offer is waiting for an answer")]
    NoOffer,
}
