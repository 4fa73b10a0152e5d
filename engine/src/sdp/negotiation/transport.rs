//! How media reaches the peer, read from its description.

use std::net::{IpAddr, SocketAddr};

use super::error::NegotiationError;
use crate::sdp::address::Host;
use crate::sdp::candidate::Candidate;
use crate::sdp::fingerprint::Fingerprint;
use crate::sdp::media::MediaDescription;
use crate::sdp::session::SessionDescription;
use crate::sdp::setup::Setup;

/// How media reaches the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteTransport {
    /// ICE and DTLS-SRTP.
    Webrtc(RemoteWebrtc),
    /// RTP, plain or with keys in the description.
    Rtp {
        /// Where RTP goes.
        rtp: SocketAddr,
        /// Where RTCP goes.
        rtcp: SocketAddr,
    },
    /// The same on hold in the old way, `c=0.0.0.0`: neither RTP nor RTCP may be sent (RFC 3264 8.4).
    RtpOnHold,
}

/// The WebRTC side of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteWebrtc {
    /// Its ICE user fragment.
    pub ufrag: String,
    /// Its ICE password.
    pub pwd: String,
    /// Its certificates; never empty.
    pub fingerprints: Vec<Fingerprint>,
    /// Its DTLS role. In an agreement: `Active` where the peer is the client, `Passive` where we are.
    pub setup: Setup,
    /// Its candidates so far.
    pub candidates: Vec<Candidate>,
    /// Whether it only answers checks.
    pub ice_lite: bool,
    /// Whether `candidates` are all.
    pub end_of_candidates: bool,
}

impl RemoteTransport {
    /// Reads the transport of a section, whose profile must fit the kind of leg.
    pub(super) fn of(
        session: &SessionDescription,
        media: &MediaDescription,
        is_webrtc: bool,
    ) -> Result<Self, NegotiationError> {
        let protocol = &media.protocol;
        if is_webrtc {
            if protocol.is_dtls_srtp() || protocol.is_srtp() {
                return Ok(Self::Webrtc(RemoteWebrtc::of(session, media)?));
            }
        } else if protocol.is_plain_rtp() || protocol.is_srtp() {
            return rtp(session, media);
        }
        Err(NegotiationError::ProfileMismatch(protocol.clone()))
    }

    /// Settles the peer's DTLS role by ours.
    pub(super) fn with_our_setup(mut self, ours: Setup) -> Self {
        if let Self::Webrtc(webrtc) = &mut self {
            webrtc.setup = if ours == Setup::Active { Setup::Passive } else { Setup::Active };
        }
        self
    }
}

impl RemoteWebrtc {
    fn of(session: &SessionDescription, media: &MediaDescription) -> Result<Self, NegotiationError> {
        let fingerprints = session.fingerprints_of(media).to_vec();
        if fingerprints.is_empty() {
            return Err(NegotiationError::NoFingerprint);
        }
        let (ufrag, pwd) = session.ice_credentials_of(media).ok_or(NegotiationError::NoIceCredentials)?;
        let tagged = session.tagged_section_of(media);
        if !(media.rtcp_mux || tagged.rtcp_mux) {
            return Err(NegotiationError::NoRtcpMux);
        }
        let source = if media.candidates.is_empty() { tagged } else { media };
        Ok(Self {
            ufrag: ufrag.to_owned(),
            pwd: pwd.to_owned(),
            fingerprints,
            // RFC 5763 5 demands actpass of offers; peers that say nothing mean it.
            setup: session.setup_of(media).unwrap_or(Setup::ActPass),
            candidates: source.candidates.clone(),
            ice_lite: session.ice_lite,
            end_of_candidates: source.end_of_candidates,
        })
    }
}

fn rtp(session: &SessionDescription, media: &MediaDescription) -> Result<RemoteTransport, NegotiationError> {
    let address = usable(session.connection_of(media).ok_or(NegotiationError::NoAddress)?)?;
    if address.is_unspecified() {
        return Ok(RemoteTransport::RtpOnHold);
    }
    if media.port == 0 {
        return Err(NegotiationError::UnusableAddress);
    }
    let rtcp = match &media.rtcp {
        Some(rtcp) => {
            let host = rtcp.host.as_ref().map_or(Ok(address), usable)?;
            if host.is_unspecified() || rtcp.port == 0 {
                return Err(NegotiationError::UnusableAddress);
            }
            SocketAddr::new(host, rtcp.port)
        }
        None => SocketAddr::new(address, media.port.checked_add(1).ok_or(NegotiationError::UnusableAddress)?),
    };
    Ok(RemoteTransport::Rtp { rtp: SocketAddr::new(address, media.port), rtcp })
}

/// An address that one peer can have. Multicast would multiply what we send; names are not looked up here.
fn usable(host: &Host) -> Result<IpAddr, NegotiationError> {
    match host {
        Host::Ip(address) => match address.to_canonical() {
            IpAddr::V4(v4) if v4.is_broadcast() => Err(NegotiationError::UnusableAddress),
            canonical if canonical.is_multicast() => Err(NegotiationError::UnusableAddress),
            canonical => Ok(canonical),
        },
        Host::Name(_) => Err(NegotiationError::UnusableAddress),
    }
}
