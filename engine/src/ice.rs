//! The ICE lite agent of a leg (RFC 8445 2.5): it answers checks and never sends its own.
//!
//! An authenticated check makes its source a *validated source*; only such sources are listened to,
//! and only one of them is sent to:
//!
//! ```text
//!           first check                  check with USE-CANDIDATE
//!  Nowhere -------------> FirstValidated --------------------------> Nominated
//!                          |         ^ another source,                | ^ another source with
//!                          +---------+ this one silent                +-+ USE-CANDIDATE
//! ```
//!
//! We do not wait for the nomination before we send: Firefox may take seconds over it while its
//! media already flows. A source is alive by its authenticated checks and its authenticated media.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds, Protocol};
use rand::Rng;
use rand::distr::Alphanumeric;
use tracing::debug;

use crate::net::Transmit;
use crate::net::demux::SOURCES_PER_LEG;
use crate::rtp::DropReason;

/// ICE characters of our ufrag: 95 bits, so that no two legs ever share one (RFC 8445 5.3: 24 bits).
const UFRAG_LENGTH: usize = 16;

/// ICE characters of our password: 142 bits (RFC 8445 5.3: 128 bits).
const PASSWORD_LENGTH: usize = 24;

/// How long the source that we send to may be silent before another may take its place. Longer than
/// the longest pause between a browser's checks (Firefox: 5 s).
const PATH_SILENCE: Duration = Duration::from_secs(6);

/// Different sources that one peer may ever use. The library remembers each for the life of the leg,
/// so that a peer which makes up addresses must find an end. Chosen by us.
const NEWCOMERS_MAX: u16 = 256;

/// Answers the library holds back until the peer's credentials are known; it keeps 100.
const DRAIN_STEPS_MAX: usize = 128;

/// The ICE lite agent of one leg.
pub struct IceLite {
    agent: IceAgent,
    ufrag: String,
    password: String,
    candidates: Vec<HostCandidate>,
    sources: Vec<Source>,
    newcomers_left: u16,
    selection: Selection,
    timeout: Option<Instant>,
    new_sources: VecDeque<SocketAddr>,
}

/// One of our own addresses, as descriptions show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCandidate {
    /// Where the shard's socket is bound.
    pub address: SocketAddr,
    /// RFC 8445 5.1.2.
    pub priority: u32,
}

/// From where and to where a leg sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Our candidate.
    pub local: SocketAddr,
    /// The peer's address, as we see it.
    pub remote: SocketAddr,
}

#[derive(Debug)]
struct Source {
    path: Path,
    heard_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    Nowhere,
    FirstValidated(Path),
    Nominated(Path),
}

impl IceLite {
    /// An agent with these host candidates and fresh credentials. Addresses that cannot be a
    /// candidate (unspecified, multicast, link-local) are left out.
    #[must_use]
    pub fn new(locals: &[SocketAddr]) -> Self {
        let (ufrag, password) = (random_text(UFRAG_LENGTH), random_text(PASSWORD_LENGTH));
        let mut agent = IceAgent::new(IceCreds { ufrag: ufrag.clone(), pass: password.clone() });
        agent.set_ice_lite(true);
        agent.set_controlling(false);
        // A lite agent is always controlled (RFC 8445 6.1.1): in a role conflict the peer yields.
        agent.set_control_tie_breaker(u64::MAX);
        let mut candidates = Vec::with_capacity(locals.len());
        for address in locals {
            let added = Candidate::host(*address, Protocol::Udp)
                .ok()
                .and_then(|candidate| agent.add_local_candidate(candidate).map(Candidate::prio));
            match added {
                Some(priority) => candidates.push(HostCandidate { address: *address, priority }),
                None => debug!(%address, "address cannot be a candidate"),
            }
        }
        Self {
            agent,
            ufrag,
            password,
            candidates,
            sources: Vec::with_capacity(SOURCES_PER_LEG),
            newcomers_left: NEWCOMERS_MAX,
            selection: Selection::Nowhere,
            timeout: None,
            new_sources: VecDeque::new(),
        }
    }

    /// Our user name fragment, unique among all legs.
    #[must_use]
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Our password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Our host candidates, best first.
    #[must_use]
    pub fn candidates(&self) -> &[HostCandidate] {
        &self.candidates
    }

    /// The peer's credentials. Checks that came before get their answers now.
    pub fn set_remote(&mut self, ufrag: &str, password: &str, now: Instant) {
        self.agent.set_remote_credentials(IceCreds { ufrag: ufrag.to_owned(), pass: password.to_owned() });
        self.handle_timeout(now);
    }

