//! Writes our own description: an offer or an answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use webtrunk_codecs::CodecId;

use super::format::PayloadFormat;
use super::layout::Layout;
use super::local::{LocalMedia, LocalTransport};
use super::negotiated::Receivable;
use super::remote::{EXTENDED_REPORTS, VOIP_METRICS};
use crate::sdp::address::Host;
use crate::sdp::attribute::Attribute;
use crate::sdp::candidate::{Candidate, CandidateTransport};
use crate::sdp::crypto::{Crypto, CryptoLine};
use crate::sdp::direction::Direction;
use crate::sdp::media::MediaDescription;
use crate::sdp::opus_parameters::OpusParameters;
use crate::sdp::origin::Origin;
use crate::sdp::rtpmap::Fmtp;
use crate::sdp::session::SessionDescription;
use crate::sdp::setup::Setup;
use crate::sdp::shared::SharedAttributes;
use crate::sdp::telephone_events::TelephoneEvents;

/// What differs from one description of ours to the next.
pub(super) struct Audio<'a> {
    pub(super) formats: &'a [Receivable],
    pub(super) direction: Direction,
    /// Our DTLS role; of no meaning on plain RTP.
    pub(super) setup: Setup,
    pub(super) opus: OpusParameters,
    /// Our keys in the description.
    pub(super) crypto: &'a [Crypto],
    /// Whether we ask for VoIP metrics (RFC 3611 5).
    pub(super) asks_voip_metrics: bool,
}

pub(super) fn describe(
    local: &LocalMedia,
    layout: &Layout,
    audio: &Audio<'_>,
    version: u64,
) -> SessionDescription {
    let address = default_address(&local.transport);
    let mut media = layout.refused_sections();
    if let Some(section) = media.get_mut(layout.audio()) {
        section.port = address.port();
        write_formats(section, audio);
        section.shared.direction = Some(audio.direction);
        if audio.asks_voip_metrics {
            section.attributes.push(Attribute::new(EXTENDED_REPORTS, VOIP_METRICS));
        }
        write_transport(section, local, audio);
    }
    SessionDescription {
        origin: Origin {
            username: "-".to_owned(),
            session_id: local.session_id,
            version,
            host: Host::Ip(address.ip()),
        },
        name: "-".to_owned(),
        connection: Some(Host::Ip(address.ip())),
        groups: layout.bundle().into_iter().collect(),
        ice_lite: matches!(local.transport, LocalTransport::Webrtc { ice_lite: true, .. }),
        shared: SharedAttributes::default(),
        attributes: Vec::new(),
        media,
    }
}

/// What stands in `c=` and `m=`: with ICE the default candidate, our best by UDP (RFC 8839 4.2.1.2), or the
/// "nowhere yet" of RFC 8840 4.1.1.
fn default_address(transport: &LocalTransport) -> SocketAddr {
    match transport {
        LocalTransport::Webrtc { candidates, .. } => {
            let is_udp = |candidate: &&Candidate| candidate.transport == CandidateTransport::Udp;
            let default = candidates.iter().filter(is_udp).find_map(Candidate::address);
            default.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DISCARD_PORT))
        }
        LocalTransport::Rtp { address, rtp_port, .. } => SocketAddr::new(*address, *rtp_port),
    }
}

fn write_formats(section: &mut MediaDescription, audio: &Audio<'_>) {
    section.formats.clear();
    for &Receivable { payload_type, format } in audio.formats {
        section.formats.push(payload_type.number().to_string());
        section.rtpmaps.push(format.rtpmap(payload_type));
        let parameters = match format {
            PayloadFormat::Codec(CodecId::Opus) => audio.opus.to_string(),
            PayloadFormat::Codec(_) | PayloadFormat::ComfortNoise(_) => String::new(),
            PayloadFormat::TelephoneEvent(_) => TelephoneEvents::DIGITS.to_string(),
        };
        if !parameters.is_empty() {
            section.fmtps.push(Fmtp { payload_type, parameters });
        }
    }
    section.ptime_ms = Some(PTIME_MS);
}

fn write_transport(section: &mut MediaDescription, local: &LocalMedia, audio: &Audio<'_>) {
    section.crypto = audio.crypto.iter().copied().map(CryptoLine::from).collect();
    let LocalTransport::Webrtc { ufrag, pwd, fingerprint, candidates, more_may_come, .. } = &local.transport
    else {
        return;
    };
    section.shared.ice_ufrag = Some(ufrag.clone());
    section.shared.ice_pwd = Some(pwd.clone());
    section.shared.fingerprints = vec![fingerprint.clone()];
    section.shared.setup = Some(audio.setup);
    // We take candidates that come later; all that we have are here (RFC 8838 16, half trickle).
    section.shared.ice_options = vec![TRICKLE.to_owned()];
    section.candidates = candidates.clone();
    section.end_of_candidates = !more_may_come;
    section.rtcp_mux = true;
    // Names our stream and its track; never the other leg's, by which a browser would wait for other packets.
    section.attributes.push(Attribute::new("msid", &format!("webtrunk-{} audio", local.session_id)));
}

/// The packet duration that we want: one frame of our tick.
const PTIME_MS: u16 = 20;
/// RFC 8838 15.
const TRICKLE: &str = "trickle";
/// RFC 863, by which RFC 8840 4.1.1 says that there is no address yet.
const DISCARD_PORT: u16 = 9;
