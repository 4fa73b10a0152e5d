//! An answered call (RFC 3261 14, 15): what the gateway commands, and how it ends. What the peer asks for
//! is in `inbound.rs`, our re-INVITE in `reoffer.rs`.

use std::time::Instant;

use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};

use super::digits::Digits;
use super::dtmf::Digit;
use super::exchange::{Answered, Awaits, Exchange, Purpose};
use super::leaving::Leaving;
use super::notes::Notes;
use super::path::Path;
use super::record::Asked;
use super::refer::Referrals;
use super::refresh::Refresh;
use super::refuse::refuse_answer;
use super::reliable::Awaited;
use super::session_timer::SessionTimer;
use super::stage::Call;
use super::trickle::Trickle;
use super::unacknowledged::Unacknowledged;
use super::{Context, body};
use crate::adapter::{Command, Event, News, Origin};
use crate::sip::dialog::Dialog;
use crate::sip::flow::{ConnectionId, Flow};
use crate::sip::message::{Request, Response, StatusCode, Uri};
use crate::sip::transaction::{TransactionEvent, TransactionKey};

/// An answered call.
#[derive(Debug)]
pub(in crate::sip) struct Session {
    pub(super) dialog: Dialog,
    pub(super) path: Path,
    pub(super) peer: Origin,
    /// The account by which challenges are answered, where we placed the call.
    pub(super) account: Option<String>,
    pub(super) exchange: Exchange,
    /// The ACK of our last INVITE, for the retransmissions of its 2xx.
    pub(super) last_ack: Option<(TransactionKey, Box<Request>)>,
    pub(super) digits: Digits,
    /// The PRACK of a provisional response that the answer did not wait for.
    pub(super) prack: Option<Awaited>,
    /// What the peer wants of the recording, while the gateway has not said whether it may.
    pub(super) asked: Option<Asked>,
    pub(super) referrals: Referrals,
    /// What the peer is told of our candidates.
    pub(super) trickle: Trickle,
    /// What the two ends tell each other beside the media.
    pub(super) notes: Notes,
    /// Whether we made the Call-ID, which settles who waits longer after glare.
    pub(super) is_ours: bool,
    pub(super) timer: SessionTimer,
    pub(super) refresh: Refresh,
    /// Our description as it was agreed last.
    pub(super) local: Option<Box<SessionDescription>>,
}

/// What the answer to a call leaves for the session.
pub(super) struct Opening {
    pub(super) dialog: Dialog,
    pub(super) path: Path,
    pub(super) peer: Origin,
    /// By which challenges are answered, where we placed the call.
    pub(super) account: Option<String>,
    /// Whether we placed the call.
    pub(super) is_ours: bool,
    pub(super) timer: SessionTimer,
    pub(super) refresh: Refresh,
    pub(super) trickle: Trickle,
    /// What we offered or answered; `None` where our answer is still to come.
    pub(super) local: Option<Box<SessionDescription>>,
}

impl Session {
    /// Our call was answered: acknowledges it. `description` is what the gateway has not seen yet.
    pub(super) fn with_answer(
        opening: Opening,
        invite: TransactionKey,
        ack: Request,
        description: Option<Box<SessionDescription>>,
        context: &mut Context<'_>,
    ) -> Call {
        let mut session = Self::new(opening, Exchange::Idle);
        // Before the ACK, which may take another way.
        session.tell_answered(description, context);
        session.acknowledge(invite, ack, context);
        Call::Session(session)
    }

    /// Our call was answered with an offer: the ACK waits for the gateway's answer.
    pub(super) fn with_offer(
        opening: Opening,
        invite: TransactionKey,
        ack: Request,
        offer: Box<SessionDescription>,
        context: &mut Context<'_>,
    ) -> Call {
        let give_up_at = context.now + context.config.transactions.timers.give_up;
        let session = Self::new(opening, Exchange::OwesAck { key: invite, ack: Box::new(ack), give_up_at });
        session.tell_answered(Some(offer), context);
        Call::Session(session)
    }

