//! All transactions of a SIP core, RFC 3261 17: matches messages to them, absorbs what is repeated, and
//! sends again what is lost.
//!
//! ```text
//!  bytes in                                          bytes out
//!     |                                                  ^
//!     v                                                  | poll_transmit
//! handle_message --> matching --> machine --> step ------+
//!     |                                          |
//!     v Received                                 v poll_event
//!  transaction user --- accept, respond, send_request, cancel ---> machine
//! ```
//!
//! A new request is handed up before anything is kept for it: `accept` makes its transaction, and
//! `respond_statelessly` answers without one (RFC 3261 8.2.7), which is how strangers are challenged.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use super::client::Client;
use super::derived;
use super::detour::{Detour, Resting};
use super::invite_server::InviteServer;
use super::machine::{Machine, Wish};
use super::matching::MatchId;
use super::outcome::{TransactionEvent, TransactionKey, Transmit};
use super::server::Server;
use super::step::{Step, Tell};
use super::timers::TimerConfig;
use crate::deadlines::Deadlines;
use crate::sip::flow::{ConnectionId, Flow, TransportKind};
use crate::sip::identifiers::Identifiers;
use crate::sip::message::{HeaderName, Method, Request, Response, StatusCode};

/// Limits of the layer.
#[derive(Debug, Clone, Copy)]
pub struct TransactionConfig {
    /// How long and how often.
    pub timers: TimerConfig,
    /// How many transactions may be open before new requests from outside get 503. A call in setup
    /// holds one or two, over UDP for 32 s after its answer, and each costs about 3 KiB. Those that only wait to hear a request
    /// again that is not INVITE make room.
    pub transactions_max: usize,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self { timers: TimerConfig::default(), transactions_max: 100_000 }
    }
}

/// All transactions. Bound to nothing: time and messages are handed in, bytes and events taken out.
#[derive(Debug)]
pub struct TransactionLayer<O> {
    pub(super) config: TransactionConfig,
    pub(super) identifiers: Identifiers,
    last_key: u64,
    /// In boxes, for a table has room for twice as many, and is moved as it grows.
    pub(super) transactions: HashMap<TransactionKey, Box<Transaction<O>>>,
    pub(super) by_id: HashMap<(Side, MatchId), TransactionKey>,
    by_origin: HashMap<MatchId, TransactionKey>,
    pub(super) by_path: BTreeSet<(Lane, TransactionKey)>,
    /// Requests other than INVITE that were answered, longest ago first; the first of them is open.
    answered: VecDeque<TransactionKey>,
    /// Who took nothing by a stream.
    pub(super) resting: Resting,
    /// Answers that were ignored.
    pub(super) strays_ignored: u64,
    deadlines: Deadlines<TransactionKey>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<TransactionEvent<O>>,
}

/// Which side of the transaction we are: both may share a branch where a call comes back to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Client,
    Server,
}

/// What breaks as one: a stream, or all that goes to one address without a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A stream.
    Stream(ConnectionId),
    /// An address.
    Address(TransportKind, SocketAddr),
}

/// A machine and how it is found.
#[derive(Debug)]
pub(super) struct Transaction<O> {
    pub(super) machine: Machine,
    pub(super) flow: Flow,
    pub(super) owner: Option<O>,
    pub(super) id: (Side, MatchId),
    pub(super) origin: Option<MatchId>,
    /// How it goes on where its stream is of no use.
    pub(super) detour: Option<Box<Detour>>,
    pub(super) deadline: Option<Instant>,
}

