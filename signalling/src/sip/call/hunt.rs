//! From hop to hop: a trunk has several, and a call tries them one after another until one says something
//! (RFC 3263 4.3). A phone that has registered by several flows is called so by one after another (RFC 5626 5.3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Context;
use crate::sip::agent::{Alternative, Route};
use crate::sip::flow::Flow;
use crate::sip::message::{CSeq, HeaderName, Method, Request};
use crate::sip::transaction::{DETOUR_MAX, TransactionKey};

/// The hops that are left, and how long the present one has.
#[derive(Debug)]
pub(super) struct Hunt {
    left: VecDeque<Alternative>,
    /// `None` once it has answered, or where no other is left.
    until: Option<Instant>,
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
        Self { left, until, has_successor, silence_max }
    }

    /// Where the INVITE went by a stream first, the hop has the time for that besides.
    pub(super) fn wait_for_detour(&mut self, invite: TransactionKey, context: &Context<'_>) {
        if context.layer.is_on_detour(invite) {
            self.until = self.until.map(|until| until + DETOUR_MAX);
        }
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

    /// Whether the hop has said nothing, and there is another.
    pub(super) fn may_go_on(&self) -> bool {
        self.until.is_some() && !self.left.is_empty()
    }

    /// The flow to the next hop that there is a way to, and the INVITE for it.
    pub(super) fn next(&mut self, invite: &Request, context: &Context<'_>) -> Option<(Flow, Request)> {
        let found = std::iter::from_fn(|| self.left.pop_front())
            .find_map(|next| Some((next.flow(context.names)?, next)));
        let has_next = self.has_successor || !self.left.is_empty();
        self.until = (found.is_some() && has_next).then(|| context.now + self.silence_max);
        let (flow, next) = found?;
        let mut again = anew(invite, &flow, context);
        next.lead(&mut again);
        Some((flow, again))
    }
}

/// The INVITE for another hop: a new request of the same call, which no proxy behind both takes for the
/// old one come by another way (RFC 3261 8.2.2.2).
fn anew(invite: &Request, flow: &Flow, context: &Context<'_>) -> Request {
    let mut again = invite.clone();
    let number = invite.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
    let cseq = CSeq { number: number.saturating_add(1), method: Method::Invite };
    again.headers.set(HeaderName::CSeq, cseq.to_string());
    again.headers.remove(&HeaderName::Authorization);
    again.headers.remove(&HeaderName::ProxyAuthorization);
    again.headers.set(HeaderName::Contact, format!("<{}>", context.names.contact(flow)));
    again
}
