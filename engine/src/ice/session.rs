//! One ICE session: our credentials, the peer's, and what was checked with them.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use is::stun::StunPacket;
use is::{Candidate, IceAgent, IceAgentEvent, IceCreds, Protocol};
use rand::Rng;
use rand::distr::Alphanumeric;
use tracing::debug;

use super::{HostCandidate, Path};
use crate::net::Transmit;

/// ICE characters of our ufrag: 95 bits, so that no two legs ever share one (RFC 8445 5.3: 24 bits).
const UFRAG_LENGTH: usize = 16;

/// ICE characters of our password: 142 bits (RFC 8445 5.3: 128 bits).
const PASSWORD_LENGTH: usize = 24;

/// Answers the library holds back until the peer's credentials are known; it keeps 100.
const DRAIN_STEPS_MAX: usize = 128;

/// What begins anew with every restart.
pub(super) struct Session {
    agent: IceAgent,
    ufrag: String,
    password: String,
    /// Where its first check came from, unless the session was in use from the begin.
    path: Option<Path>,
}

impl Session {
    /// A session with fresh credentials, and its host candidates. Addresses that cannot be a candidate
    /// (unspecified, multicast, link-local) are left out.
    pub(super) fn new(locals: &[SocketAddr], streams: &[SocketAddr]) -> (Self, Vec<HostCandidate>) {
        let (ufrag, password) = (random_text(UFRAG_LENGTH), random_text(PASSWORD_LENGTH));
        let mut agent = IceAgent::new(IceCreds { ufrag: ufrag.clone(), pass: password.clone() });
        agent.set_ice_lite(true);
        agent.set_controlling(false);
        // A lite agent is always controlled (RFC 8445 6.1.1): in a role conflict the peer yields.
        agent.set_control_tie_breaker(u64::MAX);
        let mut candidates = Vec::with_capacity(locals.len());
        for address in locals {
            let added = Some(*address)
                .filter(|address| !is_link_local(address.ip()))
                .and_then(|address| Candidate::host(address, Protocol::Udp).ok())
                .and_then(|candidate| agent.add_local_candidate(candidate).map(Candidate::prio));
            match added {
                Some(priority) => candidates.push(HostCandidate { address: *address, priority }),
                None => debug!(%address, "address cannot be a candidate"),
            }
        }
        for address in streams {
            // Descriptions show those addresses in their own way: which of them is ours is not to be told.
            if let Ok(candidate) = Candidate::host(*address, Protocol::Tcp) {
                agent.add_local_candidate(candidate);
            }
        }
        (Self { agent, ufrag, password, path: None }, candidates)
    }

    pub(super) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    pub(super) fn set_remote(&mut self, ufrag: &str, password: &str) {
        self.agent.set_remote_credentials(IceCreds { ufrag: ufrag.to_owned(), pass: password.to_owned() });
    }

    pub(super) fn has_remote(&self) -> bool {
        self.agent.remote_credentials().is_some()
    }

    /// Notes where a check came from, if it is the first.
    pub(super) fn note_path(&mut self, path: Path) {
        self.path.get_or_insert(path);
    }

    pub(super) const fn path(&self) -> Option<Path> {
        self.path
    }

    /// Takes a check; false when it is not authentic.
    pub(super) fn handle_packet(&mut self, packet: StunPacket<'_>, now: Instant) -> bool {
        self.agent.handle_packet(now, packet)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        // One call answers one of the checks that waited for the peer's credentials.
        for _ in 0..DRAIN_STEPS_MAX {
            let answered = self.agent.stats().bind_request_recv;
            self.agent.handle_timeout(now);
            if self.agent.stats().bind_request_recv == answered {
                break;
            }
        }
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        self.agent.poll_timeout()
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let response = self.agent.poll_transmit()?;
        Some(Transmit { local: response.source, to: response.destination, payload: response.contents.into() })
    }

    /// The next path that the peer has nominated.
    pub(super) fn poll_nominated(&mut self) -> Option<Path> {
        while let Some(event) = self.agent.poll_event() {
            if let IceAgentEvent::NominatedSend { source, destination, .. } = event {
                return Some(Path { local: source, remote: destination });
            }
        }
        None
    }
}

/// Worth nothing to a peer without the name of its interface; the library lets IPv6's pass.
const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn random_text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}
