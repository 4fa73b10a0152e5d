//! The media packets of a call as they are on the wire: of each its begin, or all of it.
//!
//! Made when somebody asks for it, with all the memory that it may take: a packet that is captured allocates nothing, and
//! one of a call that nobody watches costs a comparison. RTP's headers are plain even inside SRTP (RFC 3711 3.1), so they
//! are there for every leg.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureSpec {
    /// Packets at most.
    pub packets_max: usize,
    /// For how long at most.
    pub lasts_max: Duration,
    /// Whether what people say is captured too, and not just the headers.
    pub has_payload: bool,
}

/// What was captured.
#[derive(Debug)]
pub struct Capture {
    spec: CaptureSpec,
    until: Instant,
    packets: Vec<CapturedPacket>,
    octets: Vec<u8>,
    octets_max: usize,
    is_full: bool,
}

/// A packet. Its octets are with the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapturedPacket {
    /// When it came, or was made.
    pub at: Instant,
    /// Who sent it.
    pub from: SocketAddr,
    /// For whom it was.
    pub to: SocketAddr,
    /// How many octets it has.
    pub length: usize,
    begin: usize,
    kept: usize,
}

/// Room for a packet: a header with its extensions, or a packet of G.711 with its headers; most have less.
const HEADER_ROOM: usize = 48;
const PACKET_ROOM: usize = 240;

/// What is kept of an RTCP packet: whose it is (RFC 3550 6.4).
const RTCP_KEPT: usize = 8;

/// The fixed header of RTP (RFC 3550 5.1).
const RTP_HEADER: usize = 12;

impl Capture {
    /// An empty one.
    #[must_use]
    pub fn new(spec: CaptureSpec, now: Instant) -> Self {
        let room = if spec.has_payload { PACKET_ROOM } else { HEADER_ROOM };
        let octets_max = spec.packets_max * room;
        Self {
            spec,
            until: now + spec.lasts_max,
            packets: Vec::with_capacity(spec.packets_max),
            octets: Vec::with_capacity(octets_max),
            octets_max,
            is_full: false,
        }
    }

    /// Whether nothing more is taken.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.is_full || now >= self.until
    }

    /// Takes a datagram, where it is RTP or RTCP (RFC 7983 7).
    pub fn push(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        if !matches!(datagram.first(), Some(128..=191)) || self.is_over(now) {
            return;
        }
        let kept = if self.spec.has_payload { datagram.len() } else { header_length(datagram) };
        if self.packets.len() >= self.spec.packets_max || self.octets.len() + kept > self.octets_max {
            self.is_full = true;
            return;
        }
        let begin = self.octets.len();
        self.octets.extend_from_slice(&datagram[..kept]);
        self.packets.push(CapturedPacket { at: now, from, to, length: datagram.len(), begin, kept });
    }

    /// The packets, each with what was kept of it.
    pub fn packets(&self) -> impl Iterator<Item = (&CapturedPacket, &[u8])> {
        self.packets.iter().map(|packet| (packet, &self.octets[packet.begin..packet.begin + packet.kept]))
    }

    /// Whether there was more than there was room for.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.is_full
    }
}

/// How much of a packet is no media.
fn header_length(packet: &[u8]) -> usize {
    // RTCP has packet types where RTP has marker and payload type (RFC 5761 4).
    let is_rtcp = matches!(packet.get(1), Some(192..=223));
    let (Some(first), false) = (packet.first(), is_rtcp) else { return packet.len().min(RTCP_KEPT) };
    let sources = RTP_HEADER + 4 * usize::from(first & 0x0f);
    let extension = match packet.get(sources + 2..sources + 4) {
        Some(words) if first & 0x10 != 0 => 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]])),
        _ => 0,
    };
    // What a header claims beyond its packet is not there.
    (sources + extension).min(packet.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(packets_max: usize, has_payload: bool) -> CaptureSpec {
        CaptureSpec { packets_max, lasts_max: Duration::from_secs(10), has_payload }
    }

    fn kept(datagram: &[u8], has_payload: bool) -> Option<Vec<u8>> {
        let now = Instant::now();
        let address = "192.0.2.1:4000".parse().expect("an address");
        let mut capture = Capture::new(spec(4, has_payload), now);
        capture.push(now, address, address, datagram);
        capture.packets().next().map(|(packet, octets)| {
            assert_eq!(packet.length, datagram.len());
            octets.to_vec()
        })
    }

    #[test]
    fn of_a_packet_its_header_is_kept_and_nothing_that_anybody_says() {
        let voice = [b's'; 160];
        let plain = [&[0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &voice].concat();
        let extended = [
            &[0x91, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4][..],
            &voice,
        ]
        .concat();
        let report = [&[0x80, 200, 0, 6, 0, 0, 0, 3][..], &[b's'; 20]].concat();
        let lying = [0x9f, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0xff, 0xff];
        for (packet, length) in [(&plain[..], 12), (&extended, 24), (&report, 8), (&lying, 16), (&[0x80], 1)]
        {
            let header = kept(packet, false).expect("it is captured");
            assert_eq!(header, packet[..length]);
            assert!(!header.contains(&b's'));
            assert_eq!(kept(packet, true).expect("it is captured"), packet, "unless it is asked for");
        }
        // Neither a check of ICE nor a handshake is media.
        assert_eq!(kept(&[0, 1, 0, 0], true), None);
        assert_eq!(kept(&[22, 254, 253], true), None);
        assert_eq!(kept(&[], true), None);
    }

    #[test]
    fn a_capture_ends_by_its_time_its_packets_or_its_octets() {
        let (now, address) = (Instant::now(), "192.0.2.1:4000".parse().expect("an address"));
        let packet = [0x80; 12];
        let mut late = Capture::new(spec(4, false), now);
        late.push(now + Duration::from_secs(9), address, address, &packet);
        late.push(now + Duration::from_secs(10), address, address, &packet);
        assert_eq!((late.packets().count(), late.is_full()), (1, false));
        let mut full = Capture::new(spec(4, false), now);
        (0..6).for_each(|_| full.push(now, address, address, &packet));
        assert_eq!((full.packets().count(), full.is_full(), full.is_over(now)), (4, true, true));
        let mut large = Capture::new(spec(4, true), now);
        (0..4).for_each(|_| large.push(now, address, address, &[0x80; 400]));
        assert_eq!((large.packets().count(), large.is_full()), (2, true));
    }
}
