//! One message as a packet of chunks, each with vendor, type and length.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use webtrunk_signalling::sip::trace::{Direction, Seen};

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its number at the collector.
    pub id: u32,
    /// What proves it; `None` where the collector asks for nothing.
    pub password: Option<String>,
}

/// Types of chunks (vendor 0).
const IP_FAMILY: u16 = 1;
const IP_PROTOCOL: u16 = 2;
const V4_SOURCE: u16 = 3;
const V4_DESTINATION: u16 = 4;
const V6_SOURCE: u16 = 5;
const V6_DESTINATION: u16 = 6;
const SOURCE_PORT: u16 = 7;
const DESTINATION_PORT: u16 = 8;
const SECONDS: u16 = 9;
const MICROSECONDS: u16 = 10;
const PAYLOAD_KIND: u16 = 11;
const AGENT_ID: u16 = 12;
const PASSWORD: u16 = 14;
const PAYLOAD: u16 = 15;
const CORRELATION_ID: u16 = 17;

/// Families as the packets have them, those of sockets on Linux.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 10;

/// Transports by IANA's numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The kind of payload that is SIP.
const SIP: u8 = 1;

/// What stands before the chunks, and before each one's content.
const HEADER: usize = 6;
const CHUNK_HEADER: usize = 6;

/// What a datagram takes at most, by IPv4.
const PACKET_MAX: usize = 65_507;

/// The packet of a message; one that is too large for a datagram is cut at its end.
#[must_use]
pub fn packet(agent: &Agent, seen: &Seen) -> Vec<u8> {
    let mut out = Vec::with_capacity(seen.octets.len() + 256);
    out.extend(b"HEP3\0\0");
    let (from, to) = match seen.direction {
        Direction::In => (seen.remote, seen.local),
        Direction::Out => (seen.local, seen.remote),
    };
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            chunk(&mut out, IP_FAMILY, &[FAMILY_V4]);
            chunk(&mut out, V4_SOURCE, &source.octets());
            chunk(&mut out, V4_DESTINATION, &destination.octets());
        }
        (source, destination) => {
            let [source, destination] = [source, destination].map(|ip| match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            });
            chunk(&mut out, IP_FAMILY, &[FAMILY_V6]);
            chunk(&mut out, V6_SOURCE, &source.octets());
            chunk(&mut out, V6_DESTINATION, &destination.octets());
        }
    }
    chunk(&mut out, IP_PROTOCOL, &[if seen.kind.is_reliable() { TCP } else { UDP }]);
    chunk(&mut out, SOURCE_PORT, &from.port().to_be_bytes());
    chunk(&mut out, DESTINATION_PORT, &to.port().to_be_bytes());
    let at = seen.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    chunk(&mut out, SECONDS, &u32::try_from(at.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
    chunk(&mut out, MICROSECONDS, &at.subsec_micros().to_be_bytes());
    chunk(&mut out, PAYLOAD_KIND, &[SIP]);
    chunk(&mut out, AGENT_ID, &agent.id.to_be_bytes());
    if let Some(password) = &agent.password {
        chunk(&mut out, PASSWORD, password.as_bytes());
    }
    chunk(&mut out, CORRELATION_ID, seen.call_id.as_bytes());
    let room = PACKET_MAX - out.len() - CHUNK_HEADER;
    chunk(&mut out, PAYLOAD, &seen.octets[..seen.octets.len().min(room)]);
    let length = u16::try_from(out.len()).expect("it fits into a datagram");
    out[HEADER - 2..HEADER].copy_from_slice(&length.to_be_bytes());
    out
}

/// Adds a chunk of the vendor that everybody knows.
fn chunk(out: &mut Vec<u8>, kind: u16, content: &[u8]) {
    let length = u16::try_from(CHUNK_HEADER + content.len()).expect("a chunk fits into a datagram");
    out.extend([0, 0]);
    out.extend(kind.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(content);
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::super::super::sample::{call, places};
    use super::*;

    /// What a collector reads, by the specification alone.
    fn chunks(packet: &[u8]) -> HashMap<u16, Vec<u8>> {
        assert_eq!(&packet[..4], b"HEP3");
        assert_eq!(usize::from(u16::from_be_bytes([packet[4], packet[5]])), packet.len());
        let (mut found, mut rest) = (HashMap::new(), &packet[6..]);
        while !rest.is_empty() {
            let word = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
            assert_eq!(word(0), 0, "the vendor");
            let (kind, length) = (word(2), usize::from(word(4)));
            assert!(found.insert(kind, rest[6..length].to_vec()).is_none(), "{kind} is there once");
            rest = &rest[length..];
        }
        found
    }

    #[test]
    fn a_collector_reads_who_sent_what_to_whom_and_when() {
        for (family, places) in [2, 10].into_iter().zip(places()) {
            let trace = call(&places);
            let agent = Agent { id: 7, password: Some("homer".to_owned()) };
            for seen in &trace.messages {
                let read = chunks(&packet(&agent, seen));
                let number =
                    |kind: u16| read[&kind].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
                let (from, to) = match seen.direction {
                    Direction::In => (seen.remote, seen.local),
                    Direction::Out => (seen.local, seen.remote),
                };
                let [source, destination]: [IpAddr; 2] = if family == 2 {
                    [3, 4].map(|kind| {
                        Ipv4Addr::from(<[u8; 4]>::try_from(&*read[&kind]).expect("four octets")).into()
                    })
                } else {
                    [5, 6].map(|kind| {
                        Ipv6Addr::from(<[u8; 16]>::try_from(&*read[&kind]).expect("16 octets")).into()
                    })
                };
                assert_eq!((source, destination), (from.ip(), to.ip()));
                assert_eq!((number(7), number(8)), (from.port().into(), to.port().into()));
                assert_eq!(
                    (number(1), number(2)),
                    (family, if seen.remote == places.phone { 17 } else { 6 })
                );
                let since = seen.at.duration_since(UNIX_EPOCH).unwrap_or_default();
                assert_eq!((number(9), number(10)), (since.as_secs(), since.subsec_micros().into()));
                assert_eq!((number(11), number(12)), (1, 7));
                assert_eq!(read[&14], b"homer");
                assert_eq!(read[&17], seen.call_id.as_bytes());
                assert_eq!(read[&15], *seen.octets);
                assert!(!read[&15].windows(6).any(|window| window == b"S3cr3t"));
            }
        }
    }

    #[test]
    fn what_is_too_large_for_a_datagram_is_cut() {
        let [v4, _] = places();
        let mut seen = Seen::clone(&call(&v4).messages[0]);
        seen.octets = vec![b'x'; 65_536].into();
        let sent = packet(&Agent { id: 1, password: None }, &seen);
        assert_eq!(sent.len(), PACKET_MAX);
        assert!(!chunks(&sent).contains_key(&14));
    }
}
