//! The WebRTC transport of a leg: ICE, DTLS and SRTP over addresses of the shard, without I/O.
//!
//! ```text
//!            set_remote             validated source              right fingerprint
//! Gathering -----------> Checking -------------------> Handshaking ----------------> Ready
//!                            |                              |                          |
//!                            | connect_timeout              | handshake_timeout,       | consent lost,
//!                            |                              | wrong fingerprint        | close_notify
//!                            v                              v                          v
//!                          Failed <-------------------------+                        Closed
//!
//! close() takes every state to Closed.
//! ```
//!
//! Checks are answered from the first moment on; a peer's early ClientHello waits for its
//! description. An ICE restart changes credentials and path, and nothing else. What is not STUN counts only from validated sources, keys are used only after the
//! fingerprint was compared, and nothing that is not authenticated can change a Ready transport.

mod candidates;
mod config;
mod event;
mod remote;
mod state;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

pub use self::config::WebrtcConfig;
pub use self::event::{Received, SendError, TransportError, TransportEvent};
use self::remote::Remote;
pub use self::remote::RemoteChanged;
use self::state::{EarlyDatagrams, State};
pub use crate::dtls::DtlsRole;
use crate::dtls::{DtlsCertificate, Handshake};
use crate::ice::{HostCandidate, Ice, RemoteIce};
use crate::net::Transmit;
use crate::net::demux::DatagramKind;
use crate::rtp::DropReason;
use crate::sdp::Fingerprint;

/// Silence after which a path counts as disconnected: browsers check every 2 to 5 s.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Silence after which a peer may have changed networks, so that an ICE restart would help: longer than the
/// longest pause between a browser's checks (Firefox: 6 s), and short enough that there is time left to come
/// back in. Chosen by us.
const RESTART_SILENCE: Duration = Duration::from_secs(8);

/// ICE, DTLS and SRTP of one leg.
pub struct WebrtcTransport {
    ice: Ice,
    certificate: Arc<DtlsCertificate>,
    config: WebrtcConfig,
    remote: Option<Remote>,
    state: State,
    /// When the peer had been heard last that was told to be silent.
    told_silent: Option<Instant>,
    /// Goodbyes, which outlive the association.
    farewells: VecDeque<Transmit>,
    events: VecDeque<TransportEvent>,
}

impl WebrtcTransport {
    /// A transport with the shard's WebRTC sockets as host candidates and credentials of its own.
    #[must_use]
    pub fn new(
        local: Vec<SocketAddr>,
        certificate: Arc<DtlsCertificate>,
        config: WebrtcConfig,
        now: Instant,
    ) -> Self {
        Self::with_streams(local, &[], certificate, config, now)
    }

