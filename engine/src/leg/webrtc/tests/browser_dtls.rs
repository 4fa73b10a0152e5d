//! The peer's DTLS with a browser's manners, by our own library without our guard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Dtls, Output, SrtpProfile};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use super::peer_dtls::{Keys, PeerDtls, Version, flight_interval};
use crate::sdp::{Fingerprint, HashFunction};

pub(super) struct BrowserDtls {
    library: Dtls,
    is_client: bool,
    state: State,
    timeout: Option<Instant>,
    outgoing: VecDeque<Vec<u8>>,
    keys: Option<Keys>,
    heard_goodbye: bool,
    fingerprint: Fingerprint,
}

#[derive(PartialEq, Eq)]
enum State {
    Fresh,
    Started,
    /// The library gave up; it must not be touched again.
    Dead,
}

impl BrowserDtls {
    pub(super) fn new(is_client: bool, version: Version, now: Instant) -> Self {
        let certificate = dimpl::certificate::generate_self_signed_certificate().expect("a certificate");
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &certificate.certificate);
        let mut builder = dimpl::Config::builder();
        if version == Version::Dtls12 {
            builder = builder.dtls13_cipher_suites(&[]);
        }
        let config = builder
            .use_server_cookie(false)
            .flight_start_rto(flight_interval(is_client))
            .flight_retries(8)
            .build()
            .expect("a valid configuration");
        let config = Arc::new(config);
        let mut library = match version {
            Version::Dtls12 => Dtls::new_12(config, certificate, now),
            Version::Dtls13 => Dtls::new_13(config, certificate, now),
        };
        library.set_active(is_client);
        Self {
            library,
            is_client,
            state: State::Fresh,
            timeout: None,
            outgoing: VecDeque::new(),
            keys: None,
            heard_goodbye: false,
            fingerprint,
        }
    }

    fn step(&mut self, step: impl FnOnce(&mut Dtls) -> Result<(), dimpl::Error>) {
        if self.state == State::Dead {
            return;
        }
        self.state = State::Started;
        if step(&mut self.library).is_err() {
            self.state = State::Dead;
            self.timeout = None;
            return;
        }
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match self.library.poll_output(&mut buffer) {
                Output::Packet(datagram) => self.outgoing.push_back(datagram.to_vec()),
                Output::KeyingMaterial(keys, profile) => {
                    assert_eq!(profile, SrtpProfile::AEAD_AES_256_GCM, "both ends' first choice");
                    let profile = SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm;
                    self.keys = Some(Keys { profile, material: keys.to_vec() });
                }
                Output::CloseNotify => self.heard_goodbye = true,
                Output::Timeout(at) => {
                    self.timeout = Some(at);
                    return;
                }
                _ => {}
            }
        }
    }
}

impl PeerDtls for BrowserDtls {
    fn start(&mut self, now: Instant) {
        if self.state == State::Fresh {
            self.step(|library| library.handle_timeout(now));
        }
    }

    fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        if self.is_client && self.state == State::Fresh {
            return;
        }
        self.step(|library| library.handle_timeout(now).and_then(|()| library.handle_packet(datagram)));
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.timeout.is_some_and(|at| at <= now) {
            self.step(|library| library.handle_timeout(now));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    fn close(&mut self, _now: Instant) {
        self.step(Dtls::close);
    }

    fn keys(&self) -> Option<Keys> {
        self.keys.clone()
    }

    fn heard_goodbye(&self) -> bool {
        self.heard_goodbye
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint.clone()
    }
}
