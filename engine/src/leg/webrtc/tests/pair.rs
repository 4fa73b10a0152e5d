//! The gateway's transport and a peer on a wire in virtual time, with losses and an attacker.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use super::super::{DtlsRole, Received, TransportEvent, WebrtcConfig, WebrtcTransport};
use super::peer::Peer;
use super::peer_dtls::Abilities;
use crate::dtls::DtlsCertificate;
use crate::ice::RemoteIce;
use crate::net::demux::DatagramKind;

const LATENCY: Duration = Duration::from_millis(5);

pub(super) static CERTIFICATE: LazyLock<Arc<DtlsCertificate>> =
    LazyLock::new(|| Arc::new(DtlsCertificate::generate().expect("works on any machine")));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    ToGateway,
    ToPeer,
}

/// May change a datagram on the wire; true loses it.
pub(super) type Wire = Box<dyn FnMut(Direction, &mut Vec<u8>) -> bool>;

pub(super) struct Pair {
    pub(super) gateway: WebrtcTransport,
    pub(super) peer: Peer,
    /// Where the network shows the peer at present.
    pub(super) peer_at: SocketAddr,
    pub(super) started_at: Instant,
    pub(super) now: Instant,
    pub(super) events: Vec<TransportEvent>,
    /// What the gateway decrypted.
    pub(super) heard: Vec<Vec<u8>>,
    /// Datagrams that the gateway sent to anybody but the peer.
    pub(super) strays: Vec<(SocketAddr, Vec<u8>)>,
    role: DtlsRole,
    wire: VecDeque<(Instant, Direction, Vec<u8>)>,
    pub(super) lose: Wire,
    attack: Option<Attack>,
}

/// Forged datagrams at a steady rate.
struct Attack {
    from: SocketAddr,
    interval: Duration,
    next_at: Instant,
    forge: Box<dyn FnMut() -> Vec<u8>>,
}

pub(super) fn gateway_address() -> SocketAddr {
    SocketAddr::from(([10, 99, 0, 1], 5000))
}

pub(super) fn peer_address() -> SocketAddr {
    SocketAddr::from(([10, 99, 0, 2], 6000))
}

impl Pair {
    /// Both exist; neither knows the other.
    pub(super) fn strangers(abilities: Abilities) -> Self {
        let now = Instant::now();
        let role = abilities.gateway_role;
        Self {
            gateway: WebrtcTransport::new(
                vec![gateway_address()],
                Arc::clone(&CERTIFICATE),
                WebrtcConfig::default(),
                now,
            ),
            peer: Peer::new(peer_address(), gateway_address(), &abilities, now),
            peer_at: peer_address(),
            started_at: now,
            now,
            events: Vec::new(),
            heard: Vec::new(),
            strays: Vec::new(),
            role,
            wire: VecDeque::new(),
            lose: Box::new(|_, _| false),
            attack: None,
        }
    }

    /// Both have each other's description and begin.
    pub(super) fn introduced(abilities: Abilities) -> Self {
        let mut pair = Self::strangers(abilities);
        pair.describe_peer();
        pair.peer.start(&pair.gateway, pair.now);
        pair
    }

    /// Media can flow.
    pub(super) fn connected(abilities: Abilities) -> Self {
        let mut pair = Self::introduced(abilities);
        pair.run_until_ready();
        pair
    }

    pub(super) fn describe_peer(&mut self) {
        let (ufrag, password) = self.peer.credentials();
        let fingerprints = vec![self.peer.fingerprint()];
        self.gateway
            .set_remote(RemoteIce::new(&ufrag, &password), fingerprints, self.role, self.now)
            .expect("a good description");
    }

    /// The peer takes new ICE credentials, and both have each other's.
    pub(super) fn restart_peer(&mut self) {
        self.peer.restart(self.now);
        self.describe_peer();
        self.peer.start(&self.gateway, self.now);
    }

    pub(super) fn attack(
        &mut self,
        from: SocketAddr,
        interval: Duration,
        forge: impl FnMut() -> Vec<u8> + 'static,
    ) {
        self.attack = Some(Attack { from, interval, next_at: self.now, forge: Box::new(forge) });
    }

