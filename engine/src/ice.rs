//! The ICE agent of a leg: a lite one (RFC 8445 2.5), which answers checks and never sends its own. Where
//! the peer is lite too nobody would check, so that we become a full, controlling agent (RFC 8445 6.1.1).
//!
//! An authenticated check makes its source a *validated source*, and so does an authenticated answer to a
//! check of ours that comes from where the check went. Only such sources are listened to, and only one of
//! them is sent to:
//!
//! ```text
//!         first check, answer              check with USE-CANDIDATE,
//!  Nowhere -------------> FirstValidated --------------------------> Nominated
//!                          |         ^ another source,   our own      | ^ another source with
//!                          +---------+ this one silent   choice       +-+ USE-CANDIDATE, a better pair
//! ```
//!
//! We do not wait for the nomination before we send: Firefox may take seconds over it while its
//! media already flows. A source is alive by its authenticated checks and its authenticated media.
//! A nomination is followed to a source of higher priority at once, and to any other when the peer has
//! left the one that we send to: it came from another network.
//!
//! A restart (RFC 8445 9) opens another session with credentials of its own. Both are answered, and
//! media stays where it is, until the first check of the new one: then the old one is forgotten.

mod checks;
mod locals;
mod remote;
mod session;
mod source;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::Protocol;
use is::stun::{StunMessage, StunPacket};
use tracing::debug;

pub use self::remote::RemoteIce;
use self::session::Session;
use self::source::Source;
use crate::net::TransactionId;
use crate::net::demux::SOURCES_PER_LEG;
use crate::rtp::DropReason;

/// How long the source that we send to may be silent before another may take its place. Longer than
/// the longest pause between a browser's checks (Firefox: 5 s).
const PATH_SILENCE: Duration = Duration::from_secs(6);

/// How long the nominated source may be silent before a nomination of lower priority counts as a move.
/// A peer that talks is heard every 20 ms, one that is silent by DTX every 400 ms. Chosen by us.
const MOVED_SILENCE: Duration = Duration::from_secs(1);

/// The ICE agent of one leg.
pub struct Ice {
    /// The first is in use; later ones are restarts whose first check has not come: one that was agreed
    /// on, one that is proposed.
    sessions: VecDeque<Session>,
    candidates: Vec<HostCandidate>,
    /// Those of our addresses at which TCP streams come (RFC 6544).
    streams: Vec<SocketAddr>,
    /// Those of our addresses from which we check, and nobody else; `None` before they are given.
    checkers: Option<Vec<SocketAddr>>,
    sources: Vec<Source>,
    /// When the peer was last heard at an address of ours that is no more.
    heard_before: Option<Instant>,
    selection: Selection,
    timeout: Option<Instant>,
    source_changes: VecDeque<SourceChange>,
    routes: VecDeque<StunRoute>,
}

/// From where datagrams that are not STUN are the leg's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceChange {
    /// The peer has newly authenticated itself from this address: what comes from there belongs to the leg.
    Added(SocketAddr),
    /// It made room for another: what comes from there no longer does.
    Removed(SocketAddr),
}

/// By what STUN messages find the leg, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StunRoute {
    /// Checks: by this user name fragment too.
    Added(String),
    /// Checks: by this user name fragment no longer.
    Removed(String),
    /// Everything: by sockets of its own, which are to be given ([`Ice::check_from`]).
    OwnSockets,
    /// The answer to a check of ours: by its transaction.
    Awaited(TransactionId),
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    Nowhere,
    FirstValidated(Path),
    Nominated(Path),
}

impl Ice {
    /// An agent with these host candidates and fresh credentials. Addresses that cannot be a
    /// candidate (unspecified, multicast, link-local) are left out.
    #[must_use]
    pub fn new(locals: &[SocketAddr]) -> Self {
        Self::with_streams(locals, &[])
    }

    /// As [`Self::new`], with addresses at which TCP streams come; none of them is one of the others.
    #[must_use]
    pub fn with_streams(locals: &[SocketAddr], streams: &[SocketAddr]) -> Self {
        let (session, candidates) = Session::new(locals, streams);
        Self {
            sessions: VecDeque::from([session]),
            candidates,
            streams: streams.to_vec(),
            checkers: None,
            sources: Vec::new(),
            heard_before: None,
            selection: Selection::Nowhere,
            timeout: None,
            source_changes: VecDeque::new(),
            routes: VecDeque::new(),
        }
    }

    /// Our user name fragment, unique among all legs; that of the newest session.
    #[must_use]
    pub fn ufrag(&self) -> &str {
        self.newest().ufrag()
    }

    /// Our password; that of the newest session.
    #[must_use]
    pub fn password(&self) -> &str {
        self.newest().password()
    }

    /// Our host candidates, best first.
    #[must_use]
    pub fn candidates(&self) -> &[HostCandidate] {
        &self.candidates
    }

