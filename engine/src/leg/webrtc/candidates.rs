//! Candidates of a peer that has to be checked, and from where it is.

use std::net::SocketAddr;
use std::time::Instant;

use super::WebrtcTransport;
use crate::ice::RemoteIce;
use crate::sdp::{Candidate, FragmentError};

impl WebrtcTransport {
    /// Takes further candidates of the peer. They are of no use where the peer checks us.
    ///
    /// # Errors
    /// [`FragmentError::OtherCredentials`] where they belong to another description than the one that holds.
    pub fn add_candidates(&mut self, mut ice: RemoteIce, now: Instant) -> Result<(), FragmentError> {
        let known = self.remote.as_ref().ok_or(FragmentError::OtherCredentials)?;
        if known.is_restarted_by(&ice.ufrag, &ice.password) {
            return Err(FragmentError::OtherCredentials);
        }
        self.keep_admitted(&mut ice.candidates);
        self.ice.add_candidates(&ice.ufrag, &ice.candidates, now);
        Ok(())
    }

    /// Gives it sockets of its own, by their addresses, from which its peer is checked; none where there are none. It
    /// asks for them by [`StunRoute::OwnSockets`](crate::ice::StunRoute::OwnSockets).
    pub fn check_from(&mut self, own: &[SocketAddr], now: Instant) {
        self.ice.check_from(own, now);
    }

    /// Takes checks at this address of ours too; false where that is of no use ([`Ice::add_local`](crate::ice::Ice::add_local)).
    pub fn add_local(&mut self, address: SocketAddr, now: Instant) -> bool {
        self.ice.add_local(address, now)
    }

    /// Takes TCP streams that come to this address too.
    pub fn add_stream(&mut self, address: SocketAddr) {
        self.ice.add_stream(address);
    }

    /// One of our addresses of UDP is no more.
    pub fn remove_local(&mut self, address: SocketAddr, now: Instant) {
        self.ice.remove_local(address, now);
    }

    /// Whether the peer checks.
    #[must_use]
    pub fn is_checked_by_peer(&self) -> bool {
        self.ice.is_checked_by_peer()
    }

    /// Leaves out whom we may not check, as checks from there are not answered.
    pub(super) fn keep_admitted(&self, candidates: &mut Vec<Candidate>) {
        candidates.retain(|candidate| {
            candidate.address().is_some_and(|address| self.config.peers.admits(address.ip()))
        });
    }
}
