//! An address of the peer's from which it has authenticated itself, and at which of our addresses it is heard from there:
//! a peer with one address may reach us at several.

use std::net::SocketAddr;
use std::time::Instant;

use super::Path;

/// A validated source. At least one of our addresses heard it.
#[derive(Debug)]
pub(super) struct Source {
    remote: SocketAddr,
    /// One for each of our addresses; the one that was checked last comes first.
    heard: Vec<Heard>,
}

/// How one of our addresses hears a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    local: SocketAddr,
    /// The last check or media.
    pub(super) heard_at: Instant,
    /// When a check last said USE-CANDIDATE.
    pub(super) nominated_at: Option<Instant>,
}

impl Source {
    /// One that is heard for the first time.
    pub(super) fn new(path: Path, now: Instant) -> Self {
        let heard = Heard { local: path.local, heard_at: now, nominated_at: None };
        Self { remote: path.remote, heard: vec![heard] }
    }

    /// The path of its last check.
    pub(super) fn path(&self) -> Path {
        Path { local: self.last().local, remote: self.remote }
    }

    /// When it was last heard, anywhere.
    pub(super) fn heard_at(&self) -> Instant {
        let last = self.heard.iter().map(|heard| heard.heard_at).max();
        last.unwrap_or_else(|| self.last().heard_at)
    }

    /// How it is heard at one of our addresses; `None` where it is not.
    pub(super) fn heard(&self, local: SocketAddr) -> Option<&Heard> {
        self.heard.iter().find(|heard| heard.local == local)
    }

    /// A check came; returns when the check before it came that nominated this path.
    pub(super) fn hear(&mut self, local: SocketAddr, nominates: bool, now: Instant) -> Option<Instant> {
        let known = self.heard.iter().position(|heard| heard.local == local);
        let mut heard = match known {
            Some(index) => self.heard.remove(index),
            None => Heard { local, heard_at: now, nominated_at: None },
        };
        heard.heard_at = now;
        let before = heard.nominated_at;
        if nominates {
            heard.nominated_at = Some(now);
        }
        self.heard.insert(0, heard);
        before
    }

    /// Media came. Where no check came to that address, it is the source that lives.
    pub(super) fn hear_media(&mut self, local: SocketAddr, now: Instant) {
        let index = self.heard.iter().position(|heard| heard.local == local).unwrap_or(0);
        self.heard[index].heard_at = now;
    }

    /// One of our addresses is no more; false, and it is of no use any more, where no other hears it.
    pub(super) fn forget(&mut self, local: SocketAddr) -> bool {
        let is_heard_elsewhere = self.heard.iter().any(|heard| heard.local != local);
        if is_heard_elsewhere {
            self.heard.retain(|heard| heard.local != local);
        }
        is_heard_elsewhere
    }

    fn last(&self) -> &Heard {
        self.heard.first().expect("a source is heard somewhere")
    }
}
