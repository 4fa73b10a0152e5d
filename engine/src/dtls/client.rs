//! The handshake as DTLS client: the role we prefer, because nothing is admitted before the peer
//! answered our own ClientHello.
//!
//! An endpoint that died of a forgery is replaced by a fresh one. A peer in the middle of the old
//! handshake may refuse that; then the leg's deadline ends it.

use std::time::{Duration, Instant};

use super::DtlsCertificate;
use super::endpoint::{Endpoint, EndpointDied, Outcome, Progress};
use super::guard::{ClientGuard, ClientVerdict};
use super::record::{Content, Record, records};
use crate::rtp::DropReason;

/// How long a doubtful record waits for a better one. Browsers ask for no cookie, so a
/// HelloVerifyRequest that a ServerHello follows was forged; and nearly all peers end their flight in
/// one datagram. Peers that do otherwise wait this long. Above most round trips; chosen by us.
const DOUBT: Duration = Duration::from_millis(200);

/// Least time between two fresh endpoints, so that forgeries cannot make us spray ClientHellos.
const RESTART_INTERVAL: Duration = Duration::from_millis(150);

/// Records that may overtake the ServerHello, or be doubtful: a flight is two or three datagrams.
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
    /// Encrypted records that came before the ServerHello.
    early: Vec<Vec<u8>>,
    doubtful: Doubtful,
}

/// A HelloVerifyRequest, or a ChangeCipherSpec and what came after it.
#[derive(Default)]
struct Doubtful {
    records: Vec<Vec<u8>>,
    /// `None` as long as they are of no use.
    believed_at: Option<Instant>,
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
        let ends_flight = ends_flight(datagram);
        for record in records(datagram) {
            let Attempt::Running(running) = &mut self.attempt else { break };
            match running.handle_record(&record, ends_flight, now) {
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
                running.endpoint.poll_timeout().into_iter().chain(running.doubtful.believed_at).min()
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
                early: Vec::new(),
                doubtful: Doubtful::default(),
            }));
        }
    }
}

impl Running {
    /// Whether the record was fed or kept.
    fn handle_record(
        &mut self,
        record: &Record<'_>,
        ends_flight: bool,
        now: Instant,
    ) -> Result<bool, EndpointDied> {
        match self.guard.judge(record, ends_flight) {
            ClientVerdict::Admit => {
                self.endpoint.handle_record(record.bytes, now)?;
                self.doubtful = Doubtful::default();
                if self.guard == ClientGuard::Negotiating {
                    self.advance(now)?;
                }
                Ok(true)
            }
            ClientVerdict::HoldForServerHello if self.early.len() < HELD_RECORDS_MAX => {
                self.early.push(record.bytes.to_vec());
                Ok(true)
            }
            ClientVerdict::Doubt => Ok(self.doubtful.keep(record, now)),
            ClientVerdict::HoldForServerHello | ClientVerdict::Drop => Ok(false),
        }
    }

    /// After plaintext of the server's was fed: is there more to come?
    fn advance(&mut self, now: Instant) -> Result<(), EndpointDied> {
        let is_dtls13 = self.endpoint.is_dtls13();
        if is_dtls13 || self.endpoint.progress() >= Progress::Answered {
            self.guard.on_plaintext_complete(is_dtls13);
        }
        for record in std::mem::take(&mut self.early) {
            if is_dtls13 {
                self.endpoint.handle_record(&record, now)?;
            }
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), EndpointDied> {
        self.endpoint.handle_timeout(now)?;
        if self.doubtful.believed_at.is_some_and(|at| at <= now) {
            if self.guard == ClientGuard::Greeting {
                self.guard.on_hello_verified();
            }
            for record in std::mem::take(&mut self.doubtful).records {
                self.endpoint.handle_record(&record, now)?;
            }
        }
        Ok(())
    }
}

impl Doubtful {
    /// Keeps the record if it may come to something: a HelloVerifyRequest does alone, a
    /// ChangeCipherSpec with something encrypted behind it.
    fn keep(&mut self, record: &Record<'_>, now: Instant) -> bool {
        let is_first = self.records.is_empty();
        let (fits, completes) = match record.content {
            Content::Handshake(_) => (is_first, true),
            Content::ChangeCipherSpec => (is_first, false),
            Content::Encrypted => (!is_first && self.records.len() < HELD_RECORDS_MAX, true),
            Content::Alert | Content::Other => (false, false),
        };
        if fits {
            self.records.push(record.bytes.to_vec());
        }
        if fits && completes {
            self.believed_at = self.believed_at.or(Some(now + DOUBT));
        }
        fits
    }
}

/// Whether a ChangeCipherSpec and what it protects came together.
fn ends_flight(datagram: &[u8]) -> bool {
    records(datagram)
        .skip_while(|record| record.content != Content::ChangeCipherSpec)
        .any(|record| record.content == Content::Encrypted)
}

#[cfg(test)]
mod tests {
    use super::super::record::samples::{handshake, plaintext};
    use super::*;

