//! The session itself: its state, and what it is told with.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::info;
use webtrunk_engine::{EndCause, LegId};

use super::call::{Call, Stage, Waiting};
use super::ledger::Ledger;
use super::log::EventLog;
use super::output::{Closing, Flow, Output};
use super::trail::Trail;
use crate::adapter::{self, TransferProgress};
use crate::auth::bucket::{Bucket, Rate};
use crate::json::LISTENER;
use crate::json::door::{Granted, Identity};
use crate::json::protocol::{
    Ended, ErrorCode, Event, Fault, Id, KnownCall, Outcome, Progress, Replaced, TransferStep, notification,
    refusal, response,
};

/// Names a session for the life of the process; it is what the gateway dials, too.
pub(in crate::json) type SessionKey = u64;

/// Requests of one session: 50 a second in the mean, 200 at once. Chosen by us: a page that trickles the candidates of
/// five calls stays below.
const REQUESTS_PER_S: f64 = 50.0;
const REQUESTS_AT_ONCE: u32 = 200;

/// How often a page is told of the quality of its calls: as often as the engine has something new to say.
const QUALITY_INTERVAL: Duration = Duration::from_secs(5);

/// One page's session.
#[derive(Debug)]
pub(in crate::json) struct Session {
    /// For logs and pages.
    pub(in crate::json) name: String,
    pub(in crate::json) identity: Identity,
    pub(super) state: State,
    /// Where its page was seen last.
    pub(super) remote: IpAddr,
    /// The calls by their names, in a settled order.
    pub(super) calls: BTreeMap<String, Call>,
    /// The call of each leg.
    pub(super) legs: HashMap<LegId, (String, Role)>,
    /// The messages whose answers are awaited.
    pub(super) texts: HashMap<LegId, Option<Id>>,
    pub(super) log: EventLog,
    /// What was said lately.
    pub(super) trail: Trail,
    /// The users that its page watches.
    pub(super) watched: BTreeSet<String>,
    /// When the turn that is under way began.
    pub(super) now: Instant,
    requests: Bucket,
    /// Since when its page is there, or away.
    since: Instant,
    /// When its page is told of the quality of its calls.
    quality_at: Instant,
    outputs: VecDeque<Output>,
}

/// Whether its page is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is, by this connection.
    Connected {
        /// Which one.
        flow: Flow,
    },
    /// It may come back.
    Waiting {
        /// Until then.
        until: Instant,
    },
    /// It is over: its calls are gone.
    Over,
}

/// What a leg is to its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The page's own.
    Own,
    /// It is to take the place of the page's own.
    Successor,
    /// Another has its place, and the gateway will hang it up.
    Replaced,
}

impl Session {
    /// A session whose page is there.
    pub(in crate::json) fn new(
        name: String,
        identity: Identity,
        flow: Flow,
        remote: IpAddr,
        now: Instant,
    ) -> Self {
        Self {
            name,
            identity,
            state: State::Connected { flow },
            remote,
            calls: BTreeMap::new(),
            legs: HashMap::new(),
            texts: HashMap::new(),
            log: EventLog::default(),
            trail: Trail::new(now),
            watched: BTreeSet::new(),
            now,
            requests: Bucket::full(rate()),
            since: now,
            quality_at: now + QUALITY_INTERVAL,
            outputs: VecDeque::new(),
        }
    }

    /// The user by whose rights it acts.
    pub(in crate::json) fn user(&self) -> &str {
        &self.identity.user
    }

    /// What its token lets it.
    pub(in crate::json) fn granted(&self) -> Option<&Granted> {
        self.identity.grant.as_deref()
    }

    /// Where its page was seen last.
    pub(in crate::json) const fn remote(&self) -> IpAddr {
        self.remote
    }

    /// Its connection, while it has one.
    pub(in crate::json) const fn flow(&self) -> Option<Flow> {
        match self.state {
            State::Connected { flow } => Some(flow),
            State::Waiting { .. } | State::Over => None,
        }
    }

    /// Whether it has calls.
    pub(in crate::json) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Since when its page is there, or away.
    pub(in crate::json) const fn since(&self) -> Instant {
        self.since
    }

    /// The messages whose answers are awaited.
    pub(in crate::json) fn texts(&self) -> impl Iterator<Item = LegId> {
        self.texts.keys().copied()
    }

    /// Gives back what it has of its token's: it is given up as it is.
    pub(in crate::json) fn give_back(&self, ledger: &mut Ledger) {
        if let Some(granted) = self.granted() {
            self.calls.values().for_each(|_| ledger.end(granted));
            ledger.release(granted);
        }
    }

