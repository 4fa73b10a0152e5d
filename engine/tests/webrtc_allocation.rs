//! Once a WebRTC transport is ready, no packet of media allocates.

#[path = "support/allocations.rs"]
mod allocations;
#[path = "support/check.rs"]
mod check;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Dtls, Output};
use webtrunk_engine::dtls::DtlsCertificate;
use webtrunk_engine::ice::{RemoteIce, SourceChange};
use webtrunk_engine::leg::webrtc::{DtlsRole, Received, TransportEvent, WebrtcConfig, WebrtcTransport};
use webtrunk_engine::net::demux::{Demux, SourceInserted};
use webtrunk_engine::sdp::{Fingerprint, HashFunction};
use webtrunk_engine::srtp::{ProtectionProfile, SrtpContext};

use allocations::allocations;
use check::check;

#[test]
fn a_ready_transport_does_not_allocate_per_packet() {
    let mut now = Instant::now();
    let (mut transport, mut peer) = connect(now);
    let mut demux = Demux::new();
    assert!(demux.insert_leg(7, transport.local_ufrag()));
    assert_eq!(demux.insert_source(7, peer_address()), SourceInserted::Routed);

    let check = check(transport.local_ufrag(), transport.local_pwd());
    let mut buffer = [0; 1500];
    // The first packet of a stream may make room for it.
    for sequence in 0..200 {
        now += Duration::from_millis(20);
        let before = allocations();
        assert!(demux.route(&check, peer_address()).is_ok());

        let length = write_rtp(&mut buffer, sequence);
        let length = peer.protect_rtp(&mut buffer, length).expect("a packet");
        assert_eq!(demux.route(&buffer[..length], peer_address()).map(|(leg, _)| leg), Ok(7));
        let received = transport.handle_datagram(&mut buffer[..length], peer_address(), local(), now);
        assert!(matches!(received, Ok(Received::Rtp(packet)) if packet.len() == 172));
        assert!(transport.handle_datagram(&mut buffer[..length], peer_address(), local(), now).is_err());

        let length = write_rtp(&mut buffer, sequence);
        let (_, from, to) = transport.protect_rtp(&mut buffer, length).expect("a packet");
        assert_eq!((from, to), (local(), peer_address()));

        let length = write_rtcp(&mut buffer);
        transport.protect_rtcp(&mut buffer, length).expect("a packet");
        let length = write_rtcp(&mut buffer);
        let length = peer.protect_rtcp(&mut buffer, length).expect("a packet");
        let received = transport.handle_datagram(&mut buffer[..length], peer_address(), local(), now);
        assert!(matches!(received, Ok(Received::Rtcp(compound)) if compound.len() == 8));

        assert!(transport.poll_timeout().is_some());
        assert!(transport.poll_transmit().is_none());
        assert!(transport.poll_event().is_none());
        assert_eq!(allocations() - before, 0, "packet {sequence}");
    }
}

/// A ready transport and the context that the peer protects with.
fn connect(now: Instant) -> (WebrtcTransport, SrtpContext) {
    let certificate = Arc::new(DtlsCertificate::generate().expect("works on any machine"));
    let mut transport = WebrtcTransport::new(vec![local()], certificate, WebrtcConfig::default(), now);
    let peer_certificate = dimpl::certificate::generate_self_signed_certificate().expect("works too");
    let fingerprint = Fingerprint::of(HashFunction::Sha256, &peer_certificate.certificate);
    let config = dimpl::Config::builder().use_server_cookie(false).build().expect("a valid configuration");
    let mut peer = Dtls::new_auto(Arc::new(config), peer_certificate, now);
    peer.handle_timeout(now).expect("a fresh endpoint");

    transport
        .set_remote(RemoteIce::new("peer", "password"), vec![fingerprint], DtlsRole::Client, now)
        .expect("the first");
    let mut check = check(transport.local_ufrag(), transport.local_pwd());
    transport.handle_datagram(&mut check, peer_address(), local(), now).expect("a valid check");

    let mut keys = None;
    let mut buffer = vec![0; 8192];
    for _ in 0..20 {
        while let Some(transmit) = transport.poll_transmit() {
            if transmit.payload[0] >= 20 {
                peer.handle_packet(&transmit.payload).expect("a flight");
            }
        }
        loop {
            match peer.poll_output(&mut buffer) {
                Output::Packet(flight) => {
                    let mut flight = flight.to_vec();
                    let _ = transport.handle_datagram(&mut flight, peer_address(), local(), now);
                }
                Output::KeyingMaterial(material, _) => keys = Some(material),
                Output::Timeout(_) => break,
                _ => {}
            }
        }
    }
    let events: Vec<_> = std::iter::from_fn(|| transport.poll_event()).collect();
    let profile = ProtectionProfile::AeadAes256Gcm;
    assert_eq!(
        events,
        [TransportEvent::Source(SourceChange::Added(peer_address())), TransportEvent::Ready { profile }]
    );
    let keys = keys.expect("the handshake is complete");
    let keys = profile.split_keying_material(&keys).expect("of the right length");
    (transport, SrtpContext::new(profile, keys.server.key, keys.server.salt).expect("of the right length"))
}

fn write_rtp(buffer: &mut [u8], sequence: u16) -> usize {
    buffer[..12].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    buffer[2..4].copy_from_slice(&sequence.to_be_bytes());
    buffer[12..172].fill(0x55);
    172
}

fn write_rtcp(buffer: &mut [u8]) -> usize {
    buffer[..8].copy_from_slice(&[0x80, 201, 0, 1, 1, 2, 3, 4]);
    8
}

fn local() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 5000))
}

fn peer_address() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], 6000))
}
