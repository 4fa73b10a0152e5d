//! STUN on a SIP port, by which a client keeps its NAT open and sees that its flow still leads here
//! (RFC 5626 3.5.2, 4.4.2; RFC 8489).
//!
//! A Binding request is told where it came from, and nothing else is answered. Anybody may ask under a
//! forged address: an answer is 32 or 44 octets for 20 at least, 60 for 48 on an IPv4 wire (1.25 times) and
//! 92 for 68 on an IPv6 one (1.36 times). A refusal adds four octets at most.

use std::net::{IpAddr, SocketAddr};

/// The magic cookie, by which STUN is told from SIP, whose messages begin with a letter.
const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const BINDING_ERROR: [u8; 2] = [0x01, 0x11];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
const ERROR_CODE: [u8; 2] = [0x00, 0x09];

/// Whether a datagram is STUN rather than SIP.
pub(super) fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] < 4 && datagram[4..8] == COOKIE
}

/// The answer to a Binding request from `source`; `None` for all else that [`is_stun`].
pub(super) fn answer(datagram: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = datagram.split_at_checked(HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST || length != attributes.len() {
        return None;
    }
    if asks_for_more(attributes)? {
        // 420 (Unknown Attribute); what a keep-alive has no use for is not spelled out.
        let error = [&ERROR_CODE[..], &[0, 4, 0, 0, 4, 20]].concat();
        return Some(message(BINDING_ERROR, header, &error));
    }
    Some(message(BINDING_SUCCESS, header, &mapped_address(source, header)))
}

/// A Binding request of ours.
pub(super) fn binding_request(transaction: [u8; 12]) -> Vec<u8> {
    [&BINDING_REQUEST[..], &[0, 0], &COOKIE, &transaction].concat()
}

/// The transaction that a datagram answers which [`is_stun`]; a refusal is a sign of life as well.
pub(super) fn answered(datagram: &[u8]) -> Option<[u8; 12]> {
    let header = datagram.get(..HEADER)?;
    let is_answer = header[..2] == BINDING_SUCCESS || header[..2] == BINDING_ERROR;
    is_answer.then(|| header[8..].try_into().expect("a header has twenty octets"))
}

/// Whether an attribute has to be understood by whoever answers (RFC 8489 14); `None` where they are broken.
fn asks_for_more(mut attributes: &[u8]) -> Option<bool> {
    let mut asks = false;
    while let [kind, _, high, low, rest @ ..] = attributes {
        let padded = usize::from(u16::from_be_bytes([*high, *low])).next_multiple_of(4);
        asks |= *kind < 0x80;
        attributes = rest.get(padded..)?;
    }
    attributes.is_empty().then_some(asks)
}

/// RFC 8489 14.2.
fn mapped_address(source: SocketAddr, header: &[u8]) -> Vec<u8> {
    let ip = source.ip().to_canonical();
    let (family, octets) = match ip {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let length = if family == 1 { 8 } else { 20 };
    let port = source.port().to_be_bytes();
    let mut attribute = [&XOR_MAPPED_ADDRESS[..], &[0, length, 0, family]].concat();
    attribute.extend(port.iter().zip(COOKIE).map(|(octet, mask)| octet ^ mask));
    // Cookie and transaction are the mask.
    attribute.extend(octets.iter().zip(&header[4..]).map(|(octet, mask)| octet ^ mask));
    attribute
}

fn message(kind: [u8; 2], request: &[u8], attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap_or_default().to_be_bytes();
    [&kind[..], &length, &request[4..HEADER], attributes].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The transaction of RFC 5769.
    const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[u8]) -> Vec<u8> {
        let header = [&BINDING_REQUEST[..], &[0, 0], &COOKIE, &TRANSACTION].concat();
        message(BINDING_REQUEST, &header, attributes)
    }

    fn source(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// The addresses of RFC 5769 2.2 and 2.3.
    #[test]
    fn a_client_is_told_where_it_came_from() {
        let v4 = answer(&request(&[]), source("192.0.2.1:32853")).expect("an answer");
        assert_eq!(v4[..8], [&[1, 1, 0, 12][..], &COOKIE].concat());
        assert_eq!(v4[8..20], TRANSACTION);
        assert_eq!(v4[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let address = source("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
        let v6 = answer(&request(&[]), address).expect("an answer");
        assert_eq!(v6[20..28], [0, 0x20, 0, 20, 0, 2, 0xa1, 0x47]);
        assert_eq!(
            v6[28..],
            [1, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9]
        );
        let mapped = answer(&request(&[]), source("[::ffff:192.0.2.1]:32853"));
        assert_eq!(mapped, Some(v4), "an IPv4 address is one, whatever the socket");
    }

    #[test]
    fn what_may_be_passed_over_is_and_what_must_be_understood_is_refused() {
        let software = [0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
        let told = answer(&request(&software), source("192.0.2.1:1")).expect("an answer");
        assert_eq!(told[..2], BINDING_SUCCESS);
        let change_request = [0, 3, 0, 4, 0, 0, 0, 6];
        let refusal = answer(&request(&change_request), source("192.0.2.1:1")).expect("an answer");
        assert_eq!(refusal[..4], [1, 0x11, 0, 8]);
        assert_eq!(refusal[20..], [0, 9, 0, 4, 0, 0, 4, 20]);
    }

    #[test]
    fn nothing_but_a_binding_request_is_answered() {
        let good = request(&[]);
        assert!(is_stun(&good));
        assert!(!is_stun(b"OPTIONS sip:a@b SIP/2.0\r\n") && !is_stun(&good[..19]) && !is_stun(&[0; 40]));
        let from = source("192.0.2.1:1");
        let success = answer(&good, from).expect("an answer");
        assert_eq!(answer(&success, from), None, "or two of us would talk for ever");
        assert_eq!(answer(&[good.clone(), vec![0]].concat(), from), None);
        assert_eq!(answer(&request(&[0x80, 0x22, 0, 9, 0, 0, 0, 0]), from), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_the_answer_is_hardly_longer(
            attributes in prop::collection::vec(any::<u8>(), 0..64),
            is_v6: bool,
        ) {
            let from = source(if is_v6 { "[2001:db8::1]:5060" } else { "192.0.2.1:5060" });
            let headers = if is_v6 { 48 } else { 28 };
            let asked = request(&attributes);
            if let Some(answer) = answer(&asked, from) {
                let (sent, got) = (answer.len() + headers, asked.len() + headers);
                prop_assert!(sent * 100 <= got * 136, "{sent} octets for {got}");
            }
        }
    }
}
