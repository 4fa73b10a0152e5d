//! The other end of a WebRTC leg: checks, a handshake, keys.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Dtls, Output};
use webtrunk_engine::LegId;
use webtrunk_engine::call::Call;
use webtrunk_engine::net::Outbox;
use webtrunk_engine::sdp::{Fingerprint, HashFunction, SessionDescription};
use webtrunk_engine::srtp::{ProtectionProfile, SrtpContext};

use crate::check::check;

/// Its ICE password.
pub(crate) const PASSWORD: &str = "mB3kT0yLw7RzqS2vXo8cNf5H";

/// A browser that is the DTLS server.
pub(crate) struct Browser {
    address: SocketAddr,
    dtls: Dtls,
    fingerprint: Fingerprint,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr, now: Instant) -> Self {
        let certificate = dimpl::certificate::generate_self_signed_certificate().expect("works anywhere");
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &certificate.certificate);
        let config =
            dimpl::Config::builder().use_server_cookie(false).build().expect("a valid configuration");
        let mut dtls = Dtls::new_auto(Arc::new(config), certificate, now);
        dtls.handle_timeout(now).expect("a fresh endpoint");
        Self { address, dtls, fingerprint }
    }

    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Connects to a leg that gave this answer; returns what protects the packets for it.
    pub(crate) fn connect(
        &mut self,
        call: &mut Call,
        leg: LegId,
        local: SocketAddr,
        answer: &SessionDescription,
        outbox: &mut Outbox,
        now: Instant,
    ) -> SrtpContext {
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
        let keys = keys.expect("the handshake is complete");
        let profile = ProtectionProfile::AeadAes256Gcm;
        let keys = profile.split_keying_material(&keys).expect("of the right length");
        SrtpContext::new(profile, keys.server.key, keys.server.salt).expect("of the right length")
    }
}