    /// Our call was answered, but what for nobody can say: acknowledges and ends it.
    pub(super) fn without_description(
        opening: Opening,
        ack: Request,
        why: &str,
        context: &mut Context<'_>,
    ) -> Call {
        let mut session = Self::new(opening, Exchange::Idle);
        let flow = session.flow(context);
        context.send_ack(ack, flow);
        session.end(EndCause::NotAcceptable, why, context)
    }

    /// We answered the peer's call.
    pub(super) fn answered(
        opening: Opening,
        answer: Unacknowledged,
        awaits: Awaits,
        prack: Option<Awaited>,
    ) -> Call {
        let exchange = Exchange::AwaitingAck { answer, of: Answered::Call, awaits };
        let mut session = Self::new(opening, exchange);
        session.prack = prack;
        Call::Session(session)
    }

    pub(super) fn handle_command(
        mut self: Box<Self>,
        command: Command,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        match command {
            Command::Answer { description, .. } => self.answer_late_offer(&description, context),
            Command::Reoffer { offer, .. } => self.reoffer(&offer, context),
            Command::AnswerReoffer { description, .. } => self.answer_reoffer(&description, context),
            Command::RefuseReoffer { cause, .. } => self.refuse_reoffer(cause, context),
            Command::SendDigit { digit, duration, .. } => {
                self.send_digit(Digit { key: digit, duration }, context);
            }
            Command::AnswerCandidates { refused, .. } => self.answer_candidates(refused, context),
            Command::Tell { news: News::Candidates(fragment), .. } => self.tell_candidates(fragment, context),
            Command::AnswerRecord { is_done, .. } => self.answer_record(is_done, context),
            Command::TransferProgress { progress, .. } => self.tell_transfer(progress, context),
            Command::PassContent { id, content, .. } => self.pass_content(id, &content, context),
            Command::AnswerContent { id, delivery, .. } => self.answer_content(id, delivery, context),
            Command::Hangup { cause, .. } => return Some(self.end(cause, "hung up by us", context)),
            Command::Dial(_)
            | Command::Ring { .. }
            | Command::Redirect { .. }
            | Command::SendText(_)
            | Command::AnswerText { .. }
            | Command::Tell { .. }
            | Command::RefuseCalls
            | Command::Drain => {}
        }
        Some(Call::Session(self))
    }

    pub(super) fn handle_response(
        mut self: Box<Self>,
        of: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        if response.status.is_provisional() {
            return Some(Call::Session(self));
        }
        if matches!(self.exchange, Exchange::OfferSent { key, .. } if key == of) {
            return Some(self.handle_reoffer_response(response, context));
        }
        if self.refresh.is_sent(of) {
            return Some(self.handle_update_response(response, context));
        }
        if self.digits.is_sent(of) {
            return Some(self.handle_digit_response(of, response, context));
        }
        if self.trickle.is_sent(of) {
            return Some(self.handle_trickle_response(response, context));
        }
        if self.notes.is_sent(of) {
            return Some(self.handle_note_response(of, response, context));
        }
        if response.status.is_success() {
            self.handle_repeated_answer(of, response, context);
        }
        Some(Call::Session(self))
    }

