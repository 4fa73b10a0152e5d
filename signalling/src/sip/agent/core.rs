//! The pure SIP user agent: the transaction layer below, all calls above, and the gateway's vocabulary
//! on top.
//!
//! ```text
//!  shell:  Inbound::Message   Command, Dial + Route   Inbound::Closed   timer
//!               |                    |                     |              |
//!               v                    v                     v              v
//!         handle_message    handle_command, dial     flow_closed    handle_timeout
//!               |                    |                     |              |
//!         [transaction layer] --> [calls, by leg] <--------+--------------+
//!               |                    |
//!               v                    v
//!         poll_transmit          poll_event                poll_timeout
//! ```
//!
//! After each input the shell takes out all transmits and events and arms its timer anew.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use webtrunk_engine::{EndCause, LegId};

use super::config::{AgentChange, AgentConfig};
use super::errands::Errands;
use super::keyring::Keyring;
use super::refusals::Refusals;
use super::requests;
use super::route::Route;
use super::slots::Slot;
use super::surroundings::{Doorkeeper, LocalNames};
use super::texts::Texts;
use crate::adapter::{Command, Dial, Event, News, Origin};
use crate::commons::Commons;
use crate::deadlines::Deadlines;
use crate::moment::Moment;
use crate::room::{Crowded, Room};
use crate::sip::call::{Call, CallChange, DialogIndex, Outgoing};
use crate::sip::dialog::DialogId;
use crate::sip::flow::Flow;
use crate::sip::hop::{HopReport, Sought};
use crate::sip::identifiers::Identifiers;
use crate::sip::message::{Message, Reject, Request, StatusCode};
use crate::sip::overload::OverloadControl;
use crate::sip::subscription::Notifier;
use crate::sip::transaction::{Received, TransactionEvent, TransactionLayer, Transmit};
use crate::sip::trunk::Trunks;
use crate::sip::trunk_load::TrunkLoads;
use crate::text_rates::TextRates;

/// The user agent core.
pub struct Agent<D> {
    pub(super) config: AgentConfig,
    pub(super) layer: TransactionLayer<LegId>,
    pub(super) doorkeeper: D,
    pub(super) names: Box<dyn LocalNames + Send>,
    pub(super) keyring: Box<dyn Keyring + Send>,
    pub(super) errands: Errands,
    pub(super) texts: Texts,
    pub(super) notifier: Notifier,
    pub(super) calls: HashMap<LegId, Slot>,
    pub(super) dialogs: DialogIndex,
    pub(super) deadlines: Deadlines<LegId>,
    /// Legs whose stream closed under an answered call.
    pub(super) stranded: HashSet<LegId>,
    pub(super) events: VecDeque<Event>,
    pub(super) hops: VecDeque<HopReport>,
    pub(super) sought: VecDeque<(LegId, Sought)>,
    pub(super) call_changes: VecDeque<CallChange>,
    pub(super) loads: TrunkLoads,
    /// Legs of a process before, which take no room from others.
    pub(super) orphans: HashSet<LegId>,
    pub(super) refusals: Refusals,
    pub(super) room: Room,
    pub(super) overload: OverloadControl,
    pub(super) mode: Mode,
    pub(super) allow: String,
}

/// Whether new work is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Serving,
    /// Calls go on, and no new ones are taken.
    Closing,
    Draining,
}

