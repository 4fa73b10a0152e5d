//! Makes legs on sockets that somebody else reads and writes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use super::candidates::Preferences;
use super::leg::Leg;
use super::rtp::RtpTransport;
use super::transport::{LegTransport, WebrtcLink};
use super::webrtc::{WebrtcConfig, WebrtcTransport};
use crate::LegId;
use crate::call::Supplies;
use crate::net::SocketId;
use crate::sdp::{LocalMedia, LocalTransport, Negotiator, OpusParameters, SrtpPolicy};

impl Leg {
    /// A leg to a browser, which finds it on any of the sockets; the codecs are ours, best first.
    #[must_use]
    pub fn over_webrtc(
        id: LegId,
        sockets: Vec<(SocketAddr, SocketId)>,
        codecs: Vec<CodecId>,
        opus_fmtp: OpusParameters,
        supplies: &Supplies,
        now: Instant,
    ) -> Self {
        let config = &supplies.config;
        let is_stream = |(address, socket): &(SocketAddr, SocketId)| (*address, *socket == SocketId::STREAMS);
        let addresses = |streams: bool| -> Vec<SocketAddr> {
            sockets
                .iter()
                .map(is_stream)
                .filter(|(_, it)| *it == streams)
                .map(|(address, _)| address)
                .collect()
        };
        let streams = addresses(true);
        let settings = WebrtcConfig {
            connect_timeout: config.connect_timeout,
            consent_margin: config.consent_margin,
            peers: config.webrtc_sources.clone(),
            ..WebrtcConfig::default()
        };
        let certificate = Arc::clone(&supplies.certificate);
        let transport = WebrtcTransport::with_streams(addresses(false), &streams, certificate, settings, now);
        let local: Vec<_> = transport.candidates().iter().map(|candidate| candidate.address).collect();
        let mut preferences = Preferences::default();
        let described = LocalTransport::Webrtc {
            ufrag: transport.local_ufrag().to_owned(),
            pwd: transport.local_pwd().to_owned(),
            fingerprint: supplies.certificate.fingerprint(),
            candidates: preferences.candidates(&[], &local, &streams, &config.webrtc_external_addresses),
            more_may_come: config.webrtc_addresses_may_come,
            ice_lite: true,
        };
        let link = WebrtcLink { transport, sockets, own: None, preferences };
        let transport = LegTransport::Webrtc(Box::new(link));
        Self::new(id, transport, negotiator(&codecs, described, opus_fmtp, false), codecs, supplies)
    }

    /// A leg to a phone, which is told to send to `advertised`; the codecs are ours, best first.
    #[must_use]
    pub fn over_rtp(
        id: LegId,
        transport: RtpTransport,
        (advertised, srtp): (IpAddr, SrtpPolicy),
        codecs: Vec<CodecId>,
        opus_fmtp: OpusParameters,
        supplies: &Supplies,
    ) -> Self {
        // Such a socket is bound to IPv4 too.
        let is_dual_stack = supplies.config.rtp_address == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let local =
            LocalTransport::Rtp { address: advertised, rtp_port: transport.port(), srtp, is_dual_stack };
        let transport = LegTransport::Rtp(Box::new(transport));
        let negotiator = negotiator(&codecs, local, opus_fmtp, supplies.config.comfort_noise);
        Self::new(id, transport, negotiator, codecs, supplies)
    }
}

fn negotiator(
    codecs: &[CodecId],
    transport: LocalTransport,
    opus_fmtp: OpusParameters,
    comfort_noise: bool,
) -> Negotiator {
    Negotiator::new(LocalMedia {
        // Below 2^62, so that the version may rise (RFC 8866 5.2).
        session_id: rand::random::<u64>() >> 2,
        codecs: codecs.to_vec(),
        transport,
        opus_fmtp,
        telephone_event: true,
        comfort_noise,
    })
}