impl<O: Copy> TransactionLayer<O> {
    /// An empty layer.
    #[must_use]
    pub fn new(config: TransactionConfig, identifiers: Identifiers) -> Self {
        Self {
            config,
            identifiers,
            last_key: 0,
            transactions: HashMap::new(),
            by_id: HashMap::new(),
            by_origin: HashMap::new(),
            by_path: BTreeSet::new(),
            answered: VecDeque::new(),
            resting: Resting::default(),
            strays_ignored: 0,
            deadlines: Deadlines::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Keeps state for a request from now on. An INVITE gets its 100 at once.
    ///
    /// `None` where the request was refused: with 482 as the copy of one that came on another path
    /// (RFC 3261 8.2.2.2), with 503 as one too many.
    pub fn accept(&mut self, request: &Request, flow: Flow, owner: Option<O>) -> Option<TransactionKey> {
        let id = (Side::Server, MatchId::server(request, &flow).ok()?);
        let origin = MatchId::merged(request).ok()?;
        if origin.as_ref().is_some_and(|origin| self.by_origin.contains_key(origin)) {
            self.respond_statelessly(request, request.response(StatusCode::LOOP_DETECTED, None), flow);
            return None;
        }
        let max = self.limit(request);
        // Where all of them would not be enough, what was answered is answered again.
        if self.transactions.len() < max + self.answered.len() {
            while self.transactions.len() >= max && self.end_longest_answered() {}
        }
        if self.transactions.len() >= max {
            let mut response = request.response(StatusCode::SERVICE_UNAVAILABLE, None);
            response.headers.push(HeaderName::RetryAfter, self.identifiers.retry_after().to_string());
            self.respond_statelessly(request, response, flow);
            return None;
        }
        let is_reliable = flow.kind.is_reliable();
        let (machine, step) = if request.method == Method::Invite {
            let trying = request.response(StatusCode::TRYING, None).to_bytes();
            let (machine, step) = InviteServer::start(trying, is_reliable, self.config.timers);
            (Machine::InviteServer { machine, to: None, left: None }, step)
        } else {
            (Machine::Server(Server::start(is_reliable, self.config.timers)), Step::NOTHING)
        };
        let transaction = Transaction { machine, flow, owner, id, origin, detour: None, deadline: None };
        Some(self.insert(transaction, step))
    }

    /// Answers an accepted request. What the transaction's state does not allow is not sent; a 2xx to
    /// INVITE may be sent as often as its ACK is missing (RFC 3261 13.3.1.4).
    pub fn respond(&mut self, key: TransactionKey, response: &Response, now: Instant) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let status = response.status.code();
        let step = match &mut transaction.machine {
            Machine::InviteServer { machine, to, .. } => {
                if status > 100 {
                    *to = response.headers.get(&HeaderName::To).map(str::to_owned);
                }
                machine.respond(status, response.to_bytes(), now)
            }
            Machine::Server(machine) => {
                let was_waiting = machine.is_waiting();
                let step = machine.respond(status, response.to_bytes(), now);
                if was_waiting && !machine.is_waiting() && !machine.is_terminated() {
                    self.answered.push_back(key);
                }
                step
            }
            Machine::InviteClient { .. } | Machine::Client(_) => return,
        };
        self.carry_out(key, step);
    }

    /// Ends the transaction early that has been over for longest but for timer J; whether there is one. A request that is sent
    /// again after so many others is a new one.
    fn end_longest_answered(&mut self) -> bool {
        let Some(key) = self.answered.pop_front() else { return false };
        self.forget(key);
        true
    }

    /// Answers a request that was not accepted and keeps nothing of it (RFC 3261 8.2.7).
    pub fn respond_statelessly(&mut self, request: &Request, mut response: Response, flow: Flow) {
        if request.method == Method::Ack {
            return;
        }
        let tag = self.identifiers.stateless_tag(request);
        if let Ok(to) = response.headers.to()
            && to.tag().is_none()
        {
            response.headers.set(HeaderName::To, to.with_tag(&tag).to_string());
        }
        self.transmit(Transmit { flow, bytes: response.to_bytes() });
    }

    /// Sends bytes again that were sent before.
    pub fn transmit(&mut self, transmit: Transmit) {
        self.transmits.push_back(transmit);
    }

    /// Cancels an INVITE of ours, now or when a provisional response comes (RFC 3261 9.1). Its end is told
    /// like any other: mostly 487, a 2xx where that crossed the CANCEL.
    pub fn cancel(&mut self, key: TransactionKey, now: Instant) {
        self.cancel_because(key, None, now);
    }

    fn cancel_because(&mut self, key: TransactionKey, reason: Option<String>, now: Instant) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        if let Machine::InviteClient { wish: wish @ Wish::Answer, .. } = &mut transaction.machine {
            *wish = Wish::Cancel(reason);
            self.cancel_if_possible(key, now);
        }
    }