impl<D: Doorkeeper> Agent<D> {
    /// A core without calls. `seed` is random: all tags and branches come of it.
    #[must_use]
    pub fn new(
        config: AgentConfig,
        seed: [u8; 32],
        doorkeeper: D,
        names: Box<dyn LocalNames + Send>,
        keyring: Box<dyn Keyring + Send>,
    ) -> Self {
        Self {
            layer: TransactionLayer::new(config.transactions, Identifiers::new(seed)),
            room: Room::new(config.max_cps, None, Arc::default()),
            texts: Texts::new(TextRates::new(config.texts.clone())),
            notifier: Notifier::new(config.subscriptions.clone()),
            config,
            doorkeeper,
            names,
            keyring,
            errands: Errands::default(),
            calls: HashMap::new(),
            dialogs: DialogIndex::default(),
            deadlines: Deadlines::new(),
            stranded: HashSet::new(),
            events: VecDeque::new(),
            hops: VecDeque::new(),
            sought: VecDeque::new(),
            call_changes: VecDeque::new(),
            loads: TrunkLoads::default(),
            orphans: HashSet::new(),
            refusals: Refusals::default(),
            overload: OverloadControl::default(),
            mode: Mode::Serving,
            allow: requests::allow(),
        }
    }

    /// What neighbours are told from this moment on is later to them than what a core before has told (RFC 7339 4.4).
    pub fn begin(&mut self, at: Moment) {
        self.overload.begin(at);
    }

    /// The calls of trunks, to be bounded.
    pub const fn loads_mut(&mut self) -> &mut TrunkLoads {
        &mut self.loads
    }

    /// Asks for what all adapters share from now on, and counts calls that have no room.
    pub fn share(&mut self, Commons { room, texts, .. }: Commons) {
        self.room = room;
        self.texts.ask(texts);
    }

    /// Counts a call that was refused by who hears of calls.
    pub fn count_refused(&self, why: Crowded) {
        self.room.count(why);
    }

    /// Answers the challenges of these trunks from now on.
    pub fn take_up_accounts(&mut self, trunks: &Trunks) {
        self.keyring.take_up(trunks);
    }

    /// The accounts that challenges are answered by, which may change.
    pub fn keyring_mut(&mut self) -> &mut (dyn Keyring + Send) {
        &mut *self.keyring
    }

    /// Goes by these knobs from now on. Who is no user any more, or may not be where it is by what the doorkeeper knows now, watches
    /// no more.
    pub fn take_up(&mut self, change: AgentChange) {
        let AgentChange { texts, calls_max, max_cps, emergency_numbers, user_passing, subscriptions } =
            change;
        self.config.calls_max = calls_max;
        self.room.limit(max_cps);
        self.room.put_first(emergency_numbers.clone());
        self.texts.limit(&texts);
        self.notifier.take_up(subscriptions.clone());
        let (doorkeeper, before) = (&self.doorkeeper, &self.config.subscriptions.rights);
        let was_removed = |user: &str| before.knows(user) && !subscriptions.rights.knows(user);
        self.notifier.remove_those(|watcher, flow| {
            was_removed(watcher) || !doorkeeper.may_be_at(watcher, flow.remote.ip())
        });
        (self.config.texts, self.config.max_cps, self.config.user_passing) = (texts, max_cps, user_passing);
        self.config.emergency_numbers = emergency_numbers;
        self.config.subscriptions = subscriptions;
    }

    /// Takes a parsed message from the wire.
    pub fn handle_message(&mut self, mut message: Message, flow: Flow, now: Instant) {
        self.unveil(&mut message);
        if let Message::Request(request) = &mut message {
            self.tell_overload(request, &flow, now);
        }
        if let Message::Response(response) = &message
            && let Err(error) = response.validate()
        {
            tracing::debug!(%flow, %error, "response discarded");
            return;
        }
        // Before its transaction takes it for the answer.
        if let Message::Response(response) = &message
            && self.is_anothers_response(response, &flow, now)
        {
            return;
        }
        match self.layer.handle_message(message, flow, now) {
            Some(Received::Request(request)) => self.handle_request(request, flow, now),
            Some(Received::Ack(ack)) => self.handle_ack(&ack, flow, now),
            Some(Received::Cancel { invite, owner: Some(leg), cancel }) => {
                self.with_call(leg, now, |call, context| call.handle_cancel(invite, &cancel, context));
            }
            Some(Received::Response { key, owner, response }) => {
                self.handle_response(key, owner, &response, flow, now);
            }
            Some(Received::Cancel { owner: None, .. }) | None => {}
        }
        self.handle_transaction_events(now);
    }

