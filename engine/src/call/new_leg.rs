//! Makes a leg by its specification: transport, sockets, what it can do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::messages::{LegSpec, TransportSpec};
use crate::CallId;
use crate::leg::webrtc::{WebrtcConfig, WebrtcTransport};
use crate::leg::{FarSide, Leg, LegTransport, RtpTransport, WebrtcLink, codec_order, opus_wish};
use crate::net::{Reading, Shard};
use crate::sdp::{Candidate, LocalMedia, LocalTransport, Negotiator};

/// A leg, and the sockets of its own that are to be read; `None` when there is no port for it.
pub(crate) fn new_leg(
    shard: &mut Shard,
    call: CallId,
    spec: &LegSpec,
    now: Instant,
) -> Option<(Leg, Vec<Reading>)> {
    let supplies = Arc::clone(&shard.supplies);
    let config = &supplies.config;
    let opposite = spec.opposite;
    let (codecs, far_side) = shard.with_call(call, now, |call, _, _| {
        let opposite = opposite.and_then(|opposite| call.leg(opposite));
        (codec_order(&spec.codecs, spec.transport, opposite), FarSide::of(opposite))
    })?;
    let (transport, local, readings) = match spec.transport {
        TransportSpec::Webrtc => {
            let sockets = shard.webrtc_sockets().to_vec();
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
            (LegTransport::Webrtc(Box::new(WebrtcLink { transport, sockets })), local, Vec::new())
        }
        TransportSpec::Rtp { advertised, signalled_from } => {
            let (port, [rtp, rtcp], readings) = shard.bind_pair((call, spec.leg), now)?;
            let local = LocalTransport::Rtp { address: advertised, rtp_port: port };
            (LegTransport::Rtp(Box::new(RtpTransport::new(port, rtp, rtcp, signalled_from))), local, readings)
        }
    };
    let media = LocalMedia {
        // Below 2^62, so that the version may rise (RFC 8866 5.2).
        session_id: rand::random::<u64>() >> 2,
        codecs: codecs.clone(),
        transport: local,
        opus_fmtp: opus_wish(far_side, config),
        telephone_event: true,
    };
    let leg = Leg::new(spec.leg, transport, Negotiator::new(media), codecs, &supplies);
    Some((leg, readings))
}

/// One candidate an address; where a 1:1 NAT is in front, with the addresses that it shows.
fn advertised(local: &[SocketAddr], external: &[std::net::IpAddr]) -> Vec<Candidate> {
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
