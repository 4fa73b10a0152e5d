//! A call that we place, until its answer: the UAC of RFC 3261 13.2.
//!
//! ```text
//!             +- 101-199: Progress
//!             |  401, 407 of a trunk: INVITE again with credentials
//!             v   |
//! Dial ---> Outgoing --- 2xx: ACK, Answered ----------------------> Session
//!             |   |  ^
//!             |   |  +--- silence, broken flow, 503: INVITE to the next hop
//!             |   |  +--- silence, broken flow, 408 before it rings, 430: INVITE by the phone's next flow
//!             |   |  +--- the stream closes of a user's phone that is known again, and it comes back in time
//!             |   +--- BYE of the last early dialog: CANCEL, Ended ------> (over)
//!             |   +--- 300-699, timer B, flow failure: Ended -----> (over)
//!             +------- Hangup, ring timeout: CANCEL, Ended -------> (over)
//! ```
//!
//! CANCEL waits for a provisional response in the transaction layer, and a 2xx that crosses it comes up
//! without an owner (`refuse.rs`). So does a 2xx from a second fork once the call is over.

use std::time::Instant;

use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};

use super::authorize::{Challenged, copy_credentials};
use super::cause::reason_of;
use super::early_offer::EarlyOffer;
use super::hunt::Hunt;
use super::invitation::{change, invite};
use super::path::{Path, RETURN_MAX};
use super::prack::{Heard, Pracks};
use super::refresh::{Refresh, is_too_small};
use super::reliable::rseq_of;
use super::session::{Opening, Session};
use super::session_timer::SessionTimer;
use super::stage::Call;
use super::trickle::Trickle;
use super::{Context, body, early, reason, redirect};
use crate::adapter::{Command, Dial, Event, Origin};
use crate::sip::agent::Route;
use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::hop::{Conduct, HopReport};
use crate::sip::message::{Method, ParseError, Request, Response, StatusCode};
use crate::sip::transaction::{TransactionEvent, TransactionKey};
use crate::sip::upstream::conduct_of;

/// How many forks may answer provisionally. Chosen by us: a user has a handful of phones.
const FORKS_MAX: usize = 16;

/// A call that waits for its callee.
#[derive(Debug)]
pub(in crate::sip) struct Outgoing {
    pub(super) peer: Origin,
    /// By which challenges are answered.
    account: Option<String>,
    path: Path,
    key: TransactionKey,
    pub(super) invite: Challenged,
    offer: Option<Box<SessionDescription>>,
    timer: SessionTimer,
    pub(super) forks: Vec<Fork>,
    /// The fork whose early media the gateway has, which takes that of no other: whoever else answers is to be told whole.
    heard: Option<String>,
    rings_until: Instant,
    /// Whether the phone is known again where it comes back after its stream closed.
    may_return: bool,
    /// Until when it is waited for then.
    lost_until: Option<Instant>,
    pracks: Pracks,
    early_offer: EarlyOffer,
    hunt: Hunt,
}

/// An early dialog and the answer that came in it.
#[derive(Debug)]
pub(super) struct Fork {
    dialog: Dialog,
    heard: Heard,
    /// The answer came reliably: new offers may follow.
    has_agreed: bool,
    answer: Option<Box<SessionDescription>>,
}

impl Fork {
    /// What names its dialog.
    pub(super) const fn id(&self) -> &DialogId {
        self.dialog.id()
    }
}

impl Outgoing {
    /// Sends the INVITE.
    pub(in crate::sip) fn dial(dial: Dial, route: Route, context: &mut Context<'_>) -> Call {
        let timer = SessionTimer::new(context.config.session_timer);
        let mut hunt = Hunt::new(&route, dial.has_successor, context);
        let mut invite = invite(&dial, &route, context);
        // A page in the background comes late with what it has to do by the clock.
        timer.ask(&mut invite.headers, route.flow.kind.is_websocket());
        change(&mut invite.headers, &dial.headers);
        let path = Path::new(route.flow, route.reach);
        let key = context.send(invite.clone(), path);
        hunt.wait_for_detour(key, context);
        Call::Outgoing(Box::new(Self {
            peer: route.peer,
            account: route.account,
            path,
            key,
            invite: Challenged::new(invite),
            offer: dial.offer,
            timer,
            forks: Vec::new(),
            heard: None,
            rings_until: context.now + dial.ring_timeout,
            may_return: route.may_return,
            lost_until: None,
            pracks: Pracks::default(),
            early_offer: EarlyOffer::default(),
            hunt,
        }))
    }