    /// Places a call along a route. Answered by `Progress`, `Answered` or `Ended`.
    pub fn dial(&mut self, dial: Dial, route: Route, now: Instant) {
        let leg = dial.leg;
        if self.mode == Mode::Draining {
            self.events.push_back(Event::Ended { leg, cause: EndCause::ShuttingDown });
            return;
        }
        let span = dial.span.clone();
        if let Origin::Trunk(trunk) = &route.peer
            && !self.loads.begin(trunk, leg, now)
        {
            span.in_scope(|| tracing::info!(trunk, "the trunk has as many calls as it may"));
            self.events.push_back(Event::Ended { leg, cause: EndCause::Overloaded });
            return;
        }
        self.open_call(leg, span, now, |context| {
            tracing::info!(target = %route.request_uri, flow = %route.flow, "call placed");
            Ok::<_, Infallible>(Outgoing::dial(dial, route, context))
        })
        .unwrap_or_else(|never| match never {});
        self.send_notifications(now);
    }

    /// Does what the gateway wants. A `Dial` belongs to [`dial`](Self::dial), which gets its route, and a `SendText`
    /// to [`send_text`](Self::send_text); without one their targets cannot be reached.
    pub fn handle_command(&mut self, command: Command, now: Instant) {
        let leg = match &command {
            Command::Dial(dial) => {
                self.events.push_back(Event::Ended { leg: dial.leg, cause: EndCause::Unavailable });
                return;
            }
            Command::SendText(text) => return self.fail_text(text.leg, EndCause::Unavailable),
            Command::AnswerText { leg, delivery } => {
                self.answer_text(*leg, *delivery, now);
                return self.handle_transaction_events(now);
            }
            Command::Tell { leg, news: News::Candidates(_) } => *leg,
            // SIP has no words for the rest.
            Command::Tell { .. } => return,
            Command::RefuseCalls => return self.refuse_calls(),
            Command::Drain => return self.drain(now),
            Command::Ring { leg, .. }
            | Command::Answer { leg, .. }
            | Command::Reoffer { leg, .. }
            | Command::AnswerReoffer { leg, .. }
            | Command::RefuseReoffer { leg, .. }
            | Command::SendDigit { leg, .. }
            | Command::AnswerCandidates { leg, .. }
            | Command::AnswerRecord { leg, .. }
            | Command::TransferProgress { leg, .. }
            | Command::PassContent { leg, .. }
            | Command::AnswerContent { leg, .. }
            | Command::Redirect { leg, .. }
            | Command::Hangup { leg, .. } => *leg,
        };
        self.with_call(leg, now, |call, context| call.handle_command(command, context));
        self.handle_transaction_events(now);
    }

