//! DTLS records and handshake fragments, read as far as the guard must know them
//! (RFC 6347 4.1 and 4.2.2, RFC 9147 section 4). Nothing is decrypted or copied.

const PLAINTEXT_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;

/// The random that makes a DTLS 1.3 ServerHello a HelloRetryRequest (RFC 8446 4.1.3): it asks for
/// another ClientHello and proves nothing.
const HELLO_RETRY_RANDOM: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Handshake types that travel in the clear (RFC 5246 7.4, RFC 6347 4.3.2).
pub(super) mod handshake_type {
    pub(in crate::dtls) const CLIENT_HELLO: u8 = 1;
    pub(in crate::dtls) const SERVER_HELLO: u8 = 2;
    pub(in crate::dtls) const HELLO_VERIFY_REQUEST: u8 = 3;
    pub(in crate::dtls) const CERTIFICATE: u8 = 11;
    pub(in crate::dtls) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(in crate::dtls) const CERTIFICATE_REQUEST: u8 = 13;
    pub(in crate::dtls) const SERVER_HELLO_DONE: u8 = 14;
    pub(in crate::dtls) const CERTIFICATE_VERIFY: u8 = 15;
    pub(in crate::dtls) const CLIENT_KEY_EXCHANGE: u8 = 16;
}

/// One record with its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'d> {
    /// Header and body, as the library wants to see it.
    pub(super) bytes: &'d [u8],
    pub(super) content: Content<'d>,
}

/// What a record holds, as far as one can tell from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'d> {
    /// Plaintext handshake fragments.
    Handshake(&'d [u8]),
    ChangeCipherSpec,
    /// A plaintext alert: anybody can have written it.
    Alert,
    /// Protected by keys; the library can tell a forgery.
    Encrypted,
    /// Plaintext that has no place in a handshake.
    Other,
}

/// One fragment of a plaintext handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment<'d> {
    pub(super) kind: u8,
    /// Length of the whole message.
    pub(super) length: u32,
    pub(super) message_seq: u16,
    pub(super) offset: u32,
    pub(super) body: &'d [u8],
}

/// The records of a datagram; ends where it stops making sense.
pub(super) fn records(datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let length = record_length(rest)?;
        let (bytes, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(Record { bytes, content: content(bytes) })
    })
}

/// The fragments in the body of a plaintext handshake record, or `None` if it is malformed or empty.
pub(super) fn fragments(body: &[u8]) -> Option<Vec<Fragment<'_>>> {
    let mut rest = body;
    let mut found = Vec::with_capacity(1);
    while !rest.is_empty() {
        let (header, after) = rest.split_at_checked(HANDSHAKE_HEADER)?;
        let length = u24(&header[1..4]);
        let offset = u24(&header[6..9]);
        let fragment_length = u24(&header[9..12]);
        if offset + fragment_length > length {
            return None;
        }
        let (body, after) = after.split_at_checked(fragment_length as usize)?;
        let message_seq = u16::from_be_bytes([header[4], header[5]]);
        found.push(Fragment { kind: header[0], length, message_seq, offset, body });
        rest = after;
    }
    (!found.is_empty()).then_some(found)
}

impl Fragment<'_> {
    /// The random of a ClientHello or ServerHello, which follows two bytes of version.
    pub(super) fn hello_random(&self) -> Option<[u8; 32]> {
        if self.offset != 0 {
            return None;
        }
        self.body.get(2..34)?.try_into().ok()
    }

    /// Whether this is the start of a ServerHello that answers a ClientHello for good.
    pub(super) fn is_server_hello(&self) -> bool {
        self.kind == handshake_type::SERVER_HELLO
            && self.hello_random().is_some_and(|random| random != HELLO_RETRY_RANDOM)
    }
}

/// Whether `datagram` holds the start of a ServerHello that is no HelloRetryRequest, or a
/// ClientKeyExchange: what an endpoint sends only after it believed its peer.
pub(super) fn holds_answer(datagram: &[u8]) -> bool {
    let is_answer =
        |part: &Fragment<'_>| part.is_server_hello() || part.kind == handshake_type::CLIENT_KEY_EXCHANGE;
    records(datagram).any(|record| match record.content {
        Content::Handshake(body) => fragments(body).is_some_and(|parts| parts.iter().any(is_answer)),
        _ => false,
    })
}

/// Length of the record that `datagram` begins with, header included.
fn record_length(datagram: &[u8]) -> Option<usize> {
    match *datagram.first()? {
        20..=31 => {
            let header = datagram.get(..PLAINTEXT_HEADER)?;
            Some(PLAINTEXT_HEADER + usize::from(u16::from_be_bytes([header[11], header[12]])))
        }
        // RFC 9147 section 4, unified header 001CSLEE. We never negotiate a connection id (C).
        flags @ 32..=63 if flags & 0x10 == 0 => {
            let length_at = if flags & 0x08 == 0 { 2 } else { 3 };
            if flags & 0x04 == 0 {
                return Some(datagram.len());
            }
            let length = datagram.get(length_at..length_at + 2)?;
            Some(length_at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]])))
        }
        _ => None,
    }
}

