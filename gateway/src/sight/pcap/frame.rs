//! A datagram as it would have been on the wire, from its IP header on (RFC 768, RFC 791, RFC 8200).

use std::net::{IpAddr, SocketAddr};

/// Octets of the headers.
const UDP_HEADER: usize = 8;
const V4_HEADER: usize = 20;

/// The protocol's number (IANA).
const UDP: u8 = 17;

/// How many routers it may pass, as good as any (RFC 1700).
const HOPS: u8 = 64;

/// Most octets of a payload: the length of either header has 16 bits, and that of IPv4 counts itself.
const PAYLOAD_MAX: usize = u16::MAX as usize - UDP_HEADER - V4_HEADER;

/// A datagram from one address to the other, with right checksums; one that is too large for any is cut, and says so
/// at its end. Where the families differ, both are written as IPv6.
#[must_use]
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let payload = fitting(payload);
    let length = u16::try_from(UDP_HEADER + payload.len()).expect("a fitting payload fits");
    let mut segment = Vec::with_capacity(usize::from(length));
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(length.to_be_bytes());
    segment.extend([0, 0]);
    segment.extend(&payload);
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let (from, to) = (from.octets(), to.octets());
            checksum_segment(&mut segment, &from, &to);
            let mut header = [0; V4_HEADER];
            // Version 4, five words.
            header[0] = 0x45;
            header[2..4].copy_from_slice(&(length + V4_HEADER as u16).to_be_bytes());
            // Not to be fragmented: it is one.
            header[6] = 0x40;
            (header[8], header[9]) = (HOPS, UDP);
            header[12..16].copy_from_slice(&from);
            header[16..20].copy_from_slice(&to);
            let sum = !folded(sum_of(&header));
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            [&header[..], &segment].concat()
        }
        (from, to) => {
            let [from, to] = [from, to].map(|ip| match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            });
            checksum_segment(&mut segment, &from, &to);
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([UDP, HOPS]);
            [&header[..], &from, &to, &segment].concat()
        }
    }
}

/// The begin of a datagram of which no more was kept than this: its lengths are those of the whole, and it has no
/// checksum, for that cannot be known any more.
#[must_use]
pub fn udp_begin(from: SocketAddr, to: SocketAddr, kept: &[u8], length: usize) -> Vec<u8> {
    let mut whole = udp(from, to, &vec![0; length.min(PAYLOAD_MAX)]);
    let header = whole.len() - length.min(PAYLOAD_MAX);
    whole[header - 2..header].fill(0);
    whole.truncate(header);
    whole.extend(kept);
    whole
}

/// The payload, or as much of it as a datagram takes, with a note.
fn fitting(payload: &[u8]) -> Vec<u8> {
    if payload.len() <= PAYLOAD_MAX {
        return payload.to_vec();
    }
    let note = format!("\r\n[cut by webtrunk: of {} octets]", payload.len());
    let mut cut = payload[..PAYLOAD_MAX - note.len()].to_vec();
    cut.extend(note.as_bytes());
    cut
}

/// Puts in the checksum of a segment and its pseudo header.
fn checksum_segment(segment: &mut [u8], from: &[u8], to: &[u8]) {
    let length = u32::try_from(segment.len()).expect("a segment is below 64 KiB");
    let sum = sum_of(from) + sum_of(to) + sum_of(segment) + u64::from(length) + u64::from(UDP);
    // Zero would mean that there is none (RFC 768).
    let sum = match !folded(sum) {
        0 => u16::MAX,
        sum => sum,
    };
    segment[6..8].copy_from_slice(&sum.to_be_bytes());
}

/// The sum of all words (RFC 1071).
fn sum_of(octets: &[u8]) -> u64 {
    let word = |pair: &[u8]| u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    octets.chunks(2).map(word).sum()
}

fn folded(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).expect("it was folded into 16 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_checksums_are_those_of_a_frame_that_was_captured() {
        // "hello" from 127.0.0.1:5060 to 127.0.0.1:5061, checksums by hand (RFC 1071).
        let frame = udp(at("127.0.0.1:5060"), at("127.0.0.1:5061"), b"hello");
        let expected = [
            0x45, 0, 0, 33, 0, 0, 0x40, 0, 64, 17, 0x3c, 0xca, 127, 0, 0, 1, 127, 0, 0, 1, 0x13, 0xc4, 0x13,
            0xc5, 0, 13, 0x96, 0x76, b'h', b'e', b'l', b'l', b'o',
        ];
        assert_eq!(frame, expected);
    }

    /// A receiver sums all words, the checksum among them, and gets all ones.
    #[test]
    fn a_receiver_of_either_family_finds_nothing_wrong() {
        for (from, to, header) in [
            ("192.0.2.1:5060", "192.0.2.2:5062", 20),
            ("[2001:db8::1]:5060", "[2001:db8::2]:5062", 40),
            ("[::ffff:192.0.2.1]:5060", "192.0.2.2:5062", 20),
            ("192.0.2.1:5060", "[2001:db8::2]:5062", 40),
        ] {
            for payload in [&b""[..], b"x", b"OPTIONS", &[0xff; 4000]] {
                let frame = udp(at(from), at(to), payload);
                let (ip, segment) = frame.split_at(header);
                let addresses = if header == 20 { &ip[12..20] } else { &ip[8..40] };
                if header == 20 {
                    assert_eq!(folded(sum_of(ip)), u16::MAX);
                    assert_eq!(usize::from(u16::from_be_bytes([ip[2], ip[3]])), frame.len());
                } else {
                    assert_eq!(usize::from(u16::from_be_bytes([ip[4], ip[5]])), segment.len());
                }
                let pseudo = sum_of(addresses) + segment.len() as u64 + 17;
                assert_eq!(folded(pseudo + sum_of(segment)), u16::MAX, "{from} {to}");
                assert_eq!(&segment[8..], payload);
            }
        }
    }

    #[test]
    fn the_begin_of_a_datagram_has_the_lengths_of_the_whole() {
        for (from, to, header) in
            [("192.0.2.1:4000", "192.0.2.2:4002", 20), ("[2001:db8::1]:4000", "[2001:db8::2]:4002", 40)]
        {
            let (whole, begin) =
                (udp(at(from), at(to), &[7; 172]), udp_begin(at(from), at(to), &[7; 12], 172));
            assert_eq!(begin[..header + 6], whole[..header + 6]);
            assert_eq!(begin[header + 6..], [&[0, 0][..], &[7; 12]].concat());
        }
    }

    #[test]
    fn what_no_datagram_takes_is_cut_and_says_so() {
        let frame = udp(at("192.0.2.1:1"), at("192.0.2.2:2"), &vec![b'x'; 70_000]);
        assert_eq!(frame.len(), usize::from(u16::MAX));
        assert!(frame.ends_with(b"x\r\n[cut by webtrunk: of 70000 octets]"));
    }
}
