//! From hop to hop: a trunk has several, and a call tries them one after another until one says something
//! (RFC 3263 4.3). A request that is too long for a datagram tries the same hop over TCP first
//! (RFC 3261 18.1.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Context;
use crate::sip::agent::{Reach, Route};
use crate::sip::flow::{Flow, TransportKind};
use crate::sip::hop::Hop;
use crate::sip::message::{CSeq, HeaderName, Method, Request};

/// The longest request that goes in a datagram where the path's MTU is not known (RFC 3261 18.1.1), but for
/// the Via, which is put on later.
const DATAGRAM_MAX: usize = 1300;

/// A Via of ours: `Via: SIP/2.0/UDP [IPv6]:port;branch=...;rport`, and User-Agent.
const STAMPS: usize = 140;

/// The hops that are left, and how long the present one has.
#[derive(Debug)]
pub(super) struct Hunt {
    left: VecDeque<Hop>,
    /// `None` once it has answered, or where no other is left.
    until: Option<Instant>,
    can_change: bool,
    /// Somebody else is called where the last hop is silent.
    has_successor: bool,
    /// How long a hop may say nothing.
    silence_max: Duration,
}

impl Hunt {
    pub(super) fn new(route: &Route, has_successor: bool, context: &Context<'_>) -> Self {
        let silence_max = context.config.silence_max;
        let left: VecDeque<_> = route.alternatives.iter().cloned().collect();
        let until = (has_successor || !left.is_empty()).then(|| context.now + silence_max);
        Self { left, until, can_change: route.reach == Reach::Target, has_successor, silence_max }
    }

    /// Where the INVITE goes first: to `flow`, or where it is too long for a datagram to the same address
    /// over TCP, with UDP to fall back to.
    pub(super) fn first(&mut self, invite: &Request, flow: Flow, context: &Context<'_>) -> Flow {
        let is_long = flow.kind == TransportKind::Udp && invite.to_bytes().len() + STAMPS > DATAGRAM_MAX;
        if !is_long || !self.can_change {
            return flow;
        }
        let Some(stream) = context.names.flow_to(TransportKind::Tcp, flow.remote) else { return flow };
        self.left.push_front(Hop::new(flow.kind, flow.remote));
        self.until = Some(context.now + self.silence_max);
        stream
    }

    /// The INVITE with the Contact of the flow that it goes over.
    pub(super) fn fit(&self, mut invite: Request, flow: &Flow, context: &Context<'_>) -> Request {
        context.introduce(&mut invite.headers, flow);
        invite
    }

    /// The hop said something: it is the one.
    pub(super) const fn heard(&mut self) {
        self.until = None;
    }

    /// Whether the hop has been silent too long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    /// The flow to the next hop that there is a way to.
    pub(super) fn next(&mut self, context: &Context<'_>) -> Option<Flow> {
        let flow =
            std::iter::from_fn(|| self.left.pop_front()).find_map(|hop| context.names.flow_to_hop(&hop));
        let has_next = self.has_successor || !self.left.is_empty();
        self.until = (flow.is_some() && has_next).then(|| context.now + self.silence_max);
        flow
    }

    /// The INVITE for another hop: a new request of the same call, which no proxy behind both takes for the
    /// old one come by another way (RFC 3261 8.2.2.2).
    pub(super) fn anew(&self, invite: &Request, flow: &Flow, context: &Context<'_>) -> Request {
        let mut again = invite.clone();
        let number = invite.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let cseq = CSeq { number: number.saturating_add(1), method: Method::Invite };
        again.headers.set(HeaderName::CSeq, cseq.to_string());
        again.headers.remove(&HeaderName::Authorization);
        again.headers.remove(&HeaderName::ProxyAuthorization);
        self.fit(again, flow, context)
    }
}