/// What kind of record `bytes`, of the right length, are.
fn content(bytes: &[u8]) -> Content<'_> {
    match (bytes[0], &bytes[3.min(bytes.len())..]) {
        (32.., _) => Content::Encrypted,
        (20, [0, 0, ..]) => Content::ChangeCipherSpec,
        (21, [0, 0, ..]) => Content::Alert,
        (22, [0, 0, ..]) => Content::Handshake(&bytes[PLAINTEXT_HEADER..]),
        (_, [0, 0, ..]) => Content::Other,
        _ => Content::Encrypted,
    }
}

fn u24(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]])
}

#[cfg(test)]
pub(crate) mod samples {
    //! Records as an attacker would write them.

    /// A plaintext record of epoch 0.
    pub(crate) fn plaintext(content_type: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![content_type, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, sequence];
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    /// A whole, unfragmented handshake message.
    pub(crate) fn handshake(kind: u8, message_seq: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        let mut message = vec![kind, length[1], length[2], length[3], 0, message_seq, 0, 0, 0];
        message.extend(&length[1..]);
        message.extend(body);
        message
    }

    /// A ClientHello of DTLS 1.2 with one good cipher suite, group, signature and SRTP profile.
    pub(crate) fn client_hello(random: [u8; 32]) -> Vec<u8> {
        let extensions: &[&[u8]] = &[
            &[0, 10, 0, 4, 0, 2, 0, 23],
            &[0, 11, 0, 2, 1, 0],
            &[0, 13, 0, 4, 0, 2, 4, 3],
            &[0, 14, 0, 5, 0, 2, 0, 1, 0],
            &[0, 23, 0, 0],
            &[0xFF, 1, 0, 1, 0],
        ];
        let extensions = extensions.concat();
        let mut body = vec![0xFE, 0xFD];
        body.extend(random);
        body.extend([0, 0, 0, 2, 0xC0, 0x2B, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        plaintext(22, 0, &handshake(1, 0, &body))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::samples::{handshake, plaintext};
    use super::*;

    fn hello(kind: u8, random: [u8; 32]) -> Vec<u8> {
        handshake(kind, 0, &[&[0xFE, 0xFD], random.as_slice(), &[0]].concat())
    }

    #[test]
    fn a_datagram_is_split_into_its_records() {
        let flight = [
            plaintext(22, 0, &hello(2, [9; 32])),
            plaintext(20, 1, &[1]),
            plaintext(21, 2, &[2, 40]),
            plaintext(23, 3, b"data"),
            vec![22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 7, 7],
            vec![0x2E, 0, 1, 0, 3, 1, 2, 3],
            vec![0x22, 1, 5, 5, 5],
        ];
        let datagram = flight.concat();
        let seen: Vec<_> = records(&datagram).collect();
        assert!(matches!(seen[0].content, Content::Handshake(_)));
        let rest: Vec<_> = seen[1..].iter().map(|record| record.content).collect();
        use Content::{Alert, ChangeCipherSpec, Encrypted, Other};
        assert_eq!(rest, [ChangeCipherSpec, Alert, Other, Encrypted, Encrypted, Encrypted]);
        for (record, written) in seen.iter().zip(&flight) {
            assert_eq!(record.bytes, written);
        }
    }

    #[test]
    fn a_record_that_reaches_past_the_datagram_ends_it() {
        let whole = plaintext(22, 0, &hello(1, [1; 32]));
        for end in 0..whole.len() {
            assert_eq!(records(&whole[..end]).count(), 0);
        }
        let connection_id = [0x3E, 0, 1, 0, 3, 1, 2, 3];
        assert_eq!(records(&connection_id).count(), 0);
    }

    #[test]
    fn fragments_tell_type_place_and_random() {
        let mut body = hello(1, [3; 32]);
        body.extend(handshake(14, 1, &[]));
        let found = fragments(&body).expect("two messages");
        assert_eq!((found[0].kind, found[0].message_seq, found[0].hello_random()), (1, 0, Some([3; 32])));
        assert_eq!((found[1].kind, found[1].message_seq, found[1].hello_random()), (14, 1, None));
        let mut later = hello(1, [3; 32]);
        later[3] += 1;
        later[8] = 1;
        assert_eq!(fragments(&later).expect("a later fragment")[0].hello_random(), None);
        later[8] = 2;
        assert_eq!(fragments(&later), None, "reaches past the message");
        assert_eq!(fragments(&[]), None);
    }

    #[test]
    fn a_hello_retry_request_is_no_answer() {
        assert!(holds_answer(&plaintext(22, 0, &hello(2, [9; 32]))));
        assert!(holds_answer(&plaintext(22, 0, &handshake(16, 3, &[1]))));
        assert!(!holds_answer(&plaintext(22, 0, &hello(2, HELLO_RETRY_RANDOM))));
        assert!(!holds_answer(&plaintext(22, 0, &hello(1, [9; 32]))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            first in 18_u8..70,
            datagram in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let datagram = [&[first], datagram.as_slice()].concat();
            let read: usize = records(&datagram).map(|record| record.bytes.len()).sum();
            prop_assert!(read <= datagram.len());
            let _ = (holds_answer(&datagram), fragments(&datagram));
        }
    }
}