    pub(super) fn handle_command(
        mut self: Box<Self>,
        command: Command,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        match command {
            Command::Hangup { cause, .. } => {
                let is_elsewhere = cause == EndCause::AnsweredElsewhere;
                self.give_up(is_elsewhere.then(|| reason_of(cause)), context);
                self.tell_ended(cause, "hung up before the answer", context);
                None
            }
            Command::Reoffer { leg, .. } => {
                context.tell(Event::ReofferRefused { leg, cause: EndCause::Glare });
                Some(Call::Outgoing(self))
            }
            Command::AnswerReoffer { description, .. } => {
                if self.early_offer.answer(&description, &self.path.flow(), context) {
                    self.offer = Some(description);
                }
                Some(Call::Outgoing(self))
            }
            Command::RefuseReoffer { cause, .. } => {
                self.early_offer.refuse(cause, context);
                Some(Call::Outgoing(self))
            }
            _ => Some(Call::Outgoing(self)),
        }
    }

    pub(super) fn handle_response(
        mut self: Box<Self>,
        key: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        if key != self.key {
            let Self { pracks, forks, account, path, .. } = &mut *self;
            let dialogs = forks.iter_mut().map(|fork| &mut fork.dialog);
            pracks.handle_response(key, response, dialogs, (account.as_deref(), *path), context);
            return Some(Call::Outgoing(self));
        }
        self.hunt.heard();
        match response.status.code() {
            100 => Some(Call::Outgoing(self)),
            101..=199 => {
                self.handle_progress(response, context);
                Some(Call::Outgoing(self))
            }
            200..=299 => self.handle_answer(response, context),
            _ => self.handle_failure(response, context),
        }
    }

    pub(super) fn handle_event(
        mut self: Box<Self>,
        event: TransactionEvent<LegId>,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let (TransactionEvent::TimedOut { key, .. } | TransactionEvent::FlowFailed { key, .. }) = event;
        if key != self.key {
            return Some(Call::Outgoing(self));
        }
        let conduct = match event {
            TransactionEvent::TimedOut { .. } => Conduct::Silent,
            TransactionEvent::FlowFailed { .. } => Conduct::Unreachable,
        };
        if self.goes_on(conduct, context) {
            return Some(Call::Outgoing(self));
        }
        let (cause, why) = match (event, &self.peer) {
            (TransactionEvent::TimedOut { .. }, _) => (EndCause::GatewayFailure, "no response to INVITE"),
            (TransactionEvent::FlowFailed { .. }, Origin::User(_)) => {
                (EndCause::SignallingLost, "the callee's connection closed")
            }
            (TransactionEvent::FlowFailed { .. }, Origin::Trunk(_)) => {
                (EndCause::GatewayFailure, "no connection to the trunk")
            }
        };
        self.tell_ended(cause, why, context);
        None
    }

    pub(super) fn handle_request(
        mut self: Box<Self>,
        key: TransactionKey,
        request: Request,
        flow: &Flow,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        if request.method == Method::Bye {
            return self.handle_bye(key, &request, context);
        }
        if request.method == Method::Update && !request.body.is_empty() && self.has_agreed_with(&request) {
            self.early_offer.receive(key, request, flow, context);
            return Some(Call::Outgoing(self));
        }
        early::answer(key, &request, flow, self.has_offer(), context);
        Some(Call::Outgoing(self))
    }

