//! What is left of DTLS once the keys are out: repeating our last flight for a peer that lost it,
//! and goodbyes.

use std::time::Instant;

use super::endpoint::{DATAGRAM_MAX, Endpoint, Progress};
use super::guard::admits_when_established;
use super::handshake::DtlsRole;
use super::record::records;
use crate::rtp::DropReason;

/// An established DTLS association. Nothing that comes can end it but the peer's authenticated
/// close_notify; a new handshake is never begun on it.
pub struct Association {
    /// The peer may repeat plaintext of its last flight.
    repeats_plaintext: bool,
    /// `None` once the library gave up: media does not need it, only goodbyes go unheard.
    endpoint: Option<Box<Endpoint>>,
    is_closed_by_peer: bool,
}

impl Association {
    pub(super) fn new(role: DtlsRole, endpoint: Endpoint) -> Self {
        let is_closed_by_peer = endpoint.progress() == Progress::ClosedByPeer;
        let repeats_plaintext = role == DtlsRole::Server && !endpoint.is_dtls13();
        Self { repeats_plaintext, endpoint: Some(Box::new(endpoint)), is_closed_by_peer }
    }

    /// Takes a datagram from the peer's address.
    ///
    /// # Errors
    /// When no record of it was of any use.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), DropReason> {
        if datagram.len() > DATAGRAM_MAX {
            return Err(DropReason::TooLong);
        }
        let mut used = false;
        let repeats_plaintext = self.repeats_plaintext;
        for record in records(datagram).filter(|record| admits_when_established(record, repeats_plaintext)) {
            used = true;
            self.step(|endpoint| endpoint.handle_record(record.bytes, now).is_ok());
        }
        if used { Ok(()) } else { Err(DropReason::UnexpectedDtls) }
    }

    /// Repeats what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.step(|endpoint| endpoint.handle_timeout(now).is_ok());
        }
    }

    /// When to call [`Association::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.as_ref()?.poll_timeout()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.endpoint.as_mut()?.poll_transmit()
    }

    /// Whether the peer has said goodbye.
    #[must_use]
    pub fn is_closed_by_peer(&self) -> bool {
        self.is_closed_by_peer
    }

    /// Says goodbye; it waits in [`Association::poll_transmit`].
    pub fn close(&mut self) {
        self.step(|endpoint| endpoint.close().is_ok());
    }

    fn step(&mut self, step: impl FnOnce(&mut Endpoint) -> bool) {
        let Some(endpoint) = &mut self.endpoint else { return };
        let is_alive = step(endpoint);
        self.is_closed_by_peer |= endpoint.progress() == Progress::ClosedByPeer;
        if !is_alive {
            self.endpoint = None;
        }
    }
}