    pub(super) fn is_ready(&self) -> bool {
        self.gateway.is_ready() && self.peer.is_ready()
    }

    pub(super) fn run_until_ready(&mut self) {
        self.run_until(Duration::from_secs(15), Self::is_ready);
        assert!(self.is_ready(), "{:?} after {:?}: {:?}", self.gateway, self.elapsed(), self.events);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.started_at
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    pub(super) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        loop {
            self.collect();
            if done(self) {
                return;
            }
            let attack = self.attack.as_ref().map(|attack| attack.next_at);
            let arrival = self.wire.iter().map(|(at, ..)| *at).min();
            let timers = self.gateway.poll_timeout().into_iter().chain(self.peer.poll_timeout());
            let next = timers.chain(attack).chain(arrival).min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            // A timer that is due already must not stop the clock.
            self.now = next.max(self.now + Duration::from_micros(1));
            self.deliver();
            self.forge();
            self.gateway.handle_timeout(self.now);
            self.peer.handle_timeout(self.now);
        }
    }

    /// Hands the gateway a datagram, as if it came from `from`.
    pub(super) fn inject(&mut self, from: SocketAddr, mut datagram: Vec<u8>) {
        match self.gateway.handle_datagram(&mut datagram, from, gateway_address(), self.now) {
            Ok(Received::Rtp(packet) | Received::Rtcp(packet)) => self.heard.push(packet.to_vec()),
            Ok(Received::Control) | Err(_) => {}
        }
    }

    /// Sends a packet as the gateway's leg would.
    pub(super) fn gateway_says(&mut self, packet: &[u8]) {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + 32, 0);
        let is_rtcp = DatagramKind::of(packet) == Some(DatagramKind::Rtcp);
        let protected = if is_rtcp {
            self.gateway.protect_rtcp(&mut buffer, packet.len())
        } else {
            self.gateway.protect_rtp(&mut buffer, packet.len())
        };
        let (length, local, to) = protected.expect("a ready transport");
        assert_eq!(local, gateway_address());
        buffer.truncate(length);
        if to == self.peer_at {
            self.wire.push_back((self.now + LATENCY, Direction::ToPeer, buffer));
        } else {
            self.strays.push((to, buffer));
        }
    }

    fn collect(&mut self) {
        while let Some(transmit) = self.gateway.poll_transmit() {
            assert_eq!(transmit.local, gateway_address());
            if transmit.to == self.peer_at {
                self.send(Direction::ToPeer, transmit.payload);
            } else {
                self.strays.push((transmit.to, transmit.payload));
            }
        }
        while let Some(event) = self.gateway.poll_event() {
            self.events.push(event);
        }
        for datagram in self.peer.take_outgoing() {
            self.send(Direction::ToGateway, datagram);
        }
    }

    fn send(&mut self, direction: Direction, mut datagram: Vec<u8>) {
        if !(self.lose)(direction, &mut datagram) {
            self.wire.push_back((self.now + LATENCY, direction, datagram));
        }
    }

    fn deliver(&mut self) {
        while let Some(index) = self.wire.iter().position(|(at, ..)| *at <= self.now) {
            let (_, direction, datagram) = self.wire.remove(index).expect("just found");
            match direction {
                Direction::ToGateway => self.inject(self.peer_at, datagram),
                Direction::ToPeer => self.peer.handle_datagram(&datagram, self.now),
            }
        }
    }

    fn forge(&mut self) {
        let now = self.now;
        let mut forged = Vec::new();
        if let Some(attack) = &mut self.attack {
            while attack.next_at <= now {
                attack.next_at += attack.interval;
                forged.push((attack.from, (attack.forge)()));
            }
        }
        for (from, datagram) in forged {
            self.inject(from, datagram);
        }
    }
}

/// An RTP packet with a payload of its own.
pub(super) fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend(u32::from(sequence).wrapping_mul(160).to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    packet.extend([sequence as u8; 160]);
    packet
}

/// An empty receiver report.
pub(super) fn rtcp() -> Vec<u8> {
    vec![0x80, 201, 0, 1, 0x12, 0x34, 0x56, 0x78]
}