    pub(super) fn handle_event(
        mut self: Box<Self>,
        event: TransactionEvent<LegId>,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let (TransactionEvent::TimedOut { key: of, .. } | TransactionEvent::FlowFailed { key: of, .. }) =
            event;
        let reoffer = match self.exchange {
            Exchange::OfferSent { key, purpose, .. } if key == of => Some(purpose),
            _ => None,
        };
        let is_update = self.refresh.is_sent(of);
        let is_digit = self.digits.is_sent(of);
        let is_theirs = matches!(self.exchange, Exchange::OfferReceived { key, .. } if key == of);
        match event {
            // RFC 3261 12.2.1.2: silence ends the dialog, a broken flow (like 503) does not.
            TransactionEvent::TimedOut { .. } if reoffer.is_some() || is_update || is_digit => {
                return Some(self.end(EndCause::SignallingLost, "no response in the dialog", context));
            }
            TransactionEvent::FlowFailed { .. } if is_update => self.refresh_failed(context),
            TransactionEvent::FlowFailed { .. } if reoffer == Some(Purpose::Refresh) => {
                self.exchange = Exchange::Idle;
                self.refresh_failed(context);
            }
            TransactionEvent::FlowFailed { .. } if reoffer == Some(Purpose::Change) => {
                self.reoffer_refused(EndCause::SignallingLost, context);
            }
            TransactionEvent::FlowFailed { .. } if is_digit => self.digits.clear(),
            // Media may go on by another address than signalling.
            TransactionEvent::TimedOut { .. } if self.trickle.is_sent(of) => {
                self.candidates_unanswered(context);
            }
            TransactionEvent::FlowFailed { .. } if self.trickle.is_sent(of) => {
                self.trickle.failed();
            }
            _ if self.notes.is_sent(of) => self.note_failed(of, context),
            TransactionEvent::FlowFailed { .. } if is_theirs => self.exchange = Exchange::Idle,
            TransactionEvent::FlowFailed { .. } | TransactionEvent::TimedOut { .. } => {}
        }
        Some(Call::Session(self))
    }

    pub(super) fn handle_timeout(mut self: Box<Self>, context: &mut Context<'_>) -> Option<Call> {
        match &mut self.exchange {
            Exchange::OwesAck { give_up_at: at, .. } | Exchange::OfferReceived { answer_by: at, .. }
                if *at <= context.now =>
            {
                return Some(self.end(EndCause::InternalError, "the gateway gave no answer", context));
            }
            Exchange::AwaitingAck { answer, .. } => {
                if answer.handle_timeout(context) {
                    self.exchange = Exchange::Idle;
                    return Some(self.end(EndCause::SignallingLost, "no ACK", context));
                }
            }
            Exchange::OfferSent { key, cancel_at: at @ Some(_), .. } if *at <= Some(context.now) => {
                *at = None;
                context.layer.cancel(*key, context.now);
            }
            Exchange::Idle
            | Exchange::OwesAck { .. }
            | Exchange::OfferSent { .. }
            | Exchange::OfferReceived { .. } => {}
        }
        if self.handle_timer(context) {
            return Some(self.end(EndCause::SignallingLost, "the session was not refreshed", context));
        }
        Some(Call::Session(self))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.exchange.poll_timeout().into_iter().chain(self.timer.poll_timeout()).min()
    }

    pub(super) fn connection_closed(&mut self, connection: ConnectionId) -> bool {
        self.path.connection_closed(connection)
    }

    pub(super) fn peer_moved(&mut self, peer: &Origin, left: &[Flow], flow: Flow) -> bool {
        self.peer == *peer && self.path.follow(left, flow)
    }

    pub(super) fn peer_returned(&mut self, peer: &Origin, contact: &Uri, flow: Flow) -> bool {
        let is_ours =
            self.path.is_lost() && self.peer == *peer && self.dialog.remote_target().matches(contact);
        if is_ours {
            self.path.replace(flow);
        }
        is_ours
    }

    /// Tells the peer, which is somewhere else, what it may not have heard.
    pub(super) fn handle_return(mut self: Box<Self>, context: &mut Context<'_>) -> Call {
        self.tell_candidates_again(context);
        Call::Session(self)
    }