    pub(super) fn handle_timeout(mut self: Box<Self>, context: &mut Context<'_>) -> Option<Call> {
        if self.awaits_phone_until().is_some_and(|until| until <= context.now) {
            self.give_up(None, context);
            self.tell_ended(EndCause::SignallingLost, "the callee's connection closed", context);
            return None;
        }
        if context.now < self.rings_until {
            if self.hunt.is_over(context.now) {
                self.give_up(None, context);
                if !self.goes_on(Conduct::Silent, context) {
                    self.tell_ended(EndCause::GatewayFailure, "nothing is heard of the last host", context);
                    return None;
                }
            }
            return Some(Call::Outgoing(self));
        }
        self.give_up(None, context);
        self.tell_ended(EndCause::NoAnswer, "ring timeout", context);
        None
    }

    /// Who is called, and the flow there.
    pub(super) const fn peer(&self) -> (&Origin, Flow) {
        (&self.peer, self.path.flow())
    }

    /// Notes that a stream closed; whether it was this call's, and the call waits from now on until its phone has another.
    pub(super) fn connection_closed(&mut self, connection: ConnectionId, now: Instant) -> bool {
        // A phone that has said nothing and has another flow is called by that one at once.
        let waits = self.may_return && !self.hunt.may_go_on() && self.path.connection_closed(connection);
        if waits {
            self.lost_until = Some(now + RETURN_MAX);
        }
        waits
    }

    /// Until when its phone is waited for, where it is.
    pub(super) fn awaits_phone_until(&self) -> Option<Instant> {
        self.lost_until.filter(|_| self.path.is_lost())
    }

    /// Takes over a flow in whose place the peer has another. Whether it is this call's.
    pub(super) fn peer_moved(&mut self, peer: &Origin, left: &[Flow], flow: Flow) -> bool {
        self.peer == *peer && self.path.follow(left, flow)
    }

    /// Takes over the stream by which the peer answers; gives the one before.
    pub(super) fn answered_by(&mut self, flow: Flow) -> Option<Flow> {
        self.path.answered_by(flow)
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        let lost_until = self.awaits_phone_until();
        self.hunt.poll_timeout().into_iter().chain(lost_until).fold(self.rings_until, Instant::min)
    }

    /// Reports what the peer's hop did, and sends the INVITE to its next one; whether there is one.
    fn goes_on(&mut self, conduct: Conduct, context: &mut Context<'_>) -> bool {
        if let Origin::Trunk(_) = self.peer {
            context.hops.push_back(HopReport::of(&self.path.flow(), conduct));
        }
        let Some((flow, invite)) = self.hunt.next(&self.invite.request, context) else { return false };
        tracing::info!(from = %self.path.flow(), to = %flow, ?conduct, "the call goes on at the next hop");
        self.path.replace(flow);
        self.key = context.send(invite.clone(), self.path);
        self.hunt.wait_for_detour(self.key, context);
        self.invite = Challenged::new(invite);
        // Early dialogs were with the hop that is left.
        context.dialogs.remove_leg(context.leg);
        self.forks.clear();
        self.pracks = Pracks::default();
        self.early_offer.refuse(EndCause::Cancelled, context);
        true
    }

    fn handle_progress(&mut self, response: &Response, context: &mut Context<'_>) {
        let fork = match self.fork(response, context) {
            Ok(fork) => fork,
            Err(error) => {
                tracing::debug!(%error, "provisional response cannot be used");
                return;
            }
        };
        if let Some(rseq) = rseq_of(response)
            && !self.acknowledge(rseq, fork, context)
        {
            return;
        }
        // Without an offer of ours an unreliable provisional response can carry nothing (RFC 3261 13.2.1).
        let description = if self.has_offer() { body::of_response(response).ok().flatten() } else { None };
        let tag = fork.map(|index| self.forks[index].dialog.id().remote_tag.clone());
        let is_heard = self.heard.is_none() || self.heard == tag;
        if let (Some(index), Some(answer)) = (fork, &description) {
            self.forks[index].answer = Some(answer.clone());
            self.forks[index].has_agreed |= rseq_of(response).is_some();
        }
        if description.is_some() && is_heard {
            self.heard = tag;
        }
        context.tell(Event::Progress {
            leg: context.leg,
            is_ringing: response.status == StatusCode::RINGING,
            description: description.filter(|_| is_heard),
            signalled_from: self.path.flow().remote.ip().to_canonical(),
        });
    }

