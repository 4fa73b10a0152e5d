//! The peer's DTLS: rtc-dtls, which speaks 1.2 and asks for a cookie, or a browser's manners (1.3,
//! no cookie) by our own library without our guard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use dimpl::{Dtls, Output};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use super::super::DtlsRole;
use crate::sdp::{Fingerprint, HashFunction};

/// How often the peer repeats a flight. As server rtc-dtls forgets its own timer when a repeated
/// message of ours comes first, so it must be quick; as client it gives up after seven times, so it
/// must be slow.
const fn flight_interval(is_client: bool) -> Duration {
    Duration::from_millis(if is_client { 100 } else { 40 })
}

/// What the peer can do.
#[derive(Debug, Clone)]
pub(super) struct Abilities {
    /// The gateway's role; the peer takes the other.
    pub(super) gateway_role: DtlsRole,
    pub(super) stack: Stack,
}

/// Which library the peer uses.
#[derive(Debug, Clone)]
pub(super) enum Stack {
    /// DTLS 1.2 with these SRTP profiles.
    Rtc(Vec<SrtpProtectionProfile>),
    /// DTLS 1.3 as browsers do it.
    BrowserLike,
}

/// What a complete handshake gave the peer.
pub(super) struct Keys {
    pub(super) profile: SrtpProtectionProfile,
    pub(super) material: Vec<u8>,
}

pub(super) struct PeerDtls {
    pub(super) is_client: bool,
    pub(super) keys: Option<Keys>,
    pub(super) heard_goodbye: bool,
    pub(super) fingerprint: Fingerprint,
    outgoing: VecDeque<Vec<u8>>,
    library: Library,
}

enum Library {
    Rtc { endpoint: Endpoint, gateway: SocketAddr, client: Option<Arc<HandshakeConfig>> },
    BrowserLike { dtls: Box<Dtls>, timeout: Option<Instant>, is_started: bool, material: Option<Keys> },
}

impl Abilities {
    /// rtc-dtls with the profiles of a browser, in a browser's order.
    pub(super) fn dtls12(gateway_role: DtlsRole) -> Self {
        let profiles = vec![
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        ];
        Self { gateway_role, stack: Stack::Rtc(profiles) }
    }

    pub(super) fn dtls13(gateway_role: DtlsRole) -> Self {
        Self { gateway_role, stack: Stack::BrowserLike }
    }

    pub(super) fn survivable_burst(&self) -> usize {
        if matches!(self.stack, Stack::Rtc(_)) { 1 } else { 2 }
    }

    pub(super) fn asks_for_cookie(&self) -> bool {
        self.gateway_role == DtlsRole::Client && matches!(self.stack, Stack::Rtc(_))
    }
}

impl PeerDtls {
    pub(super) fn new(address: SocketAddr, gateway: SocketAddr, abilities: &Abilities, now: Instant) -> Self {
        let is_client = abilities.gateway_role == DtlsRole::Server;
        let (library, fingerprint) = match &abilities.stack {
            Stack::Rtc(profiles) => rtc(address, gateway, is_client, profiles.clone()),
            Stack::BrowserLike => browser_like(is_client, now),
        };
        Self { is_client, keys: None, heard_goodbye: false, fingerprint, outgoing: VecDeque::new(), library }
    }

    /// ICE has a pair.
    pub(super) fn start(&mut self, now: Instant) {
        match &mut self.library {
            Library::Rtc { endpoint, gateway, client } => {
                if let Some(config) = client.take() {
                    endpoint.connect(now, *gateway, config, None).expect("a ClientHello");
                }
            }
            Library::BrowserLike { dtls, is_started, .. } if !*is_started => {
                *is_started = true;
                dtls.handle_timeout(now).expect("a fresh endpoint");
            }
            Library::BrowserLike { .. } => {}
        }
        self.drain();
    }

