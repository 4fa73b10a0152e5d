//! Makes legs on sockets that somebody else reads and writes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use webtrunk_codecs::CodecId;

use super::leg::Leg;
use super::rtp::RtpTransport;
use super::transport::{LegTransport, WebrtcLink};
use super::webrtc::{WebrtcConfig, WebrtcTransport};
use crate::LegId;
use crate::call::Supplies;
use crate::net::SocketId;
use crate::sdp::{Candidate, LocalMedia, LocalTransport, Negotiator, OpusParameters, SrtpPolicy};

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
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(address, _)| *address).collect();
        let settings = WebrtcConfig {
            connect_timeout: config.connect_timeout,
            consent_margin: config.consent_margin,
            ..WebrtcConfig::default()
        };
        let certificate = Arc::clone(&supplies.certificate);
        let transport = WebrtcTransport::new(addresses.clone(), certificate, settings, now);
        let local = LocalTransport::Webrtc {
            ufrag: transport.local_ufrag().to_owned(),
            pwd: transport.local_pwd().to_owned(),
            fingerprint: supplies.certificate.fingerprint(),
            candidates: advertised(&addresses, &config.webrtc_external_addresses),
            ice_lite: true,
        };
        let transport = LegTransport::Webrtc(Box::new(WebrtcLink { transport, sockets }));
        Self::new(id, transport, negotiator(&codecs, local, opus_fmtp), codecs, supplies)
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
        let local = LocalTransport::Rtp { address: advertised, rtp_port: transport.port(), srtp };
        let transport = LegTransport::Rtp(Box::new(transport));
        Self::new(id, transport, negotiator(&codecs, local, opus_fmtp), codecs, supplies)
    }
}

fn negotiator(codecs: &[CodecId], transport: LocalTransport, opus_fmtp: OpusParameters) -> Negotiator {
    Negotiator::new(LocalMedia {
        // Below 2^62, so that the version may rise (RFC 8866 5.2).
        session_id: rand::random::<u64>() >> 2,
        codecs: codecs.to_vec(),
        transport,
        opus_fmtp,
        telephone_event: true,
    })
}

/// One candidate an address; where a 1:1 NAT is in front, with the addresses that it shows.
fn advertised(local: &[SocketAddr], external: &[IpAddr]) -> Vec<Candidate> {
    let port = local.first().map_or(0, SocketAddr::port);
    let shown = external.iter().map(|ip| SocketAddr::new(*ip, port));
    let shown: Vec<_> = if external.is_empty() { local.to_vec() } else { shown.collect() };
    // The first is preferred: 65535 is the highest local preference (RFC 8445 5.1.2.1).
    (0..=u16::MAX)
        .rev()
        .zip(shown)
        .map(|(preference, address)| Candidate::host(address, preference))
        .collect()
}
