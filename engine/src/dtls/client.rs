//! The handshake as DTLS client: the role we prefer, because nothing is admitted before the peer
//! answered our own ClientHello.
//!
//! An endpoint that died of a forgery is replaced by a fresh one. A peer in the middle of the old
//! handshake may refuse that; then the leg's deadline ends it.

use std::time::{Duration, Instant};

use super::DtlsCertificate;
use super::endpoint::{Endpoint, EndpointDied, Outcome};
use super::guard::{ClientGuard, ClientVerdict};
use super::record::{Record, records};
use crate::rtp::DropReason;

/// How long a HelloVerifyRequest waits for a ServerHello before it is believed. Browsers send none,
/// so one that is followed by a ServerHello was forged; peers that do send one wait this long.
/// Longer than most round trips; chosen by us.
const HELLO_VERIFY_DELAY: Duration = Duration::from_millis(200);

/// Least time between two fresh endpoints, so that forgeries cannot make us spray ClientHellos.
const RESTART_INTERVAL: Duration = Duration::from_millis(150);

/// Records that may overtake the ServerHello: a DTLS 1.3 flight is two or three datagrams.
const HELD_RECORDS_MAX: usize = 8;

/// A handshake as client.
pub(super) struct Client {
    certificate: DtlsCertificate,
    attempt: Attempt,
    restart_not_before: Instant,
}

enum Attempt {
    Running(Box<Running>),
    /// The endpoint died; a fresh one starts at `restart_not_before`.
    Waiting,
}

struct Running {
    endpoint: Endpoint,
    guard: ClientGuard,
    held: Vec<Vec<u8>>,
    hello_verify: Option<HelloVerify>,
}

struct HelloVerify {
    record: Vec<u8>,
    believed_at: Instant,
}

impl Client {
    /// Starts; the ClientHello waits in [`Client::poll_transmit`].
    pub(super) fn new(certificate: &DtlsCertificate, now: Instant) -> Self {
        let mut client =
            Self { certificate: certificate.clone(), attempt: Attempt::Waiting, restart_not_before: now };
        client.restart(now);
        client
    }

    /// Takes a datagram from the peer's address.
    ///
    /// # Errors
    /// When no record of it was of any use.
    pub(super) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), DropReason> {
        let mut used = false;
        for record in records(datagram) {
            let Attempt::Running(running) = &mut self.attempt else { break };
            match running.handle_record(&record, now) {
                Ok(used_it) => used |= used_it,
                Err(EndpointDied) => self.attempt = Attempt::Waiting,
            }
        }
        if used { Ok(()) } else { Err(DropReason::UnexpectedDtls) }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.attempt {
            Attempt::Running(running) => {
                if running.handle_timeout(now).is_err() {
                    self.attempt = Attempt::Waiting;
                }
            }
            Attempt::Waiting => self.restart(now),
        }
    }

    /// When to call [`Client::handle_timeout`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.attempt {
            Attempt::Running(running) => {
                let believed_at = running.hello_verify.as_ref().map(|held| held.believed_at);
                running.endpoint.poll_timeout().into_iter().chain(believed_at).min()
            }
            Attempt::Waiting => Some(self.restart_not_before),
        }
    }

    /// The next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        match &mut self.attempt {
            Attempt::Running(running) => running.endpoint.poll_transmit(),
            Attempt::Waiting => None,
        }
    }

    /// The complete handshake, once, with the endpoint that outlives it.
    pub(super) fn take_outcome(&mut self) -> Option<(Outcome, Endpoint)> {
        let Attempt::Running(running) = &mut self.attempt else { return None };
        let outcome = running.endpoint.take_outcome()?;
        match std::mem::replace(&mut self.attempt, Attempt::Waiting) {
            Attempt::Running(running) => Some((outcome, running.endpoint)),
            Attempt::Waiting => None,
        }
    }

    fn restart(&mut self, now: Instant) {
        if now < self.restart_not_before {
            return;
        }
        self.restart_not_before = now + RESTART_INTERVAL;
        if let Ok(endpoint) = Endpoint::client(&self.certificate, now) {
            self.attempt = Attempt::Running(Box::new(Running {
                endpoint,
                guard: ClientGuard::Greeting,
                held: Vec::new(),
                hello_verify: None,
            }));
        }
    }
}

impl Running {
    /// Whether the record was fed or kept.
    fn handle_record(&mut self, record: &Record<'_>, now: Instant) -> Result<bool, EndpointDied> {
        match self.guard.judge(record) {
            ClientVerdict::Admit => {
                self.endpoint.handle_record(record.bytes, now)?;
                if self.guard == ClientGuard::Negotiating {
                    self.hello_verify = None;
                    for held in std::mem::take(&mut self.held) {
                        self.endpoint.handle_record(&held, now)?;
                    }
                }
                Ok(true)
            }
            ClientVerdict::HoldForServerHello if self.held.len() < HELD_RECORDS_MAX => {
                self.held.push(record.bytes.to_vec());
                Ok(true)
            }
            ClientVerdict::HoldAsHelloVerify if self.hello_verify.is_none() => {
                let believed_at = now + HELLO_VERIFY_DELAY;
                self.hello_verify = Some(HelloVerify { record: record.bytes.to_vec(), believed_at });
                Ok(true)
            }
            ClientVerdict::HoldForServerHello | ClientVerdict::HoldAsHelloVerify | ClientVerdict::Drop => {
                Ok(false)
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), EndpointDied> {
        self.endpoint.handle_timeout(now)?;
        if let Some(held) = self.hello_verify.take_if(|held| held.believed_at <= now) {
            self.guard.on_hello_verified();
            self.endpoint.handle_record(&held.record, now)?;
        }
        Ok(())
    }
}