    /// Sends the PRACK of a reliable response; whether that is the next in its dialog.
    fn acknowledge(&mut self, rseq: u32, fork: Option<usize>, context: &mut Context<'_>) -> bool {
        let Self { forks, pracks, path, invite, .. } = self;
        let Some(fork) = fork.and_then(|index| forks.get_mut(index)) else { return false };
        if !fork.heard.takes(rseq) {
            return false;
        }
        let cseq = invite.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        pracks.send(&mut fork.dialog, *path, (rseq, cseq), context);
        true
    }

    /// A fork ends its early dialog, which it may not (RFC 3261 15), but means: where no other rings, nobody answers.
    fn handle_bye(
        mut self: Box<Self>,
        key: TransactionKey,
        bye: &Request,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let id = DialogId::of_request(bye).ok().flatten();
        let Some(index) = self.forks.iter().position(|fork| Some(fork.dialog.id()) == id.as_ref()) else {
            context.answer(key, bye, StatusCode::CALL_DOES_NOT_EXIST);
            return Some(Call::Outgoing(self));
        };
        context.answer(key, bye, StatusCode::OK);
        self.forks.swap_remove(index);
        if !self.forks.is_empty() {
            return Some(Call::Outgoing(self));
        }
        self.give_up(None, context);
        self.tell_ended(reason::of_early_bye(&bye.headers), "early BYE", context);
        None
    }

    /// Whether a request is in the dialog whose early media the gateway has, with the answer for good.
    fn has_agreed_with(&self, request: &Request) -> bool {
        let is_its =
            |fork: &Fork| DialogId::of_request(request).is_ok_and(|id| id.as_ref() == Some(fork.dialog.id()));
        let is_heard = |fork: &Fork| self.heard.as_ref() == Some(&fork.dialog.id().remote_tag);
        self.forks.iter().any(|fork| fork.has_agreed && is_heard(fork) && is_its(fork))
    }

    /// The early dialog of a provisional response, new or known; none where it has no tag or there are
    /// too many.
    fn fork(&mut self, response: &Response, context: &mut Context<'_>) -> Result<Option<usize>, ParseError> {
        let to = response.headers.to()?;
        let Some(tag) = to.tag() else { return Ok(None) };
        let known = self.forks.iter().position(|fork| fork.dialog.id().remote_tag == tag);
        if known.is_some() || self.forks.len() == FORKS_MAX {
            return Ok(known);
        }
        let dialog = Dialog::uac(&self.invite.request, response)?;
        context.dialogs.insert(context.leg, &dialog);
        // Nearly always there is one.
        self.forks.reserve_exact(1);
        self.forks.push(Fork { dialog, heard: Heard::default(), has_agreed: false, answer: None });
        Ok(Some(self.forks.len() - 1))
    }

