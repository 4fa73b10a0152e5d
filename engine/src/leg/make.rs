//! Makes legs on sockets that somebody else reads and writes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
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
        let described = LocalTransport::Webrtc {
            ufrag: transport.local_ufrag().to_owned(),
            pwd: transport.local_pwd().to_owned(),
            fingerprint: supplies.certificate.fingerprint(),
            candidates: advertised(&local, &streams, &config.webrtc_external_addresses),
            ice_lite: true,
        };
        let transport = LegTransport::Webrtc(Box::new(WebrtcLink { transport, sockets, own: None }));
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

/// One candidate an address; where a 1:1 NAT is in front, with the addresses that it shows. Of a family
/// of which it shows none, there is no NAT.
fn advertised(local: &[SocketAddr], streams: &[SocketAddr], external: &[IpAddr]) -> Vec<Candidate> {
    // The first is preferred: 65535 is the highest local preference (RFC 8445 5.1.2.1).
    let udp = (0..=u16::MAX).rev().zip(shown(local, external));
    let udp = udp.map(|(preference, address)| Candidate::host(address, preference));
    let tcp = (0..=TCP_PREFERENCE_MAX).rev().zip(shown(streams, external));
    let tcp = tcp.map(|(preference, address)| Candidate::tcp_passive(address, preference));
    udp.chain(tcp).collect()
}

/// The addresses by which ours are seen.
fn shown(local: &[SocketAddr], external: &[IpAddr]) -> impl Iterator<Item = SocketAddr> {
    [true, false].into_iter().flat_map(move |is_v4| {
        let local: Vec<_> = local.iter().copied().filter(|address| address.is_ipv4() == is_v4).collect();
        let port = local.first().map(SocketAddr::port);
        let external = external.iter().filter(|ip| ip.is_ipv4() == is_v4);
        let external: Vec<_> = external.filter_map(|ip| Some(SocketAddr::new(*ip, port?))).collect();
        if external.is_empty() { local } else { external }
    })
}

/// Thirteen bits are left beside the direction (RFC 6544 4.2).
const TCP_PREFERENCE_MAX: u16 = (1 << 13) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_is_told_by_its_external_addresses_or_its_own() {
        let (ours4, ours6) = ("10.0.0.1:10000", "[2001:db8::1]:10000");
        for (local, external, expected) in [
            (&[ours4, ours6][..], &[][..], &[ours4, ours6][..]),
            (&[ours4, ours6], &["203.0.113.5"], &["203.0.113.5:10000", ours6]),
            (
                &[ours4],
                &["203.0.113.5", "203.0.113.6", "2001:db8::5"],
                &["203.0.113.5:10000", "203.0.113.6:10000"],
            ),
            (
                &[ours6, ours4],
                &["2001:db8::5", "2001:db8::6"],
                &[ours4, "[2001:db8::5]:10000", "[2001:db8::6]:10000"],
            ),
            (&[], &["203.0.113.5"], &[]),
        ] {
            let local: Vec<_> = local.iter().map(|text| text.parse().expect("an address")).collect();
            let external: Vec<_> = external.iter().map(|text| text.parse().expect("an address")).collect();
            let candidates = advertised(&local, &[], &external);
            let told: Vec<_> =
                candidates.iter().filter_map(Candidate::address).map(|it| it.to_string()).collect();
            assert_eq!(told, expected, "{local:?} behind {external:?}");
            assert!(candidates.is_sorted_by(|one, next| one.priority > next.priority), "best first");
        }
    }
    #[test]
    fn streams_come_after_datagrams_and_are_told_by_external_addresses_too() {
        let parse = |text: &str| text.parse().expect("an address");
        let (udp, tcp) = (parse("10.0.0.1:10000"), parse("10.0.0.1:443"));
        let external = "203.0.113.5".parse().expect("an address");
        let told =
            advertised(&[udp], &[tcp], &[external]).iter().map(Candidate::to_string).collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                "candidate:H65535 1 udp 2130706431 203.0.113.5 10000 typ host",
                "candidate:T8191 1 tcp 1520435199 203.0.113.5 443 typ host tcptype passive",
            ]
        );
    }
}
