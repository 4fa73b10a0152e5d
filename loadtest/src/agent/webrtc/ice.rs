//! ICE of one call by rtc-ice: a full agent, controlling, with one host candidate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_ice::agent::Agent;
use rtc_ice::agent::agent_config::AgentConfig;
use rtc_ice::candidate::candidate_host::CandidateHostConfig;
use rtc_ice::candidate::{Candidate, CandidateConfig};
use rtc_shared::{TransportContext, TransportMessage, TransportProtocol};
use sansio::Protocol;

use crate::agent::AgentError;
use crate::agent::sdp::RemoteIce;

/// ICE of one call.
pub(super) struct Ice {
    agent: Agent,
    local: SocketAddr,
    started: bool,
    selected: Option<SocketAddr>,
}

/// A browser nominates within some 10 ms; with the library's own 200 ms, waiting for that would be most
/// of a call's set-up.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// Checks of one pair before it is given up: 10 s.
const CHECKS_MAX: u16 = 1000;

impl Ice {
    /// # Errors
    /// The library refuses the address.
    pub(super) fn new(local: SocketAddr, now: Instant) -> Result<Self, AgentError> {
        let config = Arc::new(AgentConfig {
            is_controlling: true,
            check_interval: CHECK_INTERVAL,
            max_binding_requests: Some(CHECKS_MAX),
            ..AgentConfig::default()
        });
        let provider = rtc_ice::crypto::default_provider().map_err(AgentError::library)?;
        let mut agent = Agent::new(now, config, provider).map_err(AgentError::library)?;
        agent.add_local_candidate(host(local)?).map_err(AgentError::library)?;
        Ok(Self { agent, local, started: false, selected: None })
    }

    /// Our username fragment and password.
    pub(super) fn credentials(&self) -> (String, String) {
        let local = self.agent.get_local_credentials();
        (local.ufrag.clone(), local.pwd.clone())
    }

    /// Begins to check; a second description with the same credentials changes nothing.
    ///
    /// # Errors
    /// The library refuses a candidate.
    pub(super) fn start(&mut self, remote: &RemoteIce, now: Instant) -> Result<(), AgentError> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        for candidate in remote.candidates.iter().filter(|it| it.is_ipv4() == self.local.is_ipv4()) {
            self.agent.add_remote_candidate(host(*candidate)?).map_err(AgentError::library)?;
        }
        self.agent
            .start_connectivity_checks(now, true, remote.ufrag.clone(), remote.password.clone())
            .map_err(AgentError::library)
    }

    /// Where media go, once there is a pair.
    pub(super) const fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// Takes a STUN message. One of no use, like an answer that comes late, changes nothing.
    pub(super) fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        let message =
            TransportMessage { now, transport: self.context(from), message: BytesMut::from(datagram) };
        let _ = self.agent.handle_read(message);
        self.update();
    }

    /// Media are a sign of life.
    pub(super) fn note_media(&mut self, from: SocketAddr, now: Instant) -> bool {
        self.agent.is_valid_non_stun_traffic(now, self.context(from))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.started && Protocol::poll_timeout(&mut self.agent).is_some_and(|at| at <= now) {
            let _ = self.agent.handle_timeout(now);
            self.update();
        }
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        if self.started { Protocol::poll_timeout(&mut self.agent) } else { None }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let transmit = Protocol::poll_write(&mut self.agent)?;
        Some((transmit.transport.peer_addr, transmit.message.to_vec()))
    }

    fn update(&mut self) {
        while self.agent.poll_event().is_some() {}
        if let Some((_, remote)) = self.agent.get_selected_candidate_pair() {
            self.selected = remote.address().parse().ok().map(|ip| SocketAddr::new(ip, remote.port()));
        }
    }

    const fn context(&self, from: SocketAddr) -> TransportContext {
        TransportContext {
            local_addr: self.local,
            peer_addr: from,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        }
    }
}

fn host(address: SocketAddr) -> Result<Candidate, AgentError> {
    let base_config = CandidateConfig {
        network: "udp".to_owned(),
        address: address.ip().to_string(),
        port: address.port(),
        component: 1,
        ..CandidateConfig::default()
    };
    CandidateHostConfig { base_config, ..CandidateHostConfig::default() }
        .new_candidate_host()
        .map_err(AgentError::library)
}
