//! The other end of a WebRTC leg: checks, a handshake, keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Dtls, Output};
use webtrunk_engine::LegId;
use webtrunk_engine::call::Call;
use webtrunk_engine::net::Outbox;
use webtrunk_engine::sdp::{Fingerprint, HashFunction, SessionDescription};

use crate::check::check;

/// Its ICE password.
pub(crate) const PASSWORD: &str = "mB3kT0yLw7RzqS2vXo8cNf5H";

/// How it does DTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manners {
    pub(crate) is_client: bool,
    pub(crate) version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Dtls12,
    Dtls13,
}

/// A browser.
pub(crate) struct Browser {
    address: SocketAddr,
    dtls: Dtls,
    /// What its description says of its transport.
    pub(crate) security: String,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr, manners: Manners, now: Instant) -> Self {
        let certificate = dimpl::certificate::generate_self_signed_certificate().expect("works anywhere");
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &certificate.certificate);
        let mut config = dimpl::Config::builder().use_server_cookie(false);
        if manners.version == Version::Dtls12 {
            config = config.dtls13_cipher_suites(&[]);
        }
        let config = Arc::new(config.build().expect("a valid configuration"));
        let mut dtls = match manners.version {
            Version::Dtls12 => Dtls::new_12(config, certificate, now),
            Version::Dtls13 => Dtls::new_13(config, certificate, now),
        };
        dtls.set_active(manners.is_client);
        dtls.handle_timeout(now).expect("a fresh endpoint");
        let setup = if manners.is_client { "active" } else { "passive" };
        let security = format!(
            "a=ice-ufrag:peer\r\na=ice-pwd:{PASSWORD}\r\na=fingerprint:{fingerprint}\r\na=setup:{setup}\r\n\
             a=mid:0\r\na=rtcp-mux\r\n"
        );
        Self { address, dtls, security }
    }

    /// Connects to a leg that gave this answer; returns the keying material of AEAD_AES_256_GCM.
    pub(crate) fn connect(
        &mut self,
        call: &mut Call,
        leg: LegId,
        local: SocketAddr,
        answer: &SessionDescription,
        outbox: &mut Outbox,
        now: Instant,
    ) -> Vec<u8> {
        let (ufrag, password) = answer.ice_credentials_of(&answer.media[0]).expect("an answer to a browser");
        let mut check = check(ufrag, password);
        call.handle_datagram(leg, &mut check, self.address, local, now, outbox);
        let (mut keys, mut buffer) = (None, vec![0; 8192]);
        for _ in 0..20 {
            outbox.drain(|_, run| {
                for (_, record) in run.iter().filter(|(_, bytes)| bytes[0] >= 20) {
                    self.dtls.handle_packet(record).expect("a flight");
                }
            });
            loop {
                match self.dtls.poll_output(&mut buffer) {
                    Output::Packet(flight) => {
                        let mut flight = flight.to_vec();
                        call.handle_datagram(leg, &mut flight, self.address, local, now, outbox);
                    }
                    Output::KeyingMaterial(material, _) => keys = Some(material),
                    Output::Timeout(_) => break,
                    _ => {}
                }
            }
        }
        keys.expect("the handshake is complete").to_vec()
    }
}
