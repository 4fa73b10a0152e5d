//! What a leg can do: fixed when the leg is made.

use std::net::IpAddr;

use webtrunk_codecs::CodecId;

use super::error::NegotiationError;
use super::sdes::SrtpPolicy;
use super::transport::RemoteTransport;
use crate::sdp::candidate::Candidate;
use crate::sdp::fingerprint::Fingerprint;
use crate::sdp::opus_parameters::OpusParameters;
use crate::sdp::protocol::Protocol;

/// Our side of a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalMedia {
    /// Names our session in `o=`: unlike that of any other leg, below 2^62 (RFC 3264 5).
    pub session_id: u64,
    /// What we speak, best first.
    pub codecs: Vec<CodecId>,
    /// How media reaches us.
    pub transport: LocalTransport,
    /// What we ask of a peer that sends Opus, until an answer's wish says otherwise.
    pub opus_fmtp: OpusParameters,
    /// Whether digits come and go as RFC 4733 events.
    pub telephone_event: bool,
    /// Whether pauses may come and go as comfort noise (RFC 3389).
    pub comfort_noise: bool,
}

/// How media reaches us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalTransport {
    /// ICE, DTLS-SRTP, rtcp-mux, BUNDLE.
    Webrtc {
        /// Our ICE user fragment.
        ufrag: String,
        /// Our ICE password.
        pwd: String,
        /// The fingerprint of our certificate.
        fingerprint: Fingerprint,
        /// Our candidates so far, best first.
        candidates: Vec<Candidate>,
        /// Whether others may come ([`Negotiator::set_candidates`](super::Negotiator::set_candidates)), so that descriptions do not
        /// say that these are all.
        more_may_come: bool,
        /// Whether we only answer checks.
        ice_lite: bool,
    },
    /// RTP, plain or with keys in the description.
    Rtp {
        /// The address that the peer is to send to, as it sees us.
        address: IpAddr,
        /// Our RTP port; RTCP is on the port above.
        rtp_port: u16,
        /// Whether it is protected.
        srtp: SrtpPolicy,
        /// Whether our sockets reach both address families, and not that of `address` alone.
        is_dual_stack: bool,
    },
}

impl LocalTransport {
    pub(super) const fn is_webrtc(&self) -> bool {
        matches!(self, Self::Webrtc { .. })
    }

    /// Checks that what our sockets send can reach the peer; with browsers ICE does that.
    pub(super) fn check_reach(&self, remote: &RemoteTransport) -> Result<(), NegotiationError> {
        match (self, remote) {
            (Self::Rtp { address, is_dual_stack: false, .. }, RemoteTransport::Rtp { rtp, rtcp })
                if [rtp, rtcp].iter().any(|to| to.is_ipv4() != address.is_ipv4()) =>
            {
                Err(NegotiationError::OtherFamily { peer: rtp.ip(), ours: *address })
            }
            _ => Ok(()),
        }
    }

    /// Changes nothing on plain RTP.
    pub(super) fn set_ice_credentials(&mut self, new_ufrag: &str, new_pwd: &str) {
        if let Self::Webrtc { ufrag, pwd, .. } = self {
            (*ufrag, *pwd) = (new_ufrag.to_owned(), new_pwd.to_owned());
        }
    }

    /// Changes nothing on plain RTP.
    pub(super) fn set_candidates(&mut self, all: Vec<Candidate>) {
        if let Self::Webrtc { candidates, .. } = self {
            *candidates = all;
        }
    }

    /// We check a peer that only answers; changes nothing on plain RTP.
    pub(super) fn suit(&mut self, remote: &RemoteTransport) {
        if let (Self::Webrtc { ice_lite, .. }, RemoteTransport::Webrtc(remote)) = (self, remote) {
            *ice_lite = !remote.ice_lite;
        }
    }

    /// The profile of our own offers.
    pub(super) const fn protocol(&self) -> Protocol {
        match self {
            Self::Webrtc { .. } => Protocol::UdpTlsRtpSavpf,
            Self::Rtp { srtp: SrtpPolicy::Require, .. } => Protocol::RtpSavp,
            Self::Rtp { srtp: SrtpPolicy::Offer | SrtpPolicy::Forbid, .. } => Protocol::RtpAvp,
        }
    }

    /// Whether keys stand in the descriptions.
    pub(super) const fn srtp(&self) -> SrtpPolicy {
        match self {
            Self::Webrtc { .. } => SrtpPolicy::Forbid,
            Self::Rtp { srtp, .. } => *srtp,
        }
    }
}

impl LocalMedia {
    /// What to ask of an Opus sender where nothing is configured: redundancy against loss, and no packet
    /// shorter than 10 ms, as browsers write it themselves.
    #[must_use]
    pub fn default_opus_fmtp() -> OpusParameters {
        OpusParameters { use_inband_fec: true, min_ptime_ms: Some(10), ..OpusParameters::default() }
    }
}
