//! ICE of one call as a lite agent (RFC 8445 2.5), written on rtc-stun: it answers checks that know its password,
//! sends none, and believes the one that nominates.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use rand::Rng;
use rand::distr::Alphanumeric;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message};
use rtc_stun::xoraddr::XorMappedAddress;

use super::ice::Ice;
use crate::agent::AgentError;
use crate::agent::sdp::RemoteIce;

/// A lite agent.
pub(super) struct LiteIce {
    ufrag: String,
    password: String,
    remote_ufrag: Option<String>,
    selected: Option<SocketAddr>,
    answers: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl LiteIce {
    pub(super) fn new() -> Self {
        let text = |length| rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect();
        Self {
            ufrag: text(8),
            password: text(24),
            remote_ufrag: None,
            selected: None,
            answers: VecDeque::new(),
        }
    }

    /// The answer to a check; `None` when it is no good one.
    fn answer(&mut self, datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let provider = rtc_ice::crypto::default_provider().ok()?;
        let crypto = provider.crypto();
        let mut check = Message::new();
        check.unmarshal_binary(datagram).ok()?;
        let username = String::from_utf8(check.get(ATTR_USERNAME).ok()?).ok()?;
        let expected = format!("{}:{}", self.ufrag, self.remote_ufrag.as_ref()?);
        if check.typ != BINDING_REQUEST || username != expected {
            return None;
        }
        MessageIntegrity::check(&mut check, self.password.as_bytes(), crypto).ok()?;
        if check.contains(ATTR_USE_CANDIDATE) {
            self.selected = Some(from);
        }
        let mut answer = Message::new();
        answer.transaction_id = check.transaction_id;
        let signature =
            MessageIntegrity::new_short_term_integrity_with_provider(self.password.clone(), crypto);
        let mapped = XorMappedAddress { ip: from.ip(), port: from.port() };
        answer
            .build(&[Box::new(BINDING_SUCCESS), Box::new(mapped), Box::new(signature), Box::new(FINGERPRINT)])
            .ok()?;
        Some(answer.raw)
    }
}

impl Ice for LiteIce {
    fn credentials(&self) -> (String, String) {
        (self.ufrag.clone(), self.password.clone())
    }

    fn start(&mut self, remote: &RemoteIce, _now: Instant) -> Result<(), AgentError> {
        self.remote_ufrag = Some(remote.ufrag.clone());
        Ok(())
    }

    fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    fn handle_datagram(&mut self, datagram: &[u8], from: SocketAddr, _now: Instant) {
        let answer = self.answer(datagram, from);
        self.answers.extend(answer.map(|answer| (from, answer)));
    }

    fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.answers.pop_front()
    }
}
