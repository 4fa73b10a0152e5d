//! ICE of one call, with one host candidate: by rtc-ice, a full agent, controlling.

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
pub(super) trait Ice: Send {
    /// Our username fragment and password.
    fn credentials(&self) -> (String, String);

    /// Begins with a peer.
    ///
    /// # Errors
    /// The library refuses a candidate.
    fn start(&mut self, remote: &RemoteIce, now: Instant) -> Result<(), AgentError>;

    /// The peer has these candidates. Those that are new are checked, and media go there once one answers.
    ///
    /// # Errors
    /// The library refuses a candidate.
    fn take_candidates(&mut self, _candidates: &[SocketAddr], _now: Instant) -> Result<(), AgentError> {
        Ok(())
    }

    /// Where media go, once that is known.
    fn selected(&self) -> Option<SocketAddr>;

    /// Takes a STUN message. One of no use, like an answer that comes late, changes nothing.
    fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant);

    /// Media are a sign of life.
    fn note_media(&mut self, _from: SocketAddr, _now: Instant) {}

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }

    fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)>;
}

/// A full agent.
pub(super) struct FullIce {
    agent: Agent,
    local: SocketAddr,
    /// The peer, once there is one.
    remote: Option<RemoteIce>,
    selected: Option<SocketAddr>,
}

/// A browser nominates within some 10 ms; with the library's own 200 ms, waiting for that would be most
/// of a call's set-up.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// Checks of one pair before it is given up: 10 s.
const CHECKS_MAX: u16 = 1000;

impl FullIce {
    /// # Errors
    /// The library refuses the address.
    pub(super) fn new(local: SocketAddr, now: Instant) -> Result<Self, AgentError> {
        let agent = agent(local, AgentConfig::default(), now)?;
        Ok(Self { agent, local, remote: None, selected: None })
    }

    /// Begins to check the peer there.
    fn check(
        &mut self,
        remote: &RemoteIce,
        candidates: &[SocketAddr],
        now: Instant,
    ) -> Result<(), AgentError> {
        for candidate in candidates.iter().filter(|it| it.is_ipv4() == self.local.is_ipv4()) {
            self.agent.add_remote_candidate(host(*candidate)?).map_err(AgentError::library)?;
        }
        self.agent
            .start_connectivity_checks(now, true, remote.ufrag.clone(), remote.password.clone())
            .map_err(AgentError::library)
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

impl Ice for FullIce {
    fn credentials(&self) -> (String, String) {
        let local = self.agent.get_local_credentials();
        (local.ufrag.clone(), local.pwd.clone())
    }

    fn start(&mut self, remote: &RemoteIce, now: Instant) -> Result<(), AgentError> {
        if self.remote.is_some() {
            return Ok(());
        }
        self.remote = Some(remote.clone());
        self.check(remote, &remote.candidates, now)
    }

    fn take_candidates(&mut self, candidates: &[SocketAddr], now: Instant) -> Result<(), AgentError> {
        let Some(mut remote) = self.remote.clone() else { return Ok(()) };
        let new: Vec<_> = candidates.iter().filter(|it| !remote.candidates.contains(it)).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        // The library checks nothing more once it has a path: the same agent begins anew with these alone.
        let (local_ufrag, local_pwd) = self.credentials();
        self.agent =
            agent(self.local, AgentConfig { local_ufrag, local_pwd, ..AgentConfig::default() }, now)?;
        remote.candidates.extend(&new);
        self.check(&remote, &new, now)?;
        self.remote = Some(remote);
        Ok(())
    }

    fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        let message =
            TransportMessage { now, transport: self.context(from), message: BytesMut::from(datagram) };
        let _ = self.agent.handle_read(message);
        self.update();
    }

    fn note_media(&mut self, from: SocketAddr, now: Instant) {
        self.agent.is_valid_non_stun_traffic(now, self.context(from));
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.remote.is_some() && Protocol::poll_timeout(&mut self.agent).is_some_and(|at| at <= now) {
            let _ = self.agent.handle_timeout(now);
            self.update();
        }
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        if self.remote.is_some() { Protocol::poll_timeout(&mut self.agent) } else { None }
    }

    fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let transmit = Protocol::poll_write(&mut self.agent)?;
        Some((transmit.transport.peer_addr, transmit.message.to_vec()))
    }
}

/// An agent with this host candidate; of the configuration its credentials count.
fn agent(local: SocketAddr, config: AgentConfig, now: Instant) -> Result<Agent, AgentError> {
    let config = Arc::new(AgentConfig {
        is_controlling: true,
        check_interval: CHECK_INTERVAL,
        max_binding_requests: Some(CHECKS_MAX),
        ..config
    });
    let provider = rtc_ice::crypto::default_provider().map_err(AgentError::library)?;
    let mut agent = Agent::new(now, config, provider).map_err(AgentError::library)?;
    agent.add_local_candidate(host(local)?).map_err(AgentError::library)?;
    Ok(agent)
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
