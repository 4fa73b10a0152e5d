//! One ICE session: our credentials, the peer's, and what was checked with them.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use is::stun::StunPacket;
use is::{Candidate as IceCandidate, IceAgent, IceAgentEvent, IceCreds, Protocol};
use rand::Rng;
use rand::distr::Alphanumeric;
use tracing::debug;

use super::{HostCandidate, Path, RemoteIce};
use crate::net::demux::CHECKS_PER_LEG;
use crate::net::{TransactionId, Transmit};
use crate::sdp::{Candidate, CandidateTransport};

/// ICE characters of our ufrag: 95 bits, so that no two legs ever share one (RFC 8445 5.3: 24 bits).
const UFRAG_LENGTH: usize = 16;

/// ICE characters of our password: 142 bits (RFC 8445 5.3: 128 bits).
const PASSWORD_LENGTH: usize = 24;

/// Answers the library holds back until the peer's credentials are known; it keeps 100.
const DRAIN_STEPS_MAX: usize = 128;

/// Candidates of a peer that we check: one a network interface and address family, and as many that a NAT
/// shows. A peer may name anybody's address, which gets no more than ten checks then. Chosen by us.
const REMOTE_CANDIDATES_MAX: usize = 10;

/// Different sources that one peer may use in a session. The library remembers each for the life of it, so that
/// a peer which makes up addresses must find an end. Chosen by us.
pub(super) const NEWCOMERS_MAX: u16 = 256;

/// What begins anew with every restart.
pub(super) struct Session {
    agent: IceAgent,
    ufrag: String,
    password: String,
    /// Where its first check came from, unless the session was in use from the begin.
    path: Option<Path>,
    part: Part,
    /// Our checks whose answers may still come, oldest first.
    awaited: VecDeque<(TransactionId, Path)>,
    /// How many more sources the peer may come from.
    pub(super) newcomers_left: u16,
}