    fn handle_answer(mut self: Box<Self>, response: &Response, context: &mut Context<'_>) -> Option<Call> {
        let fork = self.fork(response, context).ok().flatten().map(|index| self.forks.swap_remove(index));
        let early_answer = fork.as_ref().and_then(|fork| fork.answer.clone());
        let dialog = match fork {
            Some(Fork { mut dialog, .. }) => dialog.take_over(response).map(|()| dialog),
            None => Dialog::uac(&self.invite.request, response),
        };
        let dialog = match dialog {
            Ok(dialog) => dialog,
            Err(error) => {
                tracing::warn!(%error, "2xx makes no dialog");
                self.tell_ended(EndCause::GatewayFailure, "2xx makes no dialog", context);
                return None;
            }
        };
        context.dialogs.insert(context.leg, &dialog);
        context.dialogs.keep_only(context.leg, dialog.id());
        if let Origin::Trunk(_) = self.peer {
            context.hops.push_back(HopReport::of(&self.path.flow(), Conduct::Answered));
        }
        let is_heard = self.heard.as_ref() == Some(&dialog.id().remote_tag);
        // A new offer of who answers is still to be answered, one of another device is not.
        if !is_heard {
            self.early_offer.refuse(EndCause::Cancelled, context);
        }
        let early_offer = self.early_offer.take();
        let cseq = self.invite.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let mut ack = dialog.ack(cseq);
        copy_credentials(&self.invite.request, &mut ack);
        let description = body::of_response(response);
        let has_offer = self.has_offer();
        self.timer.agreed(response, context.now);
        let mut refresh = Refresh::default();
        refresh.heard(&response.headers);
        let trickle = Trickle::of(&response.headers);
        let Self { key, path, peer, account, timer, offer: local, .. } = *self;
        let opening = Opening { dialog, path, peer, account, is_ours: true, timer, refresh, trickle, local };
        let mut call = match (description, early_answer) {
            (Ok(Some(offer)), _) if !has_offer => Session::with_offer(opening, key, ack, offer, context),
            (Ok(Some(answer)), early) => {
                let is_known = is_heard && early.as_ref() == Some(&answer);
                let description = (!is_known).then_some(answer);
                Session::with_answer(opening, key, ack, description, context)
            }
            (Ok(None), Some(early)) => {
                let description = (!is_heard).then_some(early);
                Session::with_answer(opening, key, ack, description, context)
            }
            (Ok(None), None) => {
                Session::without_description(opening, ack, "2xx without description", context)
            }
            (Err(error), _) => Session::without_description(opening, ack, &error.to_string(), context),
        };
        if let Some((key, request)) = early_offer {
            match &mut call {
                Call::Session(session) => session.take_over_offer(key, request, context),
                _ => context.answer(key, &request, StatusCode::REQUEST_TERMINATED),
            }
        }
        Some(call)
    }

    fn handle_failure(mut self: Box<Self>, response: &Response, context: &mut Context<'_>) -> Option<Call> {
        let account = self.account.as_deref();
        let cseq = self.invite.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        if let Some(request) = self.invite.authorize(response, account, || cseq.saturating_add(1), context) {
            self.key = context.send(request, self.path);
            return Some(Call::Outgoing(self));
        }
        if is_too_small(response) && self.timer.take_too_small(response) {
            self.timer.ask(&mut self.invite.request.headers, self.path.flow().kind.is_websocket());
            let again = self.invite.again(cseq.saturating_add(1));
            self.key = context.send(again, self.path);
            return Some(Call::Outgoing(self));
        }
        let conduct = match self.peer {
            Origin::Trunk(_) => conduct_of(response),
            Origin::User(_) => Conduct::of_flow(response, !self.forks.is_empty()),
        };
        if conduct != Conduct::Answered && self.goes_on(conduct, context) {
            return Some(Call::Outgoing(self));
        }
        let places = redirect::places_of(response);
        if !places.is_empty() {
            context.tell(Event::Redirected { leg: context.leg, places });
        }
        context.tell(Event::EndTold { leg: context.leg, codes: reason::codes_of_refusal(response) });
        let why = format!("refused: {} {}", response.status, response.reason);
        self.tell_ended(reason::of_refusal(response), &why, context);
        None
    }

    const fn has_offer(&self) -> bool {
        self.offer.is_some()
    }

    /// Tells that the leg is over. A new offer that waits gets its answer: the transaction of one without has no end.
    fn tell_ended(&mut self, cause: EndCause, why: &str, context: &mut Context<'_>) {
        self.early_offer.refuse(EndCause::Cancelled, context);
        context.tell_ended(cause, why);
    }

    fn give_up(&self, reason: Option<String>, context: &mut Context<'_>) {
        context.layer.abandon(self.key, reason, context.now);
    }
}
