//! The handshake as DTLS server, only for peers that insist on being the client.
//!
//! Whoever spoofs the peer's address can send a ClientHello of his own, and a library endpoint takes
//! the first it gets. So every ClientHello random has an endpoint to itself, and only endpoints whose
//! client echoed our cookie, which a blind spoofer never saw, get to see anything but ClientHellos.
//! The first that completes is taken.
//!
//! What stays possible: our cookie request to a *forged* ClientHello goes to the real peer, and if it
//! gets there between the peer's ClientHello and our answer to that, most clients give up. Only one
//! cookie for all randoms would cure it, which the library does not offer; as client we are immune.

use std::time::{Duration, Instant};

use super::DtlsCertificate;
use super::endpoint::{Endpoint, Outcome, Progress};
use super::flight::ClientFlight;
use super::guard::{ServerVerdict, judge_as_server};
use super::record::{Content, Fragment, Record, records};
use crate::rtp::DropReason;

/// Most endpoints at a time; the oldest whose client has proven nothing makes room.
const PENDING_MAX: usize = 48;

/// How long a client may take to echo our cookie.
const UNPROVEN_LIFETIME: Duration = Duration::from_secs(5);

/// New endpoints at once, and then one per `TOKEN_INTERVAL`: an endpoint with its cookie costs some
/// 50 us, so that a flood of ClientHellos costs a tenth of a core at most. Chosen by us.
const TOKENS_MAX: u32 = 64;
const TOKEN_INTERVAL: Duration = Duration::from_micros(500);

/// A handshake as server.
pub(super) struct Server {
    certificate: DtlsCertificate,
    /// Oldest first.
    pending: Vec<Pending>,
    tokens: Tokens,
}

/// One possible client.
struct Pending {
    random: [u8; 32],
    /// Number and length of its last ClientHello, by which later fragments find their endpoint.
    hello: (u16, u32),
    expires_at: Instant,
    endpoint: Endpoint,
    flight: ClientFlight,
}

struct Tokens {
    left: u32,
    counted_at: Instant,
}

impl Server {
    /// Waits for a ClientHello.
    pub(super) fn new(certificate: &DtlsCertificate, now: Instant) -> Self {
        Self {
            certificate: certificate.clone(),
            pending: Vec::new(),
            tokens: Tokens { left: TOKENS_MAX, counted_at: now },
        }
    }

    /// Takes a datagram from the peer's address.
    ///
    /// # Errors
    /// When no record of it was of any use.
    pub(super) fn handle_datagram(&mut self, datagram: &[u8], now: Instant) -> Result<(), DropReason> {
        let mut used = false;
        let mut answers = Vec::new();
        for record in records(datagram) {
            match judge_as_server(&record) {
                ServerVerdict::ClientHello(hello) => used |= self.handle_hello(&hello, record.bytes, now),
                ServerVerdict::Answered => answers.push(record),
                ServerVerdict::Drop => {}
            }
        }
        used |= self.handle_answers(&answers, now);
        if used { Ok(()) } else { Err(DropReason::UnexpectedDtls) }
    }

    /// Retransmits what is due and forgets whoever proved nothing.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.pending
            .retain_mut(|pending| !pending.is_expired(now) && pending.endpoint.handle_timeout(now).is_ok());
    }

    /// When to call [`Server::handle_timeout`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pending
            .iter()
            .flat_map(|pending| pending.endpoint.poll_timeout().into_iter().chain(pending.expiry()))
            .min()
    }

    /// The next datagram to send.
    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.pending.iter_mut().find_map(|pending| pending.endpoint.poll_transmit())
    }

    /// The first complete handshake, once, with the endpoint that outlives it.
    pub(super) fn take_outcome(&mut self) -> Option<(Outcome, Endpoint)> {
        for index in 0..self.pending.len() {
            if let Some(outcome) = self.pending[index].endpoint.take_outcome() {
                return Some((outcome, self.pending.swap_remove(index).endpoint));
            }
        }
        None
    }

    fn handle_hello(&mut self, hello: &Fragment<'_>, record: &[u8], now: Instant) -> bool {
        let place = (hello.message_seq, hello.length);
        let Some(random) = hello.hello_random() else {
            return self.feed(record, now, |pending| pending.hello == place);
        };
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.random == random) {
            pending.hello = place;
        } else if !self.start(random, place, now) {
            return false;
        }
        self.feed(record, now, |pending| pending.random == random)
    }

    /// For clients that have proven that they hear us, and kept together (see [`ClientFlight`]).
    fn handle_answers(&mut self, records: &[Record<'_>], now: Instant) -> bool {
        let mut used = false;
        self.pending.retain_mut(|pending| {
            if records.is_empty() || pending.endpoint.progress() < Progress::Answered {
                return true;
            }
            let admitted = if pending.endpoint.is_dtls13() {
                let encrypted = records.iter().filter(|record| record.content == Content::Encrypted);
                encrypted.map(|record| record.bytes.to_vec()).collect()
            } else {
                pending.flight.offer(records)
            };
            used = true;
            admitted.iter().all(|record| pending.endpoint.handle_record(record, now).is_ok())
        });
        used
    }

    fn start(&mut self, random: [u8; 32], hello: (u16, u32), now: Instant) -> bool {
        if self.pending.len() >= PENDING_MAX {
            let unproven = |pending: &Pending| pending.endpoint.progress() == Progress::Started;
            let Some(oldest) = self.pending.iter().position(unproven) else { return false };
            self.pending.remove(oldest);
        }
        if !self.tokens.take(now) {
            return false;
        }
        let Ok(endpoint) = Endpoint::server(&self.certificate, now) else { return false };
        let expires_at = now + UNPROVEN_LIFETIME;
        self.pending.push(Pending { random, hello, expires_at, endpoint, flight: ClientFlight::default() });
        true
    }

    /// Feeds every endpoint that `wants` the record, and buries those that die of it.
    fn feed(&mut self, record: &[u8], now: Instant, wants: impl Fn(&Pending) -> bool) -> bool {
        let mut used = false;
        self.pending.retain_mut(|pending| {
            if !wants(pending) {
                return true;
            }
            used = true;
            pending.endpoint.handle_record(record, now).is_ok()
        });
        used
    }
}

