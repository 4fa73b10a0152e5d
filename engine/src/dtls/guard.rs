//! Which records of a stranger an endpoint gets to see.
//!
//! Anyone who can spoof the peer's address can write plaintext records, and one that does not fit
//! kills the library's endpoint; so does, in DTLS 1.2, ciphertext that it tries to read before the
//! peer's Finished. So each role admits only what its peer sends where the handshake stands:
//!
//! ```text
//! Greeting --- HelloVerifyRequest, believed ---> Verified
//!     |                                              |
//!     +----------------- ServerHello ----------------+---> Negotiating --- our ClientKeyExchange ---> Finishing
//!                                                               |
//!                                                               `--- version 1.3 ---> Protected
//! ```
//!
//! Plaintext alerts are admitted nowhere: a handshake that truly failed runs into its deadline.

use super::record::handshake_type::{
    CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, CLIENT_HELLO, CLIENT_KEY_EXCHANGE,
    HELLO_VERIFY_REQUEST, SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE,
};
use super::record::{Content, Fragment, Record, fragments};

/// What a client may see now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientGuard {
    /// Our ClientHello is out.
    Greeting,
    /// Our ClientHello with the server's cookie is out.
    Verified,
    /// The server has answered; the rest of its plaintext may come.
    Negotiating,
    /// DTLS 1.2: ChangeCipherSpec and Finished are left.
    Finishing,
    /// DTLS 1.3: all that is left is encrypted, and forgeries are harmless.
    Protected,
}

/// What a client does with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientVerdict {
    /// Feed it.
    Admit,
    /// Too early, but unforgeable: feed it after the ServerHello.
    HoldForServerHello,
    /// It may be forged: feed it if nothing better comes in a while.
    Doubt,
    /// Forget it.
    Drop,
}

/// What a server does with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerVerdict<'d> {
    /// Part of a ClientHello.
    ClientHello(Fragment<'d>),
    /// For endpoints whose peer has proven that it hears us.
    Answered,
    /// Forget it.
    Drop,
}

impl ClientGuard {
    /// Judges a record and moves on with it. `ends_flight` says that its datagram holds both
    /// ChangeCipherSpec and Finished, as a flight's only datagram does.
    pub(super) fn judge(&mut self, record: &Record<'_>, ends_flight: bool) -> ClientVerdict {
        match (&record.content, *self) {
            (Content::Handshake(body), _) => self.judge_handshake(body),
            (Content::ChangeCipherSpec | Content::Encrypted, Self::Finishing) if ends_flight => {
                ClientVerdict::Admit
            }
            (Content::ChangeCipherSpec | Content::Encrypted, Self::Finishing) => ClientVerdict::Doubt,
            (Content::Encrypted, Self::Protected) => ClientVerdict::Admit,
            (Content::Encrypted, Self::Greeting | Self::Verified) => ClientVerdict::HoldForServerHello,
            (Content::ChangeCipherSpec | Content::Encrypted | Content::Alert | Content::Other, _) => {
                ClientVerdict::Drop
            }
        }
    }

    /// The client gave the server's HelloVerifyRequest to its endpoint.
    pub(super) fn on_hello_verified(&mut self) {
        *self = Self::Verified;
    }

    /// The endpoint needs no more plaintext of the server's.
    pub(super) fn on_plaintext_complete(&mut self, is_dtls13: bool) {
        *self = if is_dtls13 { Self::Protected } else { Self::Finishing };
    }

    fn judge_handshake(&mut self, body: &[u8]) -> ClientVerdict {
        let Some(fragments) = fragments(body) else { return ClientVerdict::Drop };
        let fits = fragments.iter().all(|fragment| server_sends(fragment.kind));
        let [first, rest @ ..] = fragments.as_slice() else { return ClientVerdict::Drop };
        match *self {
            Self::Greeting if first.kind == HELLO_VERIFY_REQUEST && rest.is_empty() => ClientVerdict::Doubt,
            Self::Greeting | Self::Verified if fits && first.is_server_hello() => {
                *self = Self::Negotiating;
                ClientVerdict::Admit
            }
            // A HelloRetryRequest: the ServerHello is still to come.
            Self::Greeting | Self::Verified
                if first.kind == SERVER_HELLO && first.offset == 0 && rest.is_empty() =>
            {
                ClientVerdict::Admit
            }
            Self::Negotiating if fits => ClientVerdict::Admit,
            Self::Greeting | Self::Verified | Self::Negotiating | Self::Finishing | Self::Protected => {
                ClientVerdict::Drop
            }
        }
    }
}