    /// Takes a STUN message that came from `from` to our candidate `local`.
    ///
    /// # Errors
    /// When it is no authenticated check for this leg; then nothing was changed and nothing is answered.
    pub fn handle_stun(
        &mut self,
        message: &[u8],
        from: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Result<(), DropReason> {
        let message = StunMessage::parse(message).map_err(|_| DropReason::MalformedStun)?;
        // We send no checks, so no response is ours; an indication wants nothing.
        if !message.is_binding_request() || !self.candidates.iter().any(|own| own.address == local) {
            return Err(DropReason::MalformedStun);
        }
        let is_newcomer = !self.is_validated(from);
        if is_newcomer && self.newcomers_left == 0 {
            return Err(DropReason::WrongSource);
        }
        let nominates = message.use_candidate();
        let packet = StunPacket { proto: Protocol::Udp, source: from, destination: local, message };
        if !self.agent.handle_packet(now, packet) {
            return Err(DropReason::AuthenticationFailed);
        }
        let path = Path { local, remote: from };
        if is_newcomer {
            self.newcomers_left -= 1;
            self.admit(path, now);
        }
        self.hear(path, now);
        self.reselect(path, nominates, now);
        self.handle_timeout(now);
        Ok(())
    }

    /// The peer's authenticated media came from `from`: it is alive.
    pub fn hear_media(&mut self, from: SocketAddr, now: Instant) {
        if let Some(source) = self.sources.iter_mut().find(|source| source.path.remote == from) {
            source.heard_at = now;
        }
    }

    /// Whether the peer has authenticated itself from this address.
    #[must_use]
    pub fn is_validated(&self, from: SocketAddr) -> bool {
        self.sources.iter().any(|source| source.path.remote == from)
    }

    /// Where to send, as soon as there is a validated source.
    #[must_use]
    pub fn path(&self) -> Option<Path> {
        match self.selection {
            Selection::Nowhere => None,
            Selection::FirstValidated(path) | Selection::Nominated(path) => Some(path),
        }
    }

    /// When the peer was last heard from `source`.
    #[must_use]
    pub fn heard_at(&self, source: SocketAddr) -> Option<Instant> {
        self.sources.iter().find(|known| known.path.remote == source).map(|known| known.heard_at)
    }

    /// When the peer was last heard, from anywhere: a check or media, authenticated.
    #[must_use]
    pub fn last_heard_at(&self) -> Option<Instant> {
        self.sources.iter().map(|source| source.heard_at).max()
    }

    /// The next STUN response to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let response = self.agent.poll_transmit()?;
        Some(Transmit { local: response.source, to: response.destination, payload: response.contents.into() })
    }

    /// The next source that the peer has newly authenticated itself from: what comes from there
    /// belongs to this leg.
    pub fn poll_new_source(&mut self) -> Option<SocketAddr> {
        self.new_sources.pop_front()
    }

    /// When to call [`IceLite::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        // One call answers one of the checks that waited for the peer's credentials.
        for _ in 0..DRAIN_STEPS_MAX {
            let answered = self.agent.stats().bind_request_recv;
            self.agent.handle_timeout(now);
            if self.agent.stats().bind_request_recv == answered {
                break;
            }
        }
        while let Some(event) = self.agent.poll_event() {
            if let IceAgentEvent::NominatedSend { source, destination, .. } = event {
                self.selection = Selection::Nominated(Path { local: source, remote: destination });
            }
        }
        self.timeout = self.agent.poll_timeout();
    }

    /// Makes room for a new source by the rule that the shard's table has too: the oldest goes. Its
    /// next check brings it back.
    fn admit(&mut self, path: Path, now: Instant) {
        if self.sources.len() == SOURCES_PER_LEG {
            self.sources.remove(0);
        }
        self.sources.push(Source { path, heard_at: now });
        self.new_sources.push_back(path.remote);
    }

    fn hear(&mut self, path: Path, now: Instant) {
        if let Some(source) = self.sources.iter_mut().find(|source| source.path.remote == path.remote) {
            *source = Source { path, heard_at: now };
        }
    }

    fn reselect(&mut self, path: Path, nominates: bool, now: Instant) {
        self.selection = match self.selection {
            Selection::Nowhere => Selection::FirstValidated(path),
            Selection::FirstValidated(current) if self.is_silent(current, now) => {
                Selection::FirstValidated(path)
            }
            Selection::Nominated(current) if nominates && self.is_silent(current, now) => {
                Selection::Nominated(path)
            }
            unchanged => unchanged,
        };
    }

    fn is_silent(&self, path: Path, now: Instant) -> bool {
        let heard_at = self.heard_at(path.remote);
        heard_at.is_none_or(|heard_at| now.saturating_duration_since(heard_at) >= PATH_SILENCE)
    }
}

fn random_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}
