//! Whole descriptions and whole negotiations, on texts in the shape of real peers'.

mod answers;
mod faults;
mod pairs;
mod real_peers;
mod refusals;
mod reoffers;
mod round_trip;
mod sdes;
mod state_table;

use webtrunk_codecs::CodecId;

use super::{Candidate, Fingerprint, LocalMedia, LocalTransport, Negotiator, SessionDescription, SrtpPolicy};

/// Chromium's offer as JsSIP sends it, all candidates in it.
const CHROMIUM: &str = include_str!("fixtures/chromium_jssip_offer.sdp");
/// Chromium's trickled offer with video and a data channel.
const CHROMIUM_VIDEO: &str = include_str!("fixtures/sipjs_video_offer.sdp");
/// Firefox': fingerprint at session level, events of 8000 Hz only.
const FIREFOX: &str = include_str!("fixtures/firefox_offer.sdp");
/// A softphone with Opus.
const BARESIP: &str = include_str!("fixtures/baresip_offer.sdp");
/// A test script: no rtpmap, a blank line at the end.
const SIPP: &str = include_str!("fixtures/sipp_offer.sdp");
/// A carrier over IPv6 with G.729 first.
const TRUNK_IPV6: &str = include_str!("fixtures/trunk_ipv6_offer.sdp");
/// A PBX that keys SRTP in the description.
const PBX_SDES: &str = include_str!("fixtures/pbx_sdes_offer.sdp");
/// A PBX that offers fax, audio on hold and SRTP audio.
const PBX_FAX: &str = include_str!("fixtures/pbx_fax_offer.sdp");

const ALL_PEERS: [&str; 8] =
    [CHROMIUM, CHROMIUM_VIDEO, FIREFOX, BARESIP, SIPP, TRUNK_IPV6, PBX_SDES, PBX_FAX];

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text).expect("a sound description")
}

fn webrtc_leg(codecs: &[CodecId]) -> Negotiator {
    let transport = LocalTransport::Webrtc {
        ufrag: "gwUF".to_owned(),
        pwd: "gatewaypasswordof24chars".to_owned(),
        fingerprint: Fingerprint::sha256([0xab; 32]),
        candidates: vec![Candidate::host("203.0.113.5:40000".parse().expect("an address"), u16::MAX)],
        more_may_come: false,
        ice_lite: true,
    };
    leg(codecs, transport)
}

fn rtp_leg(codecs: &[CodecId]) -> Negotiator {
    let address = "203.0.113.5".parse().expect("an address");
    leg(
        codecs,
        LocalTransport::Rtp { address, rtp_port: 30_000, srtp: SrtpPolicy::Forbid, is_dual_stack: true },
    )
}

fn leg(codecs: &[CodecId], transport: LocalTransport) -> Negotiator {
    Negotiator::new(media(codecs, transport))
}

fn media(codecs: &[CodecId], transport: LocalTransport) -> LocalMedia {
    LocalMedia {
        session_id: 7,
        codecs: codecs.to_vec(),
        transport,
        opus_fmtp: LocalMedia::default_opus_fmtp(),
        telephone_event: true,
        comfort_noise: true,
    }
}
