//! The peer's DTLS by rtc-dtls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use super::peer_dtls::{Keys, PeerDtls, flight_interval};
use crate::sdp::{Fingerprint, HashFunction};

pub(super) struct RtcDtls {
    endpoint: Endpoint,
    gateway: SocketAddr,
    /// To start with, as client.
    client: Option<Arc<HandshakeConfig>>,
    keys: Option<Keys>,
    heard_goodbye: bool,
    fingerprint: Fingerprint,
}

impl RtcDtls {
    pub(super) fn new(
        address: SocketAddr,
        gateway: SocketAddr,
        is_client: bool,
        profiles: Vec<SrtpProtectionProfile>,
    ) -> Self {
        let provider = rtc_dtls::crypto_provider::default_provider().expect("a provider is built in");
        let certificate = Certificate::generate_self_signed(vec!["peer".to_owned()], provider.crypto())
            .expect("a certificate");
        let fingerprint = Fingerprint::of(HashFunction::Sha256, &certificate.certificate[0]);
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(profiles)
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(flight_interval(is_client))
            .build(is_client, is_client.then_some(gateway))
            .expect("a valid configuration");
        let config = Arc::new(config);
        let server = (!is_client).then(|| Arc::clone(&config));
        Self {
            endpoint: Endpoint::new(address, TransportProtocol::UDP, server),
            gateway,
            client: is_client.then_some(config),
            keys: None,
            heard_goodbye: false,
            fingerprint,
        }
    }

    fn export_keys(&self) -> Keys {
        let state = self.endpoint.get_connection_state(self.gateway).expect("an association");
        let profile = state.srtp_protection_profile();
        let length = match profile {
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => 60,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => 56,
            _ => 88,
        };
        let material =
            state.export_keying_material("EXTRACTOR-dtls_srtp", &[], length).expect("a complete handshake");
        let material: &[u8] = material.as_ref();
        Keys { profile, material: material.to_vec() }
    }
}

impl PeerDtls for RtcDtls {
    fn start(&mut self, now: Instant) {
        if let Some(config) = self.client.take() {
            self.endpoint.connect(now, self.gateway, config, None).expect("a ClientHello");
        }
    }

    fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        // What a forgery provoked is an error of that record only.
        let events = self.endpoint.read(now, self.gateway, None, BytesMut::from(datagram));
        for event in events.unwrap_or_default() {
            match event {
                EndpointEvent::HandshakeComplete => self.keys = Some(self.export_keys()),
                EndpointEvent::PeerClosed => self.heard_goodbye = true,
                _ => {}
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            let _ = self.endpoint.handle_timeout(self.gateway, now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.poll_timeout(&self.gateway)
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.endpoint.poll_transmit().map(|transmit| transmit.message.to_vec())
    }

    fn close(&mut self, now: Instant) {
        self.endpoint.close(now).expect("an association to close");
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
