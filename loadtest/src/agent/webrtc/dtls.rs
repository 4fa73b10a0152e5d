//! DTLS 1.2 of one call by rtc-dtls, in either role, with the peer's certificate compared to what was
//! signalled.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::default_provider;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_shared::TransportProtocol;
use sha2::{Digest as _, Sha256};

use super::SrtpProfile;
use super::srtp::Keys;
use crate::agent::AgentError;

/// A certificate, made once and shared by all callers of a process.
#[derive(Clone)]
pub(super) struct Identity {
    certificate: Certificate,
    /// SHA-256, upper case with colons.
    pub(super) fingerprint: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Which side of the handshake we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DtlsRole {
    Client,
    Server,
}

/// One association.
pub(super) struct Dtls {
    endpoint: Endpoint,
    role: DtlsRole,
    /// The configuration of the ClientHello, until it is sent.
    hello: Option<Arc<HandshakeConfig>>,
    expected_fingerprint: String,
    is_closed_by_peer: bool,
}

/// How a handshake went.
pub(super) enum DtlsEvent {
    Complete(Keys),
    /// It is complete, with somebody else or without SRTP.
    Failed(&'static str),
}

/// The library keys associations by address; each of ours has one peer, wherever its packets come from.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);
/// How often a flight is repeated. As server the library forgets its own timer when a repeated message
/// of the peer comes first, so it must be quick; as client it gives up after seven times.
const CLIENT_FLIGHT: Duration = Duration::from_millis(150);
const SERVER_FLIGHT: Duration = Duration::from_millis(40);
/// RFC 5764 4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

impl Identity {
    /// The one of this process.
    ///
    /// # Errors
    /// The library cannot make a certificate.
    pub(super) fn shared() -> Result<Self, AgentError> {
        static SHARED: Mutex<Option<Identity>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = &*shared {
            return Ok(identity.clone());
        }
        let identity = Self::generate()?;
        Ok(shared.insert(identity).clone())
    }

    /// # Errors
    /// The library cannot make a certificate.
    pub(super) fn generate() -> Result<Self, AgentError> {
        let provider = default_provider().map_err(AgentError::library)?;
        let certificate = Certificate::generate_self_signed(vec!["loadtest".to_owned()], provider.crypto())
            .map_err(AgentError::library)?;
        let fingerprint = fingerprint_of(certificate.certificate.first().map_or(&[], AsRef::as_ref));
        Ok(Self { certificate, fingerprint })
    }
}

impl Dtls {
    /// # Errors
    /// The library refuses the configuration.
    pub(super) fn new(
        identity: &Identity,
        role: DtlsRole,
        profiles: &[SrtpProfile],
        expected_fingerprint: &str,
    ) -> Result<Self, AgentError> {
        let is_client = role == DtlsRole::Client;
        let config = ConfigBuilder::default()
            .with_crypto_provider(default_provider().map_err(AgentError::library)?)
            .with_certificates(vec![identity.certificate.clone()])
            .with_srtp_protection_profiles(profiles.iter().map(|it| it.to_dtls()).collect())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // What counts is the fingerprint.
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(if is_client { CLIENT_FLIGHT } else { SERVER_FLIGHT })
            .build(is_client, is_client.then_some(PEER))
            .map_err(AgentError::library)?;
        let config = Arc::new(config);
        let server = (!is_client).then(|| Arc::clone(&config));
        Ok(Self {
            endpoint: Endpoint::new(PEER, TransportProtocol::UDP, server),
            role,
            hello: is_client.then_some(config),
            expected_fingerprint: expected_fingerprint.to_owned(),
            is_closed_by_peer: false,
        })
    }

    pub(super) const fn role(&self) -> DtlsRole {
        self.role
    }

    pub(super) const fn is_closed_by_peer(&self) -> bool {
        self.is_closed_by_peer
    }

    /// ICE has a pair: a client says hello, once.
    pub(super) fn start(&mut self, now: Instant) {
        if let Some(config) = self.hello.take() {
            let _ = self.endpoint.connect(now, PEER, config, None);
        }
    }

    /// An error is one of this record only, maybe a forged one: the handshake's own timer decides.
    pub(super) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Option<DtlsEvent> {
        let events = self.endpoint.read(now, PEER, None, BytesMut::from(datagram)).unwrap_or_default();
        let mut outcome = None;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => outcome = Some(self.keys()),
                EndpointEvent::PeerClosed => self.is_closed_by_peer = true,
                _ => {}
            }
        }
        outcome
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            let _ = self.endpoint.handle_timeout(PEER, now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&PEER)
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message.to_vec())
    }

    pub(super) fn close(&mut self, now: Instant) {
        let _ = self.endpoint.close(now);
    }

    fn keys(&self) -> DtlsEvent {
        let Some(state) = self.endpoint.get_connection_state(PEER) else {
            return DtlsEvent::Failed("the association is gone");
        };
        let certificate = state.peer_certificates.first().map_or(&[][..], |it| it.as_ref());
        if fingerprint_of(certificate) != self.expected_fingerprint {
            return DtlsEvent::Failed("the peer's certificate is not the one that was signalled");
        }
        let Some(profile) = SrtpProfile::from_dtls(state.srtp_protection_profile()) else {
            return DtlsEvent::Failed("no SRTP profile was agreed on");
        };
        match state.export_keying_material(EXPORTER_LABEL, &[], profile.material_len()) {
            Ok(material) => {
                let material: &[u8] = material.as_ref();
                DtlsEvent::Complete(Keys { profile, material: material.to_vec() })
            }
            Err(_) => DtlsEvent::Failed("no keys could be exported"),
        }
    }
}

fn fingerprint_of(certificate: &[u8]) -> String {
    let octets: Vec<_> = Sha256::digest(certificate).iter().map(|octet| format!("{octet:02X}")).collect();
    octets.join(":")
}