    /// As [`Self::new`], with addresses at which TCP streams come; none of them is one of the sockets'.
    #[must_use]
    pub fn with_streams(
        local: Vec<SocketAddr>,
        streams: &[SocketAddr],
        certificate: Arc<DtlsCertificate>,
        config: WebrtcConfig,
        now: Instant,
    ) -> Self {
        let mut ice = Ice::with_streams(&local, streams);
        ice.handle_timeout(now);
        Self {
            ice,
            certificate,
            config,
            remote: None,
            state: State::Gathering { early: EarlyDatagrams::default() },
            told_silent: None,
            farewells: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Our user name fragment; it is how the shard finds the leg of a check.
    #[must_use]
    pub fn local_ufrag(&self) -> &str {
        self.ice.ufrag()
    }

    /// Our ICE password.
    #[must_use]
    pub fn local_pwd(&self) -> &str {
        self.ice.password()
    }

    /// Our host candidates with their priorities, as bound.
    #[must_use]
    pub fn candidates(&self) -> &[HostCandidate] {
        self.ice.candidates()
    }

    /// The peer's half of the description and the role that followed from it. Checks and even
    /// ClientHellos may have come before. The connect timeout starts here, so an answerer calls this
    /// when its answer leaves.
    ///
    /// The same again changes nothing, as it must be with every re-offer; after
    /// [`Self::restart_ice`] the peer's ICE credentials may be others.
    ///
    /// # Errors
    /// When it is not the same again; what was agreed first goes on.
    pub fn set_remote(
        &mut self,
        mut ice: RemoteIce,
        fingerprints: Vec<Fingerprint>,
        role: DtlsRole,
        now: Instant,
    ) -> Result<(), RemoteChanged> {
        self.check_remote(&ice.ufrag, &ice.password, &fingerprints, role)?;
        self.keep_admitted(&mut ice.candidates);
        if let Some(agreed) = &mut self.remote {
            if self.ice.is_restarting() || agreed.is_restarted_by(&ice.ufrag, &ice.password) {
                (agreed.ufrag, agreed.password) = (ice.ufrag.clone(), ice.password.clone());
                self.ice.set_remote(&ice, now);
                self.start_handshake(now);
            } else {
                self.ice.add_candidates(&ice.ufrag, &ice.candidates, now);
            }
            return Ok(());
        }
        let (ufrag, password) = (ice.ufrag.clone(), ice.password.clone());
        self.remote = Some(Remote { ufrag, password, fingerprints, role });
        if let State::Gathering { early } = &mut self.state {
            let early = std::mem::take(early);
            self.state = State::Checking { expires_at: now + self.config.connect_timeout };
            self.ice.set_remote(&ice, now);
            self.start_handshake(now);
            for datagram in early {
                if let State::Handshaking { handshake, .. } = &mut self.state
                    && let Err(reason) = handshake.handle_datagram(&datagram, now)
                {
                    debug!(%reason, "early DTLS datagram dropped");
                }
            }
            self.settle_handshake();
        }
        Ok(())
    }

    /// Whether [`Self::set_remote`] would take this.
    ///
    /// # Errors
    /// [`RemoteChanged`] when the peer was described before, as somebody else.
    pub fn check_remote(
        &self,
        ufrag: &str,
        pwd: &str,
        fingerprints: &[Fingerprint],
        role: DtlsRole,
    ) -> Result<(), RemoteChanged> {
        let Some(agreed) = &self.remote else { return Ok(()) };
        let fingerprints = fingerprints.to_vec();
        let described = Remote { ufrag: ufrag.to_owned(), password: pwd.to_owned(), fingerprints, role };
        agreed.check_unchanged(&described, self.ice.is_restarting())
    }

    /// Whether a peer that describes itself with these credentials restarts ICE.
    #[must_use]
    pub fn is_restarted_by(&self, ufrag: &str, pwd: &str) -> bool {
        self.remote.as_ref().is_some_and(|agreed| agreed.is_restarted_by(ufrag, pwd))
    }

    /// Takes new ICE credentials, which the next description shows. Media goes on by the old ones until
    /// the peer has checked with the new.
    pub fn restart_ice(&mut self, now: Instant) {
        self.ice.restart(now);
    }

    /// Takes an ICE restart back that the peer has not agreed to, if there is one.
    pub fn give_up_restart(&mut self) {
        self.ice.give_up_restart();
    }

    /// Takes what came from `from` to our address `local`. Media is decrypted in place, without an
    /// allocation.
    ///
    /// # Errors
    /// Why it was dropped, for the leg's counters; nothing was changed and nothing will be answered.
    pub fn handle_datagram<'p>(
        &mut self,
        datagram: &'p mut [u8],
        from: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) -> Result<Received<'p>, DropReason> {
        let kind = DatagramKind::of(datagram).ok_or(DropReason::UnknownProtocol)?;
        if matches!(self.state, State::Closed | State::Failed(_)) {
            return Err(DropReason::NotReady);
        }
        match kind {
            DatagramKind::Stun => {
                self.ice.handle_stun(datagram, from, local, now)?;
                self.start_handshake(now);
                Ok(Received::Control)
            }
            _ if !self.ice.is_validated(from, local) => Err(DropReason::WrongSource),
            DatagramKind::Dtls => {
                self.handle_dtls(datagram, now)?;
                Ok(Received::Control)
            }
            DatagramKind::Rtp => {
                let packet = self.state.keys()?.rx.unprotect_rtp(datagram)?;
                self.ice.hear_media(from, local, now);
                Ok(Received::Rtp(packet))
            }
            DatagramKind::Rtcp => {
                let packet = self.state.keys()?.rx.unprotect_rtcp(datagram)?;
                self.ice.hear_media(from, local, now);
                Ok(Received::Rtcp(packet))
            }
        }
    }