impl Pending {
    /// Only for clients that have proven nothing; the others have the leg's deadline.
    fn expiry(&self) -> Option<Instant> {
        (self.endpoint.progress() == Progress::Started).then_some(self.expires_at)
    }

    fn is_expired(&self, now: Instant) -> bool {
        self.expiry().is_some_and(|at| at <= now)
    }
}

impl Tokens {
    fn take(&mut self, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.counted_at);
        let earned = u32::try_from(elapsed.as_micros() / TOKEN_INTERVAL.as_micros()).unwrap_or(u32::MAX);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(TOKENS_MAX);
            self.counted_at = now;
        }
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::samples::{client_hello, handshake, plaintext};
    use super::*;

    fn server(now: Instant) -> Server {
        Server::new(&DtlsCertificate::generate().expect("works on any machine"), now)
    }

    fn drain(server: &mut Server) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| server.poll_transmit()).collect()
    }

    #[test]
    fn every_random_has_its_own_endpoint_and_its_own_cookie() {
        let now = Instant::now();
        let mut server = server(now);
        let mut cookies = Vec::new();
        for random in [1, 2, 1] {
            assert_eq!(server.handle_datagram(&client_hello([random; 32]), now), Ok(()));
            cookies.extend(drain(&mut server));
        }
        assert_eq!(server.pending.len(), 2);
        assert!(cookies.len() >= 2, "both were answered");
        assert_ne!(cookies[0], cookies[1]);
        assert!(cookies.iter().all(|answer| answer.len() < client_hello([1; 32]).len()), "no amplification");
    }

    #[test]
    fn records_of_nobody_who_proved_anything_are_dropped() {
        let now = Instant::now();
        let mut server = server(now);
        server.handle_datagram(&client_hello([1; 32]), now).expect("a ClientHello");
        drain(&mut server);
        for record in [
            plaintext(22, 1, &handshake(11, 1, &[0, 0, 0])),
            plaintext(20, 2, &[1]),
            plaintext(21, 3, &[2, 40]),
            vec![22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7],
        ] {
            assert_eq!(server.handle_datagram(&record, now), Err(DropReason::UnexpectedDtls));
        }
        assert_eq!((server.pending.len(), drain(&mut server).len()), (1, 0));
    }

    #[test]
    fn a_flood_of_hellos_is_bounded_in_number_and_in_rate() {
        let mut now = Instant::now();
        let mut server = server(now);
        let mut started = 0;
        for n in 0..1000_u32 {
            let mut random = [0; 32];
            random[..4].copy_from_slice(&n.to_be_bytes());
            started += u32::from(server.handle_datagram(&client_hello(random), now).is_ok());
            drain(&mut server);
            assert!(server.pending.len() <= PENDING_MAX);
        }
        assert_eq!(started, TOKENS_MAX);
        now += TOKEN_INTERVAL * 3;
        for random in [0xF0, 0xF1, 0xF2, 0xF3] {
            started += u32::from(server.handle_datagram(&client_hello([random; 32]), now).is_ok());
        }
        assert_eq!(started, TOKENS_MAX + 3);
    }

    #[test]
    fn clients_that_prove_nothing_are_forgotten() {
        let now = Instant::now();
        let mut server = server(now);
        server.handle_datagram(&client_hello([1; 32]), now).expect("a ClientHello");
        let mut timers = 0;
        while let Some(at) = server.poll_timeout() {
            assert!(at <= now + UNPROVEN_LIFETIME);
            server.handle_timeout(at);
            timers += 1;
            assert!(timers < 100, "they are forgotten");
        }
        assert!(server.pending.is_empty());
    }

    #[test]
    fn the_rest_of_a_hello_goes_to_the_one_that_began_it() {
        let now = Instant::now();
        let mut server = server(now);
        let whole = client_hello([1; 32]);
        let body = &whole[13 + 12..];
        let piece = |offset: usize, part: &[u8]| {
            let mut message = handshake(1, 0, part);
            message[1..4].copy_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
            message[6..9].copy_from_slice(&(offset as u32).to_be_bytes()[1..]);
            plaintext(22, offset as u8, &message)
        };
        let (head, rest) = body.split_at(60);
        assert_eq!(server.handle_datagram(&piece(60, rest), now), Err(DropReason::UnexpectedDtls));
        assert_eq!(server.handle_datagram(&piece(0, head), now), Ok(()));
        assert_eq!(drain(&mut server).len(), 0, "half a hello is not answered");
        assert_eq!(server.handle_datagram(&piece(60, rest), now), Ok(()));
        assert_eq!(drain(&mut server).len(), 1);
    }
}