/// Who checks.
enum Part {
    /// The peer alone.
    Answerer,
    /// We do, as soon as we know from where; these candidates of the peer are known.
    Waiting(Vec<Candidate>),
    /// We do; so many candidates of the peer.
    Checker(usize),
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
        let awaited = VecDeque::new();
        let newcomers_left = NEWCOMERS_MAX;
        let part = Part::Answerer;
        let mut session = Self { agent, ufrag, password, path: None, part, awaited, newcomers_left };
        candidates.extend(locals.iter().filter_map(|address| session.add_local(*address)));
        streams.iter().for_each(|address| session.add_stream(*address));
        (session, candidates)
    }

    /// Takes checks at this address of UDP too; `None` where it cannot be a candidate, or is one.
    pub(super) fn add_local(&mut self, address: SocketAddr) -> Option<HostCandidate> {
        let added = Some(address)
            .filter(|address| !is_link_local(address.ip()))
            .and_then(|address| IceCandidate::host(address, Protocol::Udp).ok())
            .and_then(|candidate| self.agent.add_local_candidate(candidate).map(IceCandidate::prio));
        if added.is_none() {
            debug!(%address, "address cannot be a candidate");
        }
        added.map(|priority| HostCandidate { address, priority })
    }

    /// Takes checks on streams to this address too.
    pub(super) fn add_stream(&mut self, address: SocketAddr) {
        // Descriptions show those addresses in their own way: which of them is ours is not to be told.
        if let Ok(candidate) = IceCandidate::host(address, Protocol::Tcp) {
            self.agent.add_local_candidate(candidate);
        }
    }

    /// An address of UDP is no more.
    pub(super) fn remove_local(&mut self, address: SocketAddr) {
        if let Ok(candidate) = IceCandidate::host(address, Protocol::Udp) {
            self.agent.invalidate_candidate(&candidate);
        }
        self.path = self.path.filter(|path| path.local != address);
    }

    pub(super) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Takes the peer's side. Whoever has a lite peer must be full and controlling (RFC 8445 6.1.1).
    pub(super) fn set_remote(&mut self, remote: &RemoteIce) {
        let (ufrag, pass) = (remote.ufrag.clone(), remote.password.clone());
        self.agent.set_remote_credentials(IceCreds { ufrag, pass });
        if remote.is_lite {
            debug!("the peer is lite: we check");
            self.part = Part::Waiting(remote.candidates.clone());
        }
    }

    /// Whether it is we who check, and we have not begun.
    pub(super) const fn waits_for_checks(&self) -> bool {
        matches!(self.part, Part::Waiting(_))
    }

    /// Whether it is we who check, begun or not.
    pub(super) const fn is_checker(&self) -> bool {
        !matches!(self.part, Part::Answerer)
    }

    /// Begins to check from these addresses, if it is we who check.
    pub(super) fn begin_checks(&mut self, from: &[SocketAddr]) {
        let Part::Waiting(candidates) = &mut self.part else { return };
        let candidates = std::mem::take(candidates);
        // A candidate that was there before would be paired too, so that this is a new agent.
        let own = IceCreds { ufrag: self.ufrag.clone(), pass: self.password.clone() };
        let remote = self.agent.remote_credentials().cloned();
        self.agent = IceAgent::new(own);
        self.agent.set_controlling(true);
        for address in from {
            if let Ok(candidate) = IceCandidate::host(*address, Protocol::Udp) {
                self.agent.add_local_candidate(candidate);
            }
        }
        if let Some(remote) = remote {
            self.agent.set_remote_credentials(remote);
        }
        self.part = Part::Checker(0);
        self.add_candidates(&candidates);
    }

    /// Checks these too, if it is we who check.
    pub(super) fn add_candidates(&mut self, candidates: &[Candidate]) {
        let checked = match &mut self.part {
            Part::Answerer => return,
            // The rest would not be checked.
            Part::Waiting(known) if known.len() >= REMOTE_CANDIDATES_MAX => return,
            Part::Waiting(known) => return known.extend_from_slice(candidates),
            Part::Checker(checked) => checked,
        };
        for candidate in candidates {
            let usable = usable(candidate, &self.agent).filter(|_| *checked < REMOTE_CANDIDATES_MAX);
            let Some(usable) = usable else {
                debug!(%candidate, "candidate is not checked");
                continue;
            };
            self.agent.add_remote_candidate(usable);
            *checked += 1;
        }
    }

    /// The peer's user name fragment.
    pub(super) fn remote_ufrag(&self) -> Option<&str> {
        self.agent.remote_credentials().map(|remote| &*remote.ufrag)
    }

    /// Whether the answer of a check of ours may come by this path.
    pub(super) fn awaits(&self, id: TransactionId, path: Path) -> bool {
        self.awaited.contains(&(id, path))
    }

    /// A check has got its answer; the same again is of no use.
    pub(super) fn forget_check(&mut self, id: TransactionId) {
        self.awaited.retain(|(awaited, _)| *awaited != id);
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

    /// Takes a check, or the answer to one; false when it is not authentic.
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
        let sent = self.agent.poll_transmit()?;
        let (local, to, payload): (_, _, Vec<u8>) = (sent.source, sent.destination, sent.contents.into());
        if let Some(id) = TransactionId::of_request(&payload) {
            if self.awaited.len() == CHECKS_PER_LEG {
                self.awaited.pop_front();
            }
            self.awaited.push_back((id, Path { local, remote: to }));
        }
        Some(Transmit { local, to, payload })
    }

    /// The next path that the peer has nominated, or that we have.
    pub(super) fn poll_nominated(&mut self) -> Option<Path> {
        while let Some(event) = self.agent.poll_event() {
            if let IceAgentEvent::NominatedSend { source, destination, .. } = event {
                return Some(Path { local: source, remote: destination });
            }
        }
        None
    }
}

/// A candidate that can be checked: of UDP, with the address of one host, not a name. `.local` names are not
/// looked up: a peer that has nothing else will be found by its own checks, if it sends any.
fn usable(candidate: &Candidate, agent: &IceAgent) -> Option<IceCandidate> {
    let address =
        candidate.address().filter(|address| address.port() != 0 && !is_link_local(address.ip()))?;
    let is_voice_by_udp = candidate.component == 1 && candidate.transport == CandidateTransport::Udp;
    // Nobody else's peer is on this machine.
    let is_local = |own: IceCandidate| own.addr().ip().is_loopback();
    let is_near = !address.ip().is_loopback() || agent.local_candidates().any(is_local);
    IceCandidate::host(address, Protocol::Udp).ok().filter(|_| is_voice_by_udp && is_near)?;
    let known = Candidate { extensions: Vec::new(), ..candidate.clone() };
    IceCandidate::from_sdp_string(&known.to_string()).ok()
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