    /// The next datagram of ICE or DTLS to send; call it until `None` after everything else.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(transmit) = self.ice.poll_transmit().or_else(|| self.farewells.pop_front()) {
            return Some(transmit);
        }
        let path = self.ice.path()?;
        let payload = match &mut self.state {
            State::Handshaking { handshake, .. } => handshake.poll_transmit()?,
            State::Ready { association, .. } => association.poll_transmit()?,
            State::Gathering { .. } | State::Checking { .. } | State::Closed | State::Failed(_) => {
                return None;
            }
        };
        Some(Transmit { local: path.local, to: path.remote, payload })
    }

    /// The next event; call it until `None` after everything else.
    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        let route = self.ice.poll_route().map(TransportEvent::Route);
        route
            .or_else(|| self.ice.poll_source_change().map(TransportEvent::Source))
            .or_else(|| self.events.pop_front())
    }

    /// When to call [`WebrtcTransport::handle_timeout`]; may change with every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Gathering { .. } => None,
            State::Checking { expires_at } => Some(*expires_at),
            State::Handshaking { handshake, expires_at } => {
                handshake.poll_timeout().into_iter().chain([*expires_at]).min()
            }
            State::Ready { association, .. } => {
                let silence = [self.silence_begins_at(), self.consent_ends_at()];
                association.poll_timeout().into_iter().chain(silence.into_iter().flatten()).min()
            }
            State::Closed | State::Failed(_) => return None,
        };
        self.ice.poll_timeout().into_iter().chain(state).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Closed | State::Failed(_)) {
            return;
        }
        if self.ice.poll_timeout().is_some_and(|at| at <= now) {
            self.ice.handle_timeout(now);
        }
        let consent_ends_at = self.consent_ends_at();
        if self.is_ready() && self.silence_begins_at().is_some_and(|at| at <= now) {
            self.told_silent = self.ice.last_heard_at();
            self.events.push_back(TransportEvent::Silent);
        }
        match &mut self.state {
            State::Checking { expires_at } if *expires_at <= now => self.fail(TransportError::NoPath),
            State::Handshaking { expires_at, .. } if *expires_at <= now => {
                self.fail(TransportError::NoHandshake)
            }
            State::Handshaking { handshake, .. } => {
                handshake.handle_timeout(now);
                self.settle_handshake();
            }
            State::Ready { .. } if consent_ends_at.is_some_and(|at| at <= now) => {
                self.state = State::Closed;
                self.events.push_back(TransportEvent::Lost);
            }
            State::Ready { association, .. } => association.handle_timeout(now),
            State::Gathering { .. } | State::Checking { .. } | State::Closed | State::Failed(_) => {}
        }
    }

    /// Protects the RTP packet in `buf[..len]` in place. Returns the new length and from where to
    /// where to send it.
    ///
    /// # Errors
    /// [`SendError`]; then nothing is to be sent.
    ///
    /// # Panics
    /// If `len` is more than the length of `buf`.
    pub fn protect_rtp(
        &mut self,
        buf: &mut [u8],
        len: usize,
    ) -> Result<(usize, SocketAddr, SocketAddr), SendError> {
        let path = self.ice.path().ok_or(SendError::NotReady)?;
        let State::Ready { srtp, .. } = &mut self.state else { return Err(SendError::NotReady) };
        Ok((srtp.tx.protect_rtp(buf, len)?, path.local, path.remote))
    }

    /// As [`WebrtcTransport::protect_rtp`], for a compound RTCP packet.
    ///
    /// # Errors
    /// [`SendError`]; then nothing is to be sent.
    ///
    /// # Panics
    /// If `len` is more than the length of `buf`.
    pub fn protect_rtcp(
        &mut self,
        buf: &mut [u8],
        len: usize,
    ) -> Result<(usize, SocketAddr, SocketAddr), SendError> {
        let path = self.ice.path().ok_or(SendError::NotReady)?;
        let State::Ready { srtp, .. } = &mut self.state else { return Err(SendError::NotReady) };
        Ok((srtp.tx.protect_rtcp(buf, len)?, path.local, path.remote))
    }

    /// Whether media can flow.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    /// When the peer was last heard from `source` at our address `local`, so that the shard can settle to whom a contested
    /// address belongs.
    #[must_use]
    pub fn heard_at(&self, source: SocketAddr, local: SocketAddr) -> Option<Instant> {
        self.ice.heard_at(source, local)
    }

    /// Ends it; a goodbye to the peer may wait in [`WebrtcTransport::poll_transmit`].
    pub fn close(&mut self) {
        if let State::Ready { association, .. } = &mut self.state {
            association.close();
            self.part();
        }
        self.state = State::Closed;
    }

    fn handle_dtls(&mut self, datagram: &[u8], now: Instant) -> Result<(), DropReason> {
        match &mut self.state {
            State::Gathering { early } => early.keep(datagram),
            State::Handshaking { handshake, .. } => {
                let result = handshake.handle_datagram(datagram, now);
                self.settle_handshake();
                result
            }
            State::Ready { association, .. } => {
                let result = association.handle_datagram(datagram, now);
                if association.is_closed_by_peer() {
                    self.part();
                    self.state = State::Closed;
                    self.events.push_back(TransportEvent::Closed);
                }
                result
            }
            State::Checking { .. } | State::Closed | State::Failed(_) => Err(DropReason::NotReady),
        }
    }

    /// Checking > Handshaking, as soon as there is somebody to shake hands with.
    fn start_handshake(&mut self, now: Instant) {
        if let (State::Checking { .. }, Some(remote), Some(path)) =
            (&self.state, &self.remote, self.ice.path())
        {
            debug!(remote = %path.remote, role = ?remote.role, "ICE is valid, DTLS starts");
            let fingerprints = remote.fingerprints.clone();
            let handshake = Box::new(Handshake::new(remote.role, &self.certificate, fingerprints, now));
            self.state = State::Handshaking { handshake, expires_at: now + self.config.handshake_timeout };
        }
    }

    /// Handshaking > Ready or Failed, if it came to an end.
    fn settle_handshake(&mut self) {
        let State::Handshaking { handshake, .. } = &mut self.state else { return };
        match handshake.poll_outcome() {
            None => {}
            Some(Err(error)) => self.fail(error.into()),
            Some(Ok((association, srtp))) => {
                self.events.push_back(TransportEvent::Ready { profile: srtp.profile() });
                self.state = State::Ready { association, srtp: Box::new(srtp) };
            }
        }
    }

    fn fail(&mut self, error: TransportError) {
        self.state = State::Failed(error);
        self.events.push_back(TransportEvent::Failed(error));
    }

    /// Keeps what the association still has to say.
    fn part(&mut self) {
        let (State::Ready { association, .. }, Some(path)) = (&mut self.state, self.ice.path()) else {
            return;
        };
        while let Some(payload) = association.poll_transmit() {
            self.farewells.push_back(Transmit { local: path.local, to: path.remote, payload });
        }
    }

    /// When the peer will have been silent for so long that it is told, once.
    fn silence_begins_at(&self) -> Option<Instant> {
        let heard_at = self.ice.last_heard_at()?;
        (self.told_silent != Some(heard_at)).then(|| heard_at + RESTART_SILENCE)
    }

    fn consent_ends_at(&self) -> Option<Instant> {
        Some(self.ice.last_heard_at()? + SILENCE_MAX + self.config.consent_margin)
    }
}

/// Without keys and passwords.
impl fmt::Debug for WebrtcTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebrtcTransport")
            .field("ufrag", &self.ice.ufrag())
            .field("state", &self.state)
            .field("path", &self.ice.path())
            .finish_non_exhaustive()
    }
}
