//! Our own checks: of a lite peer, which sends none, as a full agent that controls (RFC 8445 6.1.1).
//!
//! They go out from sockets that are the leg's alone: a lite peer may have one port for all its calls, and what it
//! sends after the answer says nothing of the call to which it belongs. So nothing is checked before there are such
//! sockets; where none can be had, the shared ones have to do.

use std::net::SocketAddr;
use std::time::Instant;

use is::Protocol;
use is::stun::{StunMessage, StunPacket};

use super::session::Session;
use super::{HostCandidate, Ice, Path, StunRoute};
use crate::net::{TransactionId, Transmit};
use crate::rtp::DropReason;
use crate::sdp::Candidate;

impl Ice {
    /// Gives the addresses of the sockets that are the leg's own; empty where there are none. Whoever has to be
    /// checked is checked from there.
    pub fn check_from(&mut self, own: &[SocketAddr], now: Instant) {
        self.checkers = Some(own.to_vec());
        self.begin_checks();
        self.handle_timeout(now);
    }

    /// Takes further candidates of a peer that describes itself with this user name fragment. They are of no
    /// use where the peer checks us.
    pub fn add_candidates(&mut self, ufrag: &str, candidates: &[Candidate], now: Instant) {
        for session in self.sessions.iter_mut().filter(|session| session.remote_ufrag() == Some(ufrag)) {
            session.add_candidates(candidates);
        }
        self.handle_timeout(now);
    }

    /// The next STUN message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.sessions.iter_mut().find_map(Session::poll_transmit)?;
        if let Some(id) = TransactionId::of_request(&transmit.payload)
            && !self.is_checker(transmit.local)
        {
            self.routes.push_back(StunRoute::Awaited(id));
        }
        Some(transmit)
    }

    /// Whether an address is that of a socket of our own.
    pub(super) fn is_checker(&self, address: SocketAddr) -> bool {
        self.checkers.iter().flatten().any(|own| *own == address)
    }

    /// Begins to check the peer of the newest session, if it is we who check; asks for sockets where there are none.
    pub(super) fn begin_checks(&mut self) {
        let Some(newest) = self.sessions.back_mut().filter(|newest| newest.waits_for_checks()) else {
            return;
        };
        match self.checkers.as_deref() {
            Some([]) => {
                let shared: Vec<_> =
                    self.candidates.iter().map(|HostCandidate { address, .. }| *address).collect();
                newest.begin_checks(&shared);
            }
            Some(own) => newest.begin_checks(own),
            None => self.routes.push_back(StunRoute::OwnSockets),
        }
    }

    /// Takes the answer to a check of ours (RFC 8445 7.2.5.2): it must come from where the check went.
    pub(super) fn handle_answer(
        &mut self,
        message: &[u8],
        id: TransactionId,
        path: Path,
        now: Instant,
    ) -> Result<(), DropReason> {
        let awaited = self.sessions.iter().position(|session| session.awaits(id, path));
        let index = awaited.ok_or(DropReason::WrongSource)?;
        let message = StunMessage::parse(message).map_err(|_| DropReason::MalformedStun)?;
        let is_success = message.is_successful_binding_response();
        // The library believes that a success names an address.
        if is_success && message.mapped_address().is_none() {
            return Err(DropReason::MalformedStun);
        }
        let packet =
            StunPacket { proto: Protocol::Udp, source: path.remote, destination: path.local, message };
        if !self.sessions[index].handle_packet(packet, now) {
            return Err(DropReason::AuthenticationFailed);
        }
        self.sessions[index].forget_check(id);
        if is_success {
            self.validate(path, index, false, now);
        }
        self.handle_timeout(now);
        Ok(())
    }
}