    /// Tells the gateway that the leg is over, and the peer by BYE.
    pub(super) fn end(mut self: Box<Self>, cause: EndCause, why: &str, context: &mut Context<'_>) -> Call {
        self.forget_notes(context);
        context.tell_ended(cause, why);
        self.forget_asked(context);
        self.forget_refer(context);
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::AwaitingAck { answer, .. } => {
                let peer = (self.peer, self.account);
                return Leaving::after_ack(self.dialog, self.path, peer, answer, cause);
            }
            Exchange::OwesAck { ack, .. } => {
                let flow = self.flow(context);
                context.send_ack(*ack, flow);
            }
            Exchange::OfferSent { key, .. } => context.layer.abandon(key, None, context.now),
            Exchange::OfferReceived { key, request, .. } => {
                context.answer(key, &request, StatusCode::REQUEST_TERMINATED);
            }
            Exchange::Idle => {}
        }
        Leaving::bye(self.dialog, self.path, (self.peer, self.account), cause, context)
    }

    /// Has the peer's name looked up, where it is found by nothing else.
    pub(super) fn seek(&mut self, context: &mut Context<'_>) {
        context.seek(&self.peer, self.dialog.next_hop(), &mut self.path);
    }

    /// The flow for our next request.
    pub(super) fn flow(&mut self, context: &Context<'_>) -> Flow {
        self.path.toward_peer(&self.peer, self.dialog.next_hop(), context.names)
    }

    /// Sends a request in the dialog.
    pub(super) fn send(&mut self, request: Request, context: &mut Context<'_>) -> TransactionKey {
        self.flow(context);
        context.send(request, self.path)
    }

    /// Sends the ACK of our INVITE and keeps it.
    pub(super) fn acknowledge(&mut self, invite: TransactionKey, ack: Request, context: &mut Context<'_>) {
        let flow = self.flow(context);
        context.send_ack(ack.clone(), flow);
        self.last_ack = Some((invite, Box::new(ack)));
    }

    fn new(opening: Opening, exchange: Exchange) -> Box<Self> {
        let Opening { dialog, path, peer, account, is_ours, timer, refresh, trickle, local } = opening;
        Box::new(Self {
            dialog,
            path,
            peer,
            account,
            exchange,
            last_ack: None,
            digits: Digits::default(),
            prack: None,
            asked: None,
            referrals: Referrals::default(),
            trickle,
            notes: Notes::default(),
            is_ours,
            timer,
            refresh,
            local,
        })
    }

    fn tell_answered(&self, description: Option<Box<SessionDescription>>, context: &mut Context<'_>) {
        let id = self.dialog.id();
        tracing::info!(call_id = id.call_id, "call was answered");
        let signalled_from = self.path.flow().remote.ip().to_canonical();
        context.tell(Event::Answered { leg: context.leg, description, signalled_from });
    }

    fn answer_late_offer(&mut self, description: &SessionDescription, context: &mut Context<'_>) {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::OwesAck { key, mut ack, .. } => {
                body::put_into_request(&mut ack, description);
                self.local = Some(Box::new(description.clone()));
                self.acknowledge(key, *ack, context);
            }
            other => self.exchange = other,
        }
    }

    /// A 2xx to an INVITE that has had one: from our peer it asks for the ACK again, from another fork it
    /// is refused.
    fn handle_repeated_answer(&mut self, of: TransactionKey, response: &Response, context: &mut Context<'_>) {
        let tag = response.headers.to().ok();
        let tag = tag.as_ref().and_then(|to| to.tag()).unwrap_or_default();
        if tag == self.dialog.id().remote_tag {
            // Where the peer is now: it may have left the flow by which it had the first one.
            if let Some((key, ack)) = self.last_ack.take_if(|(key, _)| *key == of) {
                self.acknowledge(key, *ack, context);
            }
            return;
        }
        if let Some(flow) = context.layer.flow(of) {
            refuse_answer(of, response, flow, context.layer, context.names, context.now);
        }
    }
}

/// Whether a response to a request inside a dialog says that the dialog is gone (RFC 3261 12.2.1.2).
pub(super) fn ends_dialog(status: StatusCode) -> bool {
    status == StatusCode::CALL_DOES_NOT_EXIST || status == StatusCode::REQUEST_TIMEOUT
}
