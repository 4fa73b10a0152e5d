//! One DTLS endpoint of the library, made safe to feed with what strangers send.
//!
//! The library's rules are kept here and nowhere else: a first `handle_timeout` before the first
//! packet (it panics without), the clock before every packet, the output drained after every step,
//! and no further call after an error. Should it panic all the same, the endpoint dies and the
//! process does not.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use dimpl::{Dtls, KeyingMaterial, Output, ProtocolVersion, SrtpProfile};
use tracing::{debug, error};

use super::DtlsCertificate;
use super::record::{Content, holds_answer, records};

/// Largest datagram that an endpoint is fed: Ethernet's 1500, and room for jumbo peers.
pub(super) const DATAGRAM_MAX: usize = 2048;

/// Room for a certificate of any length that the library can put together: it queues 30 records.
const OUTPUT_MAX: usize = 30 * DATAGRAM_MAX;

/// A DTLS endpoint.
pub(super) struct Endpoint {
    library: Dtls,
    transmits: VecDeque<Vec<u8>>,
    timeout: Option<Instant>,
    bytes_fed: usize,
    peer_certificate: Option<Vec<u8>>,
    keying: Option<(KeyingMaterial, SrtpProfile)>,
    progress: Progress,
}

/// How far the endpoint has come, as its output shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// Nothing proves yet that the peer receives what we send.
    Started,
    /// We sent what we send only to a peer that does: as a server the ServerHello, which the cookie
    /// goes before; as a client of DTLS 1.2 the ClientKeyExchange.
    Answered,
    /// The handshake is complete.
    Connected,
    /// The peer said goodbye, authenticated.
    ClosedByPeer,
}

/// What a complete handshake leaves.
pub(super) struct Outcome {
    /// The peer's certificate, DER.
    pub(super) certificate: Vec<u8>,
    /// Client key, server key, client salt, server salt (RFC 5764 4.2); `None` if the peer would
    /// have DTLS but no SRTP.
    pub(super) keying: Option<(KeyingMaterial, SrtpProfile)>,
}

/// The endpoint failed and must be dropped.
#[derive(Debug)]
pub(super) struct EndpointDied;

impl Endpoint {
    /// A client; its ClientHello waits in [`Endpoint::poll_transmit`].
    pub(super) fn client(certificate: &DtlsCertificate, now: Instant) -> Result<Self, EndpointDied> {
        Self::start(certificate, true, now)
    }

    /// A server that waits for a ClientHello.
    pub(super) fn server(certificate: &DtlsCertificate, now: Instant) -> Result<Self, EndpointDied> {
        Self::start(certificate, false, now)
    }

    fn start(certificate: &DtlsCertificate, is_client: bool, now: Instant) -> Result<Self, EndpointDied> {
        let library = contained(|| {
            let mut library = Dtls::new_auto(certificate.library_config(), certificate.identity(), now);
            library.set_active(is_client);
            Ok(library)
        })?;
        let mut endpoint = Self {
            library,
            transmits: VecDeque::new(),
            timeout: None,
            bytes_fed: 0,
            peer_certificate: None,
            keying: None,
            progress: Progress::Started,
        };
        endpoint.handle_timeout(now)?;
        Ok(endpoint)
    }

    /// Feeds one record.
    pub(super) fn handle_record(&mut self, record: &[u8], now: Instant) -> Result<(), EndpointDied> {
        if self.progress < Progress::Connected {
            self.bytes_fed = self.bytes_fed.saturating_add(record.len());
        }
        contained(|| {
            self.library.handle_timeout(now)?;
            self.library.handle_packet(record)
        })?;
        self.drain()
    }

    /// Retransmits what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), EndpointDied> {
        contained(|| self.library.handle_timeout(now))?;
        self.drain()
    }

    /// When to call [`Endpoint::handle_timeout`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// The next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    /// Whether DTLS 1.3 was agreed, in which everything after the hellos is encrypted.
    pub(super) fn is_dtls13(&self) -> bool {
        self.library.protocol_version() == Some(ProtocolVersion::DTLS1_3)
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// The outcome, once, when the handshake is complete.
    pub(super) fn take_outcome(&mut self) -> Option<Outcome> {
        if self.progress < Progress::Connected {
            return None;
        }
        let certificate = self.peer_certificate.take()?;
        // What comes out from now on is no longer than a datagram, however much is fed.
        self.bytes_fed = 0;
        Some(Outcome { certificate, keying: self.keying.take() })
    }

    /// Says goodbye, if there are keys to say it under.
    pub(super) fn close(&mut self) -> Result<(), EndpointDied> {
        contained(|| self.library.close())?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), EndpointDied> {
        // The library panics where the peer's certificate does not fit; it was in what we fed.
        let mut buffer = vec![0; self.bytes_fed.clamp(DATAGRAM_MAX, OUTPUT_MAX)];
        contained(|| {
            loop {
                match self.library.poll_output(&mut buffer) {
                    Output::Packet(datagram) => {
                        if self.progress == Progress::Started && holds_answer(datagram) {
                            self.progress = Progress::Answered;
                        }
                        if !holds_plaintext_alert(datagram) {
                            self.transmits.push_back(datagram.to_vec());
                        }
                    }
                    Output::Connected => self.progress = self.progress.max(Progress::Connected),
                    Output::PeerCert(der) => self.peer_certificate = Some(der.to_vec()),
                    Output::KeyingMaterial(keys, profile) => self.keying = Some((keys, profile)),
                    Output::CloseNotify => self.progress = Progress::ClosedByPeer,
                    Output::Timeout(at) => {
                        self.timeout = Some(at);
                        return Ok(());
                    }
                    // Nothing we understand is larger than the buffer, and WebRTC without data
                    // channels has no application data.
                    Output::BufferTooSmall { .. } => return Err(dimpl::Error::ReceiveQueueFull),
                    _ => {}
                }
            }
        })
    }
}

/// A plaintext alert proves nothing to the peer, and one that a forgery provoked would end the
/// peer's handshake for the attacker.
fn holds_plaintext_alert(datagram: &[u8]) -> bool {
    records(datagram).any(|record| record.content == Content::Alert)
}

fn contained<T>(step: impl FnOnce() -> Result<T, dimpl::Error>) -> Result<T, EndpointDied> {
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(reason)) => {
            debug!(%reason, "DTLS endpoint gave up");
            Err(EndpointDied)
        }
        Err(_) => {
            error!("DTLS library panicked; its endpoint is dropped");
            Err(EndpointDied)
        }
    }
}