    /// Fires the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.layer.handle_timeout(now);
        self.handle_transaction_events(now);
        self.give_up_errands(now);
        self.give_up_texts(now);
        self.notifier.handle_timeout(now);
        while let Some(leg) = self.deadlines.first_due(now) {
            self.with_call(leg, now, Call::handle_timeout);
        }
        self.handle_transaction_events(now);
    }

    /// When `handle_timeout` is next needed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = [
            self.layer.poll_timeout(),
            self.deadlines.next(),
            self.errands.poll_timeout(),
            self.texts.poll_timeout(),
            self.notifier.poll_timeout(),
        ];
        next.into_iter().flatten().min()
    }

    /// Bytes to be sent. Where they surely cannot be, [`flow_failed`](Self::flow_failed) ends what waits
    /// for them.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.layer.poll_transmit()
    }

    /// What callers did.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What hops of trunks did with our calls.
    pub fn poll_hop(&mut self) -> Option<HopReport> {
        self.hops.pop_front()
    }

    /// A name that has to be looked up for a call; [`peer_found`](Self::peer_found) goes on.
    pub fn poll_sought(&mut self) -> Option<(LegId, Sought)> {
        self.sought.pop_front()
    }

    /// Whether a drained core has nothing left to say: the shell may stop. Calls that were given up are
    /// cancelled, refused or ended for good by then, however often that had to be said; but those whose peers have no stream now
    /// and may never come back. Where calls are kept, the next process tells these.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.mode == Mode::Draining
            && self.calls.values().all(|slot| slot.call.as_ref().is_some_and(Call::awaits_return))
            && self.texts.is_empty()
            && self.layer.is_settled()
    }

    /// How many legs are open, those that are being left among them.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many transactions are open.
    #[must_use]
    pub fn transactions(&self) -> usize {
        self.layer.len()
    }

    /// How many dialogs are known, early ones among them.
    #[must_use]
    pub fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// The doorkeeper.
    #[must_use]
    pub const fn doorkeeper(&self) -> &D {
        &self.doorkeeper
    }

    /// The doorkeeper, to be changed.
    pub const fn doorkeeper_mut(&mut self) -> &mut D {
        &mut self.doorkeeper
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(super) fn report_hop(&mut self, report: HopReport) {
        self.hops.push_back(report);
    }

    /// The leg that a request belongs to, and whether it claims to belong to one.
    pub(super) fn leg_of(&self, request: &Request) -> Result<Option<LegId>, UnknownDialog> {
        match DialogId::of_request(request) {
            Ok(Some(id)) => self.dialogs.leg(&id).map(Some).ok_or(UnknownDialog),
            Ok(None) => Ok(None),
            Err(_) => Err(UnknownDialog),
        }
    }

    /// The leg whose place an INVITE wants (RFC 3891 3); `None` where it wants none.
    ///
    /// # Errors
    /// There is no such leg, or none that can be replaced.
    pub(super) fn replaced_by(&self, invite: &Request) -> Result<Option<LegId>, Reject> {
        let Some(replaces) = invite.headers.replaces()? else { return Ok(None) };
        let gone = || Reject::new(StatusCode::CALL_DOES_NOT_EXIST);
        let call_of = |leg: &LegId| self.calls.get(leg).and_then(|slot| slot.call.as_ref());
        let rings = |leg: &LegId| matches!(call_of(leg), Some(Call::Outgoing(_)));
        // Who picks up what rings at another has its names from having watched that one.
        let watched = || self.dialogs.watched(&replaces).filter(rings);
        let leg = self.dialogs.replaced(&replaces).or_else(watched).ok_or_else(gone)?;
        let call = call_of(&leg).ok_or_else(gone)?;
        call.check_replaced(replaces.is_early_only).map_err(Reject::new)?;
        Ok(Some(leg))
    }

    pub(super) fn handle_transaction_events(&mut self, now: Instant) {
        while let Some(event) = self.layer.poll_event() {
            let (TransactionEvent::TimedOut { owner, .. } | TransactionEvent::FlowFailed { owner, .. }) =
                event;
            if let Some(leg) = owner {
                self.with_call(leg, now, |call, context| call.handle_event(event, context));
            } else {
                self.errand_failed(&event, now);
            }
        }
        self.send_notifications(now);
    }

    fn refuse_calls(&mut self) {
        if self.mode == Mode::Serving {
            self.mode = Mode::Closing;
        }
    }

    fn drain(&mut self, now: Instant) {
        self.mode = Mode::Draining;
        let mut legs: Vec<_> = self.calls.keys().copied().collect();
        legs.sort();
        for leg in legs {
            let hangup = Command::Hangup { leg, cause: EndCause::ShuttingDown };
            self.with_call(leg, now, |call, context| call.handle_command(hangup, context));
        }
        self.notifier.drain();
        self.send_notifications(now);
    }
}

/// A request names a dialog that we do not have: 481.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownDialog;