    /// Cancels an INVITE of ours and takes its owner away: what still comes of it is told without one. The
    /// CANCEL says why, where there is a `reason` (RFC 3326).
    pub fn abandon(&mut self, key: TransactionKey, reason: Option<String>, now: Instant) {
        if let Some(transaction) = self.transactions.get_mut(&key) {
            transaction.owner = None;
        }
        self.cancel_because(key, reason, now);
    }

    /// Ends a transaction of ours without a word to anybody.
    pub fn forget(&mut self, key: TransactionKey) {
        if let Some(transaction) = self.transactions.get_mut(&key) {
            transaction.machine.terminate();
            self.reschedule(key);
        }
    }

    /// The INVITE that we sent: what its ACKs and CANCEL are made of, without the rest and the body.
    #[must_use]
    pub fn invite(&self, key: TransactionKey) -> Option<&Request> {
        match &self.transactions.get(&key)?.machine {
            Machine::InviteClient { invite, .. } => Some(invite),
            Machine::Client(_) | Machine::InviteServer { .. } | Machine::Server(_) => None,
        }
    }

    /// The flow that a transaction uses.
    #[must_use]
    pub fn flow(&self, key: TransactionKey) -> Option<Flow> {
        self.transactions.get(&key).map(|transaction| transaction.flow)
    }

    /// Nothing can be sent on a flow, whose stream closed where it is one: its transactions end, but requests of ours whose owner
    /// waits until the peer has another ([`Self::move_requests`]). `waits` says until when.
    pub fn flow_failed(&mut self, lane: Lane, waits: impl Fn(&O) -> Option<Instant>, now: Instant) {
        let keys: Vec<_> = self.keys_on(lane).collect();
        for key in keys {
            let transaction = self.transactions.get_mut(&key).expect("a removed transaction has no path");
            match transaction.owner.as_ref().and_then(&waits) {
                Some(until) if transaction.machine.await_flow(until) => self.reschedule(key),
                Some(_) | None => self.fail(key, now),
            }
        }
    }

    /// Somebody says that nobody is there: requests of ours that had no response yet end.
    pub fn flow_refused(&mut self, flow: &Flow, now: Instant) {
        let keys: Vec<_> = self.keys_on(Lane::of(flow)).collect();
        for key in keys {
            if self.transactions[&key].machine.is_unheard() {
                self.fail(key, now);
            }
        }
    }

    /// Bytes to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What happened to a transaction without a message.
    pub fn poll_event(&mut self) -> Option<TransactionEvent<O>> {
        self.events.pop_front()
    }