/// Judges a record that came to a server.
pub(super) fn judge_as_server<'d>(record: &Record<'d>) -> ServerVerdict<'d> {
    match record.content {
        Content::Encrypted | Content::ChangeCipherSpec => ServerVerdict::Answered,
        Content::Alert | Content::Other => ServerVerdict::Drop,
        Content::Handshake(body) => match fragments(body).as_deref() {
            Some([hello]) if hello.kind == CLIENT_HELLO => ServerVerdict::ClientHello(*hello),
            Some(fragments) if fragments.iter().all(|fragment| client_sends(fragment.kind)) => {
                ServerVerdict::Answered
            }
            _ => ServerVerdict::Drop,
        },
    }
}

/// Whether the endpoint of a complete handshake sees the record: what is encrypted and, as a server
/// of DTLS 1.2, the client's repeated last flight, which asks for ours again (RFC 6347 4.2.4).
pub(super) fn admits_when_established(record: &Record<'_>, repeats_plaintext: bool) -> bool {
    match record.content {
        Content::Encrypted => true,
        Content::Handshake(body) => {
            repeats_plaintext
                && fragments(body)
                    .is_some_and(|fragments| fragments.iter().all(|part| client_sends(part.kind)))
        }
        Content::ChangeCipherSpec | Content::Alert | Content::Other => false,
    }
}

fn server_sends(kind: u8) -> bool {
    [SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE].contains(&kind)
}