    /// Whether it is over.
    pub(in crate::json) const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Tells the page something, now or when it is back.
    pub(in crate::json) fn tell(&mut self, event: &Event) {
        let (what, call_id) = event.said();
        self.trail.push(self.now, false, what, call_id);
        let text = self.log.push(event).to_owned();
        if let State::Connected { flow } = self.state {
            self.outputs.push_back(Output::Send { flow, text });
        }
    }

    /// Tells the page something that is of no use later.
    pub(super) fn tell_now(&mut self, event: &Event) {
        if let State::Connected { flow } = self.state {
            self.outputs.push_back(Output::Send { flow, text: notification(0, event) });
        }
    }

    /// Its connection is lost: it waits for the page.
    pub(in crate::json) fn handle_flow_lost(&mut self, patience: Duration, now: Instant) {
        if !matches!(self.state, State::Connected { .. }) {
            return;
        }
        info!(
            session = self.name,
            calls = self.calls.len(),
            "the page's connection is lost, the session waits"
        );
        self.state = State::Waiting { until: now + patience };
        self.log.leave();
        (self.since, self.now) = (now, now);
        self.forget_names();
        self.tell_away(true);
    }

    /// The page is back, by a connection whose request has this name. One that was there still is told and closed.
    pub(in crate::json) fn resume(
        &mut self,
        flow: Flow,
        remote: IpAddr,
        last_seen: u64,
        now: Instant,
        answer: impl FnOnce(bool, Vec<KnownCall>) -> String,
    ) {
        if let State::Connected { flow: old } = self.state {
            let replaced = Event::ReplacedSession(Replaced {});
            let text = notification(0, &replaced);
            self.outputs.push_back(Output::Send { flow: old, text });
            self.outputs.push_back(Output::Close { flow: old, why: Closing::Replaced });
            self.forget_names();
        }
        info!(session = self.name, calls = self.calls.len(), "session resumed");
        (self.state, self.since, self.now) = (State::Connected { flow }, now, now);
        self.remote = remote;
        self.log.come_back();
        let missed = self.log.missed(last_seen);
        let text = answer(missed.is_incomplete, self.known_calls());
        self.outputs.push_back(Output::Send { flow, text });
        for text in missed.events {
            self.outputs.push_back(Output::Send { flow, text });
        }
        self.tell_away(false);
        self.ring_what_waited();
    }

    /// Ends what the page did not come back for.
    pub(in crate::json) fn handle_timeout(&mut self, ledger: &mut Ledger, now: Instant) {
        self.now = now;
        match self.state {
            State::Waiting { until } if until <= now => {
                info!(session = self.name, calls = self.calls.len(), "the page did not come back");
                self.end(EndCause::SignallingLost, None, ledger);
            }
            State::Connected { .. } if self.quality_at <= now => {
                self.quality_at = now + QUALITY_INTERVAL;
                self.ask_quality();
            }
            State::Waiting { .. } | State::Connected { .. } | State::Over => {}
        }
    }