    /// Opens another session with credentials of its own, which our next description shows. Media stays
    /// where it is until the first check of that session, or for good if it is given up.
    pub fn restart(&mut self, now: Instant) {
        self.give_up_restart();
        let locals: Vec<_> = self.candidates.iter().map(|candidate| candidate.address).collect();
        let (session, _) = Session::new(&locals, &self.streams);
        self.routes.push_back(StunRoute::Added(session.ufrag().to_owned()));
        self.sessions.push_back(session);
        self.handle_timeout(now);
    }

    /// Forgets a restart that the peer has not agreed to, if there is one.
    pub fn give_up_restart(&mut self) {
        if self.is_restarting()
            && let Some(session) = self.sessions.pop_back()
        {
            self.routes.push_back(StunRoute::Removed(session.ufrag().to_owned()));
        }
    }

    /// Whether our newest credentials are those of a restart that the peer has not agreed to yet.
    #[must_use]
    pub fn is_restarting(&self) -> bool {
        self.sessions.len() > 1 && !self.newest().has_remote()
    }

    /// The peer's side of the newest session. Checks that came before get their answers now; a lite peer is
    /// checked by us as soon as it is known from where.
    pub fn set_remote(&mut self, remote: &RemoteIce, now: Instant) {
        // A restart that was agreed on before and never checked is of no use any more.
        while self.sessions.len() > 2
            && let Some(session) = self.sessions.remove(1)
        {
            self.routes.push_back(StunRoute::Removed(session.ufrag().to_owned()));
        }
        if let Some(newest) = self.sessions.back_mut() {
            newest.set_remote(remote);
        }
        self.begin_checks();
        self.advance();
        self.handle_timeout(now);
    }