/// After the ClientHello.
fn client_sends(kind: u8) -> bool {
    [CERTIFICATE, CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::super::record::records;
    use super::super::record::samples::{handshake, plaintext};
    use super::*;

    fn inputs() -> Vec<(&'static str, Vec<u8>)> {
        let hello = [&[0xFE, 0xFD], [9; 32].as_slice(), &[0]].concat();
        let mut retry = hello.clone();
        retry[2..34].copy_from_slice(&[
            0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
            0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
        ]);
        let message = |kind, body: &[u8]| plaintext(22, 0, &handshake(kind, 0, body));
        vec![
            ("ClientHello", message(1, &hello)),
            ("ServerHello", message(2, &hello)),
            ("HelloRetryRequest", message(2, &retry)),
            ("HelloVerifyRequest", message(3, &[0xFE, 0xFF, 1, 7])),
            ("Certificate", message(11, &[0, 0, 0])),
            ("ServerKeyExchange", message(12, &[3])),
            ("CertificateRequest", message(13, &[1])),
            ("ServerHelloDone", message(14, &[])),
            ("CertificateVerify", message(15, &[1])),
            ("ClientKeyExchange", message(16, &[1])),
            ("Finished in the clear", message(20, &[1])),
            (
                "ServerHello and Finished",
                plaintext(22, 0, &[handshake(2, 0, &hello), handshake(20, 1, &[1])].concat()),
            ),
            ("garbled handshake", plaintext(22, 0, &[1, 2, 3])),
            ("fatal alert", plaintext(21, 0, &[2, 40])),
            ("close_notify in the clear", plaintext(21, 0, &[1, 0])),
            ("ChangeCipherSpec", plaintext(20, 0, &[1])),
            ("application data in the clear", plaintext(23, 0, b"x")),
            ("encrypted 1.2", vec![22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7]),
            ("encrypted 1.3", vec![0x2E, 0, 1, 0, 1, 7]),
        ]
    }

    /// Every input in every state, alone in its datagram; what is not listed is dropped.
    #[test]
    fn client_table() {
        use ClientGuard::{Finishing, Greeting, Negotiating, Protected, Verified};
        let mut table = Vec::new();
        for start in [Greeting, Verified, Negotiating, Finishing, Protected] {
            for (name, bytes) in inputs() {
                let record = records(&bytes).next().expect("one record");
                let mut guard = start;
                let verdict = guard.judge(&record, false);
                if verdict != ClientVerdict::Drop {
                    table.push(format!("{start:?} + {name} = {verdict:?} {guard:?}"));
                } else {
                    assert_eq!(guard, start, "{name}");
                }
            }
        }
        assert_eq!(
            table,
            [
                "Greeting + ServerHello = Admit Negotiating",
                "Greeting + HelloRetryRequest = Admit Greeting",
                "Greeting + HelloVerifyRequest = Doubt Greeting",
                "Greeting + encrypted 1.2 = HoldForServerHello Greeting",
                "Greeting + encrypted 1.3 = HoldForServerHello Greeting",
                "Verified + ServerHello = Admit Negotiating",
                "Verified + HelloRetryRequest = Admit Verified",
                "Verified + encrypted 1.2 = HoldForServerHello Verified",
                "Verified + encrypted 1.3 = HoldForServerHello Verified",
                "Negotiating + ServerHello = Admit Negotiating",
                "Negotiating + HelloRetryRequest = Admit Negotiating",
                "Negotiating + Certificate = Admit Negotiating",
                "Negotiating + ServerKeyExchange = Admit Negotiating",
                "Negotiating + CertificateRequest = Admit Negotiating",
                "Negotiating + ServerHelloDone = Admit Negotiating",
                "Finishing + ChangeCipherSpec = Doubt Finishing",
                "Finishing + encrypted 1.2 = Doubt Finishing",
                "Finishing + encrypted 1.3 = Doubt Finishing",
                "Protected + encrypted 1.2 = Admit Protected",
                "Protected + encrypted 1.3 = Admit Protected",
            ]
        );
    }

    #[test]
    fn a_client_moves_on_with_its_endpoint() {
        let mut guard = ClientGuard::Greeting;
        guard.on_hello_verified();
        assert_eq!(guard, ClientGuard::Verified);
        guard.on_plaintext_complete(true);
        assert_eq!(guard, ClientGuard::Protected);
        guard.on_plaintext_complete(false);
        assert_eq!(guard, ClientGuard::Finishing);
        for (name, bytes) in inputs() {
            let record = records(&bytes).next().expect("one record");
            let is_end = matches!(record.content, Content::ChangeCipherSpec | Content::Encrypted);
            let expected = if is_end { ClientVerdict::Admit } else { ClientVerdict::Drop };
            assert_eq!(guard.judge(&record, true), expected, "{name} in a datagram that ends the flight");
        }
    }

    #[test]
    fn server_table() {
        let mut hellos = Vec::new();
        let mut answered = Vec::new();
        for (name, bytes) in inputs() {
            let record = records(&bytes).next().expect("one record");
            match judge_as_server(&record) {
                ServerVerdict::ClientHello(_) => hellos.push(name),
                ServerVerdict::Answered => answered.push(name),
                ServerVerdict::Drop => {}
            }
        }
        assert_eq!(hellos, ["ClientHello"]);
        assert_eq!(
            answered,
            [
                "Certificate",
                "CertificateVerify",
                "ClientKeyExchange",
                "ChangeCipherSpec",
                "encrypted 1.2",
                "encrypted 1.3"
            ]
        );
    }

    #[test]
    fn established_table() {
        let admitted = |repeats_plaintext| -> Vec<&str> {
            inputs()
                .iter()
                .filter(|(_, bytes)| {
                    let record = records(bytes).next().expect("one record");
                    admits_when_established(&record, repeats_plaintext)
                })
                .map(|(name, _)| *name)
                .collect()
        };
        assert_eq!(admitted(false), ["encrypted 1.2", "encrypted 1.3"]);
        assert_eq!(
            admitted(true),
            ["Certificate", "CertificateVerify", "ClientKeyExchange", "encrypted 1.2", "encrypted 1.3"]
        );
    }
}