    /// When it ends, if its page does not come back; and when its page is told of the quality of its calls.
    pub(in crate::json) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            State::Connected { .. } => self.calls.values().any(Call::is_connected).then_some(self.quality_at),
            State::Over => None,
        }
    }

    /// What nobody waits for is told to the page that is there.
    fn ask_quality(&mut self) {
        let mut asked = Vec::new();
        for call in self.calls.values_mut().filter(|call| call.is_connected()) {
            call.figures.push_back(Waiting(None));
            asked.push(call.leg);
        }
        for leg in asked {
            self.report(adapter::Event::FiguresAsked { leg });
        }
    }

    /// Ends it with all its calls; its connection is closed where it has one and a reason is given.
    pub(in crate::json) fn end(&mut self, cause: EndCause, why: Option<Closing>, ledger: &mut Ledger) {
        for call_id in self.calls.keys().cloned().collect::<Vec<_>>() {
            self.end_call(&call_id, cause, ledger);
        }
        // Legs that others have replaced, which the gateway has not hung up yet.
        for leg in self.legs.drain().map(|(leg, _)| leg).collect::<Vec<_>>() {
            self.report(adapter::Event::Ended { leg, cause });
        }
        if why == Some(Closing::Replaced) {
            self.tell(&Event::ReplacedSession(Replaced {}));
        }
        if let (State::Connected { flow }, Some(why)) = (self.state, why) {
            self.outputs.push_back(Output::Close { flow, why });
        }
        self.state = State::Over;
    }

    pub(super) const fn outputs_mut(&mut self) -> &mut VecDeque<Output> {
        &mut self.outputs
    }

    /// What is to be done; call until `None`.
    pub(in crate::json) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether the page asks for more than it may.
    pub(super) fn asks_too_much(&mut self, now: Instant) -> bool {
        self.requests.take(rate(), 0.0, now).is_err()
    }

    pub(super) fn report(&mut self, event: adapter::Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn respond(&mut self, id: Option<Id>, outcome: &Outcome) {
        if let (State::Connected { flow }, Some(id)) = (self.state, id) {
            self.outputs.push_back(Output::Send { flow, text: response(&id, outcome) });
        }
    }

    pub(super) fn refuse(&mut self, id: Option<Id>, fault: &Fault) {
        if let (State::Connected { flow }, Some(id)) = (self.state, id) {
            self.outputs.push_back(Output::Send { flow, text: refusal(Some(&id), fault) });
        }
    }

    pub(super) fn add_call(&mut self, call_id: &str, call: Call) {
        self.legs.insert(call.leg, (call_id.to_owned(), Role::Own));
        self.calls.insert(call_id.to_owned(), call);
    }

    /// Ends a call from our side: each of its legs is reported once, and the page is told.
    pub(super) fn end_call(&mut self, call_id: &str, cause: EndCause, ledger: &mut Ledger) {
        let Some(mut call) = self.calls.remove(call_id) else { return };
        call.span.in_scope(|| info!(?cause, "leg ended"));
        let (successor, rejoin) = call.successor.take().unzip();
        for Waiting(id) in call.take_waiting().chain(rejoin) {
            self.refuse(id, &Fault::new(ErrorCode::NotFound, "the call is over").at("callId"));
        }
        for leg in [Some(call.leg), successor].into_iter().flatten() {
            if self.legs.remove(&leg).is_some() {
                self.report(adapter::Event::Ended { leg, cause });
            }
        }
        if let Some(granted) = &self.identity.grant {
            ledger.end(granted);
        }
        self.tell(&Event::Ended(Ended::new(call_id, cause)));
    }

    /// The page learns how its transfer goes.
    pub(super) fn tell_transfer(&mut self, call_id: String, progress: TransferProgress) {
        if self.merged(&call_id, progress) {
            return;
        }
        let (step, cause) = match progress {
            TransferProgress::Began => (TransferStep::Began, None),
            TransferProgress::Ringing => (TransferStep::Ringing, None),
            TransferProgress::Done => (TransferStep::Done, None),
            TransferProgress::Failed(cause) => (TransferStep::Failed, Some(Ended::new("", cause).cause)),
        };
        self.tell(&Event::TransferProgress(Progress { call_id, step, cause }));
    }

    /// The gateway learns whether anybody is there.
    fn tell_away(&mut self, is_away: bool) {
        let up = self.calls.values().filter(|call| call.is_connected()).map(|call| call.leg);
        for leg in up.collect::<Vec<_>>() {
            self.report(adapter::Event::AwayTold { leg, is_away });
        }
    }

    /// Calls that came in while nobody was there ring now.
    fn ring_what_waited(&mut self) {
        let remote = self.remote;
        let rung: Vec<LegId> = self
            .calls
            .values_mut()
            .filter_map(|call| match &mut call.stage {
                Stage::Incoming { is_rung, .. } if !*is_rung => {
                    *is_rung = true;
                    Some(call.leg)
                }
                _ => None,
            })
            .collect();
        for leg in rung {
            self.report(ringing(leg, remote));
        }
    }

    fn known_calls(&self) -> Vec<KnownCall> {
        let known = |(call_id, call): (&String, &Call)| KnownCall {
            call_id: call_id.clone(),
            peer: call.peer.clone(),
            state: call.state(),
            sdp: match &call.stage {
                Stage::Incoming { sdp, .. } => Some(sdp.clone()),
                Stage::Calling { .. } | Stage::Connected => None,
            },
        };
        self.calls.iter().map(known).collect()
    }

    fn forget_names(&mut self) {
        self.calls.values_mut().for_each(Call::forget_names);
        self.texts.values_mut().for_each(|id| *id = None);
    }
}

/// The page rings.
pub(super) const fn ringing(leg: LegId, signalled_from: IpAddr) -> adapter::Event {
    adapter::Event::Progress { leg, is_ringing: true, description: None, signalled_from }
}

fn rate() -> Rate {
    Rate::new(REQUESTS_PER_S, REQUESTS_AT_ONCE)
}

pub(super) fn listener() -> Arc<str> {
    Arc::from(LISTENER)
}