    /// A forgery that reached the peer by way of the gateway is an error of that record only.
    pub(super) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        match &mut self.library {
            Library::Rtc { endpoint, gateway, .. } => {
                let events = endpoint.read(now, *gateway, None, BytesMut::from(datagram));
                for event in events.unwrap_or_default() {
                    match event {
                        EndpointEvent::HandshakeComplete => self.keys = Some(rtc_keys(endpoint, *gateway)),
                        EndpointEvent::PeerClosed => self.heard_goodbye = true,
                        _ => {}
                    }
                }
            }
            Library::BrowserLike { dtls, is_started, .. } => {
                *is_started = true;
                let _ = dtls.handle_timeout(now).and_then(|()| dtls.handle_packet(datagram));
            }
        }
        self.drain();
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        match &mut self.library {
            Library::Rtc { endpoint, gateway, .. } => {
                let _ = endpoint.handle_timeout(*gateway, now);
            }
            Library::BrowserLike { dtls, .. } => {
                let _ = dtls.handle_timeout(now);
            }
        }
        self.drain();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.library {
            Library::Rtc { endpoint, gateway, .. } => endpoint.poll_timeout(gateway),
            Library::BrowserLike { timeout, .. } => *timeout,
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    pub(super) fn close(&mut self, now: Instant) {
        match &mut self.library {
            Library::Rtc { endpoint, .. } => endpoint.close(now).expect("an association to close"),
            Library::BrowserLike { dtls, .. } => dtls.close().expect("an association to close"),
        }
        self.drain();
    }

    fn drain(&mut self) {
        match &mut self.library {
            Library::Rtc { endpoint, .. } => {
                while let Some(transmit) = endpoint.poll_transmit() {
                    self.outgoing.push_back(transmit.message.to_vec());
                }
            }
            Library::BrowserLike { dtls, timeout, is_started, material } if *is_started => {
                let mut buffer = vec![0; 16 * 1024];
                loop {
                    match dtls.poll_output(&mut buffer) {
                        Output::Packet(datagram) => self.outgoing.push_back(datagram.to_vec()),
                        Output::KeyingMaterial(keys, profile) => {
                            let profile = match profile {
                                dimpl::SrtpProfile::AEAD_AES_256_GCM => {
                                    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm
                                }
                                other => panic!("not this library's first choice: {other:?}"),
                            };
                            *material = Some(Keys { profile, material: keys.to_vec() });
                        }
                        Output::CloseNotify => self.heard_goodbye = true,
                        Output::Timeout(at) => {
                            *timeout = Some(at);
                            break;
                        }
                        _ => {}
                    }
                }
                if let Some(keys) = material.take() {
                    self.keys = Some(keys);
                }
            }
            Library::BrowserLike { .. } => {}
        }
    }
}

fn rtc(
    address: SocketAddr,
    gateway: SocketAddr,
    is_client: bool,
    profiles: Vec<SrtpProtectionProfile>,
) -> (Library, Fingerprint) {
    let provider = rtc_dtls::crypto_provider::default_provider().expect("a provider is built in");
    let certificate =
        Certificate::generate_self_signed(vec!["peer".to_owned()], provider.crypto()).expect("a certificate");
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
    let endpoint = Endpoint::new(address, TransportProtocol::UDP, server);
    (Library::Rtc { endpoint, gateway, client: is_client.then_some(config) }, fingerprint)
}

fn rtc_keys(endpoint: &Endpoint, gateway: SocketAddr) -> Keys {
    let state = endpoint.get_connection_state(gateway).expect("an association");
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

fn browser_like(is_client: bool, now: Instant) -> (Library, Fingerprint) {
    let certificate = dimpl::certificate::generate_self_signed_certificate().expect("a certificate");
    let fingerprint = Fingerprint::of(HashFunction::Sha256, &certificate.certificate);
    let config = dimpl::Config::builder()
        .use_server_cookie(false)
        .flight_start_rto(flight_interval(is_client))
        .flight_retries(8)
        .build()
        .expect("a valid configuration");
    let mut dtls = Dtls::new_auto(Arc::new(config), certificate, now);
    dtls.set_active(is_client);
    let library =
        Library::BrowserLike { dtls: Box::new(dtls), timeout: None, is_started: false, material: None };
    (library, fingerprint)
}