    /// Takes a STUN message that came from `from` to our candidate `local`.
    ///
    /// # Errors
    /// When it is neither an authenticated check for this leg nor an authenticated answer to one of ours; then
    /// nothing was changed and nothing is answered.
    pub fn handle_stun(
        &mut self,
        message: &[u8],
        from: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Result<(), DropReason> {
        if let Some(id) = TransactionId::of_answer(message) {
            return self.handle_answer(message, id, Path { local, remote: from }, now);
        }
        let message = StunMessage::parse(message).map_err(|_| DropReason::MalformedStun)?;
        // An indication wants nothing.
        let is_stream = self.streams.contains(&local);
        let is_ours = is_stream || self.candidates.iter().any(|own| own.address == local);
        if !message.is_binding_request() || !is_ours {
            return Err(DropReason::MalformedStun);
        }
        let nominates = message.use_candidate();
        let addressed = message.split_username().map(|(ours, _)| ours.to_owned());
        let addressed =
            self.sessions.iter().position(|session| Some(session.ufrag()) == addressed.as_deref());
        let index = addressed.ok_or(DropReason::AuthenticationFailed)?;
        if !self.is_validated(from, local) && self.sessions[index].newcomers_left == 0 {
            return Err(DropReason::WrongSource);
        }
        let proto = if is_stream { Protocol::Tcp } else { Protocol::Udp };
        let packet = StunPacket { proto, source: from, destination: local, message };
        if !self.sessions[index].handle_packet(packet, now) {
            return Err(DropReason::AuthenticationFailed);
        }
        self.validate(Path { local, remote: from }, index, nominates, now);
        self.handle_timeout(now);
        Ok(())
    }

    /// The peer's authenticated media came from `from`: it is alive.
    pub fn hear_media(&mut self, from: SocketAddr, local: SocketAddr, now: Instant) {
        if let Some(index) = self.index_of(Path { local, remote: from }) {
            self.sources[index].hear_media(local, now);
        }
    }

    /// Whether the peer has authenticated itself from this address.
    #[must_use]
    pub fn is_validated(&self, from: SocketAddr, local: SocketAddr) -> bool {
        self.index_of(Path { local, remote: from }).is_some()
    }

    /// Where to send, as soon as there is a validated source.
    #[must_use]
    pub fn path(&self) -> Option<Path> {
        match self.selection {
            Selection::Nowhere => None,
            Selection::FirstValidated(path) | Selection::Nominated(path) => Some(path),
        }
    }

    /// When the peer was last heard from `source` at our address `local`.
    #[must_use]
    pub fn heard_at(&self, source: SocketAddr, local: SocketAddr) -> Option<Instant> {
        self.index_of(Path { local, remote: source }).map(|index| self.sources[index].heard_at())
    }

    /// When the peer was last heard, from anywhere: a check or media, authenticated.
    #[must_use]
    pub fn last_heard_at(&self) -> Option<Instant> {
        self.sources.iter().map(Source::heard_at).chain(self.heard_before).max()
    }

    /// The next change of the addresses from which datagrams are the leg's.
    pub fn poll_source_change(&mut self) -> Option<SourceChange> {
        self.source_changes.pop_front()
    }

    /// The next change of what STUN messages find the leg by.
    pub fn poll_route(&mut self) -> Option<StunRoute> {
        self.routes.pop_front()
    }

    /// When to call [`Ice::handle_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for session in &mut self.sessions {
            session.handle_timeout(now);
        }
        // A session that was not checked yet has nothing to nominate.
        while let Some(path) = self.sessions.front_mut().and_then(Session::poll_nominated) {
            self.selection = Selection::Nominated(path);
        }
        self.timeout = self.sessions.iter_mut().filter_map(Session::poll_timeout).min();
    }

    fn newest(&self) -> &Session {
        self.sessions.back().expect("one session is always in use")
    }

    /// Goes over to the newest session that both sides have agreed on and that was checked.
    fn advance(&mut self) {
        let is_in_use = |session: &Session| session.has_remote() && session.path().is_some();
        let Some(index) = self.sessions.iter().rposition(is_in_use).filter(|index| *index > 0) else {
            return;
        };
        for former in self.sessions.drain(..index) {
            self.routes.push_back(StunRoute::Removed(former.ufrag().to_owned()));
        }
        if let Some(path) = self.sessions.front().and_then(Session::path) {
            debug!(remote = %path.remote, "ICE restarted");
            self.selection = Selection::FirstValidated(path);
        }
    }

    /// The peer has shown by a message of this session that it is there.
    fn validate(&mut self, path: Path, index: usize, nominates: bool, now: Instant) {
        if !self.is_validated(path.remote, path.local) {
            let left = &mut self.sessions[index].newcomers_left;
            *left = left.saturating_sub(1);
            self.admit(path, now);
        }
        let nominated_before = self.hear(path, nominates, now);
        if index == 0 {
            self.reselect(path, nominates, nominated_before, now);
        } else {
            self.sessions[index].note_path(path);
            self.advance();
        }
    }

    /// Makes room for a new source: of those that we do not send to the one goes that was not heard for longest.
    /// Its next check brings it back.
    fn admit(&mut self, path: Path, now: Instant) {
        if self.sources.len() == SOURCES_PER_LEG {
            let in_use = self.path().and_then(|path| self.index_of(path));
            let others = self.sources.iter().enumerate().filter(|(index, _)| Some(*index) != in_use);
            if let Some((index, _)) = others.min_by_key(|(_, source)| source.heard_at()) {
                let left = self.sources.remove(index).path();
                self.note_source(left, SourceChange::Removed(left.remote));
            }
        }
        self.sources.push(Source::new(path, now));
        self.note_source(path, SourceChange::Added(path.remote));
    }

    /// What comes on a stream or to a socket of its own is its leg's by itself.
    fn note_source(&mut self, path: Path, change: SourceChange) {
        if !self.streams.contains(&path.local) && !self.is_checker(path.local) {
            self.source_changes.push_back(change);
        }
    }

    /// The source of a path. That one address and port can be two, of UDP and of a stream.
    fn index_of(&self, path: Path) -> Option<usize> {
        let is_stream = |path: Path| self.streams.contains(&path.local);
        let is_it = |source: &Source| {
            source.path().remote == path.remote && is_stream(source.path()) == is_stream(path)
        };
        self.sources.iter().position(is_it)
    }

    /// Notes a check; returns when the check before it that nominated this path came.
    fn hear(&mut self, path: Path, nominates: bool, now: Instant) -> Option<Instant> {
        let index = self.index_of(path)?;
        self.sources[index].hear(path.local, nominates, now)
    }

    fn reselect(&mut self, path: Path, nominates: bool, nominated_before: Option<Instant>, now: Instant) {
        self.selection = match self.selection {
            Selection::Nowhere => Selection::FirstValidated(path),
            Selection::FirstValidated(current) if self.is_silent(current, now) => {
                Selection::FirstValidated(path)
            }
            Selection::Nominated(current) if nominates && self.is_left(current, nominated_before, now) => {
                Selection::Nominated(path)
            }
            unchanged => unchanged,
        };
    }

    /// Whether a peer that nominates another path has left this one: it is silent there, or has not
    /// nominated it since it first nominated the other. One that nominates all that it has (RFC 5245
    /// 8.1.1.2) goes on to nominate both.
    fn is_left(&self, current: Path, nominated_before: Option<Instant>, now: Instant) -> bool {
        let heard = self.index_of(current).and_then(|index| self.sources[index].heard(current.local));
        let Some(current) = heard else { return true };
        let is_silent = now.saturating_duration_since(current.heard_at) >= MOVED_SILENCE;
        is_silent || nominated_before.is_some_and(|before| current.nominated_at.is_none_or(|at| at < before))
    }

    fn is_silent(&self, path: Path, now: Instant) -> bool {
        let heard = self.index_of(path).and_then(|index| self.sources[index].heard(path.local));
        heard.is_none_or(|heard| now.saturating_duration_since(heard.heard_at) >= PATH_SILENCE)
    }
}