    fn client(now: Instant) -> Client {
        Client::new(&DtlsCertificate::generate().expect("works on any machine"), now)
    }

    fn drain(client: &mut Client) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| client.poll_transmit()).collect()
    }

    /// A ServerHello of a cipher suite that we did not offer.
    fn bad_server_hello() -> Vec<u8> {
        let body = [&[0xFE, 0xFD], [9; 32].as_slice(), &[0, 0, 0x2F, 0, 0, 0]].concat();
        plaintext(22, 0, &handshake(2, 0, &body))
    }

    #[test]
    fn an_endpoint_that_died_is_replaced_but_not_at_once() {
        let start = Instant::now();
        let mut client = client(start);
        let first = drain(&mut client);
        assert_eq!(first.len(), 1);
        let hit_at = start + Duration::from_millis(10);
        client.handle_datagram(&bad_server_hello(), hit_at).expect_err("it killed the endpoint");
        assert!(drain(&mut client).is_empty());
        assert_eq!(client.poll_timeout(), Some(start + RESTART_INTERVAL));
        client.handle_timeout(start + RESTART_INTERVAL);
        let second = drain(&mut client);
        assert_eq!(second.len(), 1);
        assert_ne!(first, second, "a fresh random");
        let hit_again_at = start + RESTART_INTERVAL + Duration::from_millis(10);
        client.handle_datagram(&bad_server_hello(), hit_again_at).expect_err("again");
        assert_eq!(client.poll_timeout(), Some(start + RESTART_INTERVAL * 2));
    }

    #[test]
    fn a_cookie_request_is_believed_only_after_a_while() {
        let start = Instant::now();
        let mut client = client(start);
        drain(&mut client);
        let request = plaintext(22, 0, &handshake(3, 0, &[0xFE, 0xFF, 4, 1, 2, 3, 4]));
        assert_eq!(client.handle_datagram(&request, start), Ok(()));
        assert_eq!(client.handle_datagram(&request, start), Err(DropReason::UnexpectedDtls), "one is enough");
        assert!(drain(&mut client).is_empty());
        client.handle_timeout(start + DOUBT);
        let answers = drain(&mut client);
        assert!(
            answers.iter().any(|hello| hello.windows(5).any(|bytes| bytes == [4, 1, 2, 3, 4])),
            "the cookie was echoed"
        );
    }

    #[test]
    fn a_change_of_cipher_is_doubted_until_something_encrypted_follows() {
        let now = Instant::now();
        let change = plaintext(20, 0, &[1]);
        let finished = [22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7];
        let record = |bytes| records(bytes).next().expect("one record");
        let mut doubtful = Doubtful::default();
        assert!(!doubtful.keep(&record(&finished), now), "nothing to follow");
        assert!(doubtful.keep(&record(&change), now));
        assert_eq!(doubtful.believed_at, None);
        assert!(!doubtful.keep(&record(&change), now));
        assert!(doubtful.keep(&record(&finished), now));
        assert!(doubtful.keep(&record(&finished), now + DOUBT));
        assert_eq!(doubtful.believed_at, Some(now + DOUBT));
        let kept = (0..20).filter(|_| doubtful.keep(&record(&finished), now)).count();
        assert_eq!(kept, HELD_RECORDS_MAX - 3);
        assert!(ends_flight(&[change.as_slice(), &finished].concat()));
        assert!(!ends_flight(&[finished.as_slice(), &change].concat()));
    }
}