    /// When `handle_timeout` is next needed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Fires the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(key) = self.deadlines.first_due(now) {
            let transaction = self.transactions.get_mut(&key).expect("a removed transaction has no deadline");
            if transaction.detour.as_ref().and_then(|detour| detour.until()).is_some_and(|until| until <= now)
            {
                self.end_detour(key, now);
                continue;
            }
            let step = transaction.machine.handle_timeout(now);
            self.carry_out(key, step);
        }
    }

    /// How many transactions are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether no peer owes us a final response or an ACK: nothing of ours would have to be sent again.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.transactions.values().any(|transaction| transaction.machine.awaits_peer())
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// The source of all names that this core makes.
    pub const fn identifiers(&mut self) -> &mut Identifiers {
        &mut self.identifiers
    }

    pub(super) fn cancel_if_possible(&mut self, key: TransactionKey, now: Instant) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let Machine::InviteClient { machine, wish: wish @ Wish::Cancel(_), .. } = &mut transaction.machine
        else {
            return;
        };
        if !machine.is_proceeding() {
            return;
        }
        let wished = std::mem::replace(wish, Wish::Cancelled);
        machine.handle_cancel(now);
        self.reschedule(key);
        if let Wish::Cancel(reason) = wished {
            self.send_cancel(key, reason, now);
        }
    }

    /// Sends the CANCEL of an INVITE of ours, in place of one that is under way.
    pub(super) fn send_cancel(&mut self, key: TransactionKey, reason: Option<String>, now: Instant) {
        let Some(Transaction { flow, machine: Machine::InviteClient { invite, .. }, .. }) =
            self.transactions.get(&key).map(|transaction| &**transaction)
        else {
            return;
        };
        let (flow, mut cancel) = (*flow, derived::cancel(invite));
        if let Some(reason) = reason {
            cancel.headers.push(HeaderName::Reason, reason);
        }
        let branch = cancel.headers.via().expect("CANCEL has its INVITE's Via");
        let id = (Side::Client, MatchId::client(branch.branch().unwrap_or_default(), &Method::Cancel));
        if let Some(before) = self.by_id.get(&id).copied() {
            self.forget(before);
        }
        let (client, step) =
            Client::start(cancel.to_bytes(), flow.kind.is_reliable(), self.config.timers, now);
        let machine = Machine::Client(client);
        let transaction =
            Transaction { machine, flow, owner: None, id, origin: None, detour: None, deadline: None };
        self.insert(transaction, step);
    }

    /// What belongs to a dialog is let in beyond the limit: it ends calls and so makes room.
    fn limit(&self, request: &Request) -> usize {
        let is_in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
        let max = self.config.transactions_max;
        if is_in_dialog || request.method == Method::Cancel { max + max / 8 } else { max }
    }

    pub(super) fn insert(&mut self, transaction: Transaction<O>, step: Step) -> TransactionKey {
        self.last_key += 1;
        let key = TransactionKey(self.last_key);
        self.by_id.insert(transaction.id.clone(), key);
        if let Some(origin) = &transaction.origin {
            self.by_origin.insert(origin.clone(), key);
        }
        self.by_path.insert((Lane::of(&transaction.flow), key));
        self.transactions.insert(key, Box::new(transaction));
        self.carry_out(key, step);
        key
    }

    fn fail(&mut self, key: TransactionKey, now: Instant) {
        if self.give_up_detour(key) {
            return;
        }
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let step = transaction.machine.handle_flow_failure(now);
        self.carry_out(key, step);
    }

    pub(super) fn keys_on(&self, lane: Lane) -> impl Iterator<Item = TransactionKey> {
        let (first, last) = ((lane, TransactionKey(0)), (lane, TransactionKey(u64::MAX)));
        self.by_path.range(first..=last).map(|(_, key)| *key)
    }

    /// Does what a machine asked for, and forgets it where it ended.
    pub(super) fn carry_out(&mut self, key: TransactionKey, step: Step) -> Option<Tell> {
        let transaction = self.transactions.get_mut(&key)?;
        let owner = transaction.owner;
        if let (Some(Tell::TimedOut | Tell::FlowFailed), Machine::InviteClient { .. }) =
            (step.tell, &transaction.machine)
        {
            // Its owner goes on without it, and a 2xx that is late is nobody's.
            transaction.owner = None;
        }
        if let Some(bytes) = step.transmit {
            self.transmits.push_back(Transmit { flow: transaction.flow, bytes });
        }
        match step.tell {
            Some(Tell::TimedOut) => self.events.push_back(TransactionEvent::TimedOut { key, owner }),
            Some(Tell::FlowFailed) => self.events.push_back(TransactionEvent::FlowFailed { key, owner }),
            Some(Tell::Message) | None => {}
        }
        self.reschedule(key);
        step.tell
    }

    pub(super) fn reschedule(&mut self, key: TransactionKey) {
        let Some(transaction) = self.transactions.get_mut(&key) else { return };
        let old = transaction.deadline;
        let detour = transaction.detour.as_ref().and_then(|detour| detour.until());
        let is_open = !transaction.machine.is_terminated();
        transaction.deadline =
            transaction.machine.poll_timeout().into_iter().chain(detour.filter(|_| is_open)).min();
        self.deadlines.reschedule(key, old, transaction.deadline);
        if transaction.machine.is_terminated() {
            let transaction = self.transactions.remove(&key).expect("it was there a line before");
            self.by_path.remove(&(Lane::of(&transaction.flow), key));
            self.by_id.remove(&transaction.id);
            if let Some(origin) = transaction.origin {
                self.by_origin.remove(&origin);
            }
            while self.answered.front().is_some_and(|first| !self.transactions.contains_key(first)) {
                self.answered.pop_front();
            }
        }
    }
}

impl Lane {
    /// Where what goes on a flow breaks.
    #[must_use]
    pub fn of(flow: &Flow) -> Self {
        flow.connection.map_or(Self::Address(flow.kind, flow.remote), Self::Stream)
    }
}
