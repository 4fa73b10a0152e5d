//! Our requests outside of calls: registrations at trunks, and questions whether they live. Challenges are
//! answered here; whoever sends an errand hears of its end once.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use webtrunk_engine::LegId;

use super::core::Agent;
use super::route::Reach;
use super::surroundings::Doorkeeper;
use crate::auth::digest::Attempts;
use crate::sip::flow::Flow;
use crate::sip::long_request;
use crate::sip::message::{CSeq, HeaderName, Request, Response, StatusCode};
use crate::sip::subscription::SubscriptionId;
use crate::sip::transaction::{DETOUR_MAX, TransactionEvent, TransactionKey};

/// Names an errand by who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrandId {
    /// Registrations and probes, by their own count.
    Upstream(u64),
    /// A message.
    Text(LegId),
    /// A notification.
    Notify(SubscriptionId),
}

/// A request to be sent.
#[derive(Debug)]
pub struct Errand {
    /// Its name.
    pub id: ErrandId,
    /// The account by which challenges are answered; `None` answers none.
    pub account: Option<String>,
    /// The request, without Via.
    pub request: Request,
    /// Where to.
    pub flow: Flow,
    /// How else the peer can be found there.
    pub reach: Reach,
    /// How long a final response is waited for, each time that it is sent.
    pub patience: Duration,
}

/// An errand is over.
#[derive(Debug)]
pub struct ErrandEnd {
    /// Its name.
    pub id: ErrandId,
    /// The CSeq that it was sent with last.
    pub cseq: u32,
    /// Where it was sent.
    pub flow: Flow,
    /// What came of it.
    pub outcome: ErrandOutcome,
}

/// What came of an errand.
#[derive(Debug)]
pub enum ErrandOutcome {
    /// A final response; a challenge only where it has no answer.
    Answered(Box<Response>),
    /// None in time.
    Silent,
    /// The flow broke.
    Unreachable,
}

/// The errands that are under way, and the ends of others.
#[derive(Debug, Default)]
pub(super) struct Errands {
    open: HashMap<TransactionKey, Open>,
    ends: VecDeque<ErrandEnd>,
}

#[derive(Debug)]
struct Open {
    errand: Errand,
    attempts: Attempts,
    until: Instant,
}

impl Errands {
    /// When the first of them has lasted too long.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|open| open.until).min()
    }

    pub(super) fn has(&self, key: TransactionKey) -> bool {
        self.open.contains_key(&key)
    }
}

impl<D: Doorkeeper> Agent<D> {
    /// Sends a request outside of any call.
    pub fn send_errand(&mut self, errand: Errand, now: Instant) {
        self.send_open(errand, Attempts::default(), now);
    }

    /// How an errand ended that is none of the core's own.
    pub fn poll_errand(&mut self) -> Option<ErrandEnd> {
        self.errands.ends.pop_front()
    }

    /// Takes a response to an errand.
    pub(super) fn errand_answered(&mut self, key: TransactionKey, response: &Response, now: Instant) {
        if response.status.is_provisional() {
            return;
        }
        let Some(Open { mut errand, mut attempts, .. }) = self.errands.open.remove(&key) else { return };
        let is_challenge = response.status == StatusCode::UNAUTHORIZED
            || response.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        let answer = errand
            .account
            .as_deref()
            .filter(|_| is_challenge)
            .and_then(|account| self.keyring.answer(account, response, &errand.request, &mut attempts));
        let Some((name, value)) = answer else {
            return self.end_errand(&errand, ErrandOutcome::Answered(Box::new(response.clone())), now);
        };
        errand.request.headers.set(name, value);
        let number = errand.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let cseq = CSeq { number: number.saturating_add(1), method: errand.request.method.clone() };
        errand.request.headers.set(HeaderName::CSeq, cseq.to_string());
        self.send_open(errand, attempts, now);
    }

    /// Takes the end of a transaction, if it is an errand's.
    pub(super) fn errand_failed<O>(&mut self, event: &TransactionEvent<O>, now: Instant) {
        let (key, outcome) = match event {
            TransactionEvent::TimedOut { key, .. } => (key, ErrandOutcome::Silent),
            TransactionEvent::FlowFailed { key, .. } => (key, ErrandOutcome::Unreachable),
        };
        if let Some(open) = self.errands.open.remove(key) {
            self.end_errand(&open.errand, outcome, now);
        }
    }

    /// Gives up what has lasted too long.
    pub(super) fn give_up_errands(&mut self, now: Instant) {
        let late = |(key, open): (&TransactionKey, &Open)| (open.until <= now).then_some(*key);
        let keys: Vec<_> = self.errands.open.iter().filter_map(late).collect();
        for key in keys {
            self.layer.forget(key);
            if let Some(open) = self.errands.open.remove(&key) {
                self.end_errand(&open.errand, ErrandOutcome::Silent, now);
            }
        }
    }

    fn end_errand(&mut self, errand: &Errand, outcome: ErrandOutcome, now: Instant) {
        let cseq = errand.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let end = ErrandEnd { id: errand.id, cseq, flow: errand.flow, outcome };
        match end.id {
            ErrandId::Text(leg) => self.text_ended(leg, &end, now),
            ErrandId::Notify(id) => self.notify_ended(id, &end, now),
            ErrandId::Upstream(_) => self.errands.ends.push_back(end),
        }
    }

    fn send_open(&mut self, errand: Errand, attempts: Attempts, now: Instant) {
        let mut request = errand.request.clone();
        if let Some(software) = &self.config.software {
            request.headers.set(HeaderName::UserAgent, software.as_str());
        }
        let way = (errand.flow, errand.reach);
        let key = long_request::send(&mut self.layer, &*self.names, request, way, None, now);
        let detour = if self.layer.is_on_detour(key) { DETOUR_MAX } else { Duration::ZERO };
        let until = now + errand.patience + detour;
        self.errands.open.insert(key, Open { errand, attempts, until });
    }
}
