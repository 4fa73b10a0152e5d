//! The client's last flight of DTLS 1.2, kept together.
//!
//! Its plaintext messages (Certificate, ClientKeyExchange, CertificateVerify) can be forged one by
//! one, and the library takes the first of each. So a server's endpoint gets them only together with
//! the encrypted Finished that ends the flight. Most clients send one datagram, which then counts as
//! it is; of others the pieces are collected, whoever wrote them.

use super::record::handshake_type::CLIENT_KEY_EXCHANGE;
use super::record::{Content, Record, fragments};

/// Records of a flight that was split over datagrams; six is one of each, the rest for repetitions.
const RECORDS_MAX: usize = 12;

/// What has come of a flight.
#[derive(Debug, Default)]
pub(super) struct ClientFlight {
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    KeyExchange,
    Finished,
    Other,
}

impl ClientFlight {
    /// Takes the records of one datagram; returns what the endpoint is to see now, in order.
    pub(super) fn offer(&mut self, records: &[Record<'_>]) -> Vec<Vec<u8>> {
        let offered: Vec<Held> = records.iter().map(Held::new).collect();
        if is_complete(&offered) {
            self.held.clear();
            return bytes(offered);
        }
        self.held.extend(offered);
        let surplus = self.held.len().saturating_sub(RECORDS_MAX);
        self.held.drain(..surplus);
        if is_complete(&self.held) { bytes(std::mem::take(&mut self.held)) } else { Vec::new() }
    }
}

impl Held {
    fn new(record: &Record<'_>) -> Self {
        let is_key_exchange = |body| {
            fragments(body)
                .is_some_and(|fragments| fragments.iter().any(|part| part.kind == CLIENT_KEY_EXCHANGE))
        };
        let part = match record.content {
            Content::Encrypted => Part::Finished,
            Content::Handshake(body) if is_key_exchange(body) => Part::KeyExchange,
            _ => Part::Other,
        };
        Self { bytes: record.bytes.to_vec(), part }
    }
}

fn is_complete(flight: &[Held]) -> bool {
    let has = |part| flight.iter().any(|held| held.part == part);
    has(Part::KeyExchange) && has(Part::Finished)
}

fn bytes(flight: Vec<Held>) -> Vec<Vec<u8>> {
    flight.into_iter().map(|held| held.bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::records;
    use super::super::record::samples::{handshake, plaintext};
    use super::*;

    fn parts() -> [Vec<u8>; 5] {
        [
            plaintext(22, 1, &handshake(11, 2, &[0, 0, 0])),
            plaintext(22, 2, &handshake(16, 3, &[1])),
            plaintext(22, 3, &handshake(15, 4, &[1])),
            plaintext(20, 4, &[1]),
            vec![22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7],
        ]
    }

    fn offer(flight: &mut ClientFlight, datagram: &[u8]) -> Vec<Vec<u8>> {
        flight.offer(&records(datagram).collect::<Vec<_>>())
    }

    #[test]
    fn a_flight_in_one_datagram_passes_alone() {
        let mut flight = ClientFlight::default();
        let forged = plaintext(22, 9, &handshake(11, 2, &[0, 0, 1, 9]));
        assert!(offer(&mut flight, &forged).is_empty());
        assert_eq!(offer(&mut flight, &parts().concat()), parts(), "without the forgery");
        assert_eq!(offer(&mut flight, &parts().concat()), parts(), "and again when it is repeated");
    }

    #[test]
    fn a_flight_in_pieces_passes_when_it_is_complete() {
        let mut flight = ClientFlight::default();
        let [head @ .., last] = parts();
        for piece in &head {
            assert!(offer(&mut flight, piece).is_empty());
        }
        assert_eq!(offer(&mut flight, &last), parts());
    }

    #[test]
    fn what_never_completes_does_not_pile_up() {
        let mut flight = ClientFlight::default();
        let forged = plaintext(22, 9, &handshake(11, 2, &[0, 0, 1, 9]));
        for _ in 0..100 {
            assert!(offer(&mut flight, &forged).is_empty());
        }
        assert_eq!(flight.held.len(), RECORDS_MAX);
    }
}
