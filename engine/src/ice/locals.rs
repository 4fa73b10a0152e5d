//! Addresses of ours that come and go while ICE runs (RFC 8838 10): candidates more or fewer of every session in which
//! the peer checks. Where we check a lite peer, that is done from sockets of the leg's own, which stay as they are.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Ice, Selection, Session, Source, SourceChange};

impl Ice {
    /// Takes checks at this address too; false where that is of no use: it cannot be a candidate or is one already,
    /// or it is we who check.
    pub fn add_local(&mut self, address: SocketAddr, now: Instant) -> bool {
        let is_known = self.candidates.iter().any(|own| own.address == address);
        if is_known || !self.is_checked_by_peer() {
            return false;
        }
        let mut added = None;
        for session in &mut self.sessions {
            added = session.add_local(address).or(added);
        }
        self.candidates.extend(added);
        self.handle_timeout(now);
        added.is_some()
    }

    /// Takes TCP streams that come to this address too.
    pub fn add_stream(&mut self, address: SocketAddr) {
        if !self.streams.contains(&address) {
            self.streams.push(address);
            self.sessions.iter_mut().for_each(|session| session.add_stream(address));
        }
    }

    /// One of our addresses of UDP is no more. Media goes by the path on which the peer was heard last of those that
    /// are left; where there is none, by the one that it shows next.
    pub fn remove_local(&mut self, address: SocketAddr, now: Instant) {
        self.candidates.retain(|own| own.address != address);
        self.sessions.iter_mut().for_each(|session| session.remove_local(address));
        // Its silence is counted all the same.
        self.heard_before = self.last_heard_at();
        let mut unheard = Vec::new();
        self.sources.retain_mut(|source| {
            let is_heard = source.forget(address);
            if !is_heard {
                unheard.push(source.path());
            }
            is_heard
        });
        for path in unheard {
            self.note_source(path, SourceChange::Removed(path.remote));
        }
        if self.path().is_some_and(|path| path.local == address) {
            let latest = self.sources.iter().max_by_key(|source| source.heard_at()).map(Source::path);
            self.selection = latest.map_or(Selection::Nowhere, Selection::FirstValidated);
        }
        self.handle_timeout(now);
    }

    /// Whether the peer checks, so that it is of use to tell it where.
    #[must_use]
    pub fn is_checked_by_peer(&self) -> bool {
        !self.sessions.iter().any(Session::is_checker)
    }
}
