//! A call that comes in, until we answer it: the UAS of RFC 3261 13.3.
//!
//! ```text
//!               +- Ring: 180, or 183 with early media; again each minute
//!               v   |
//! INVITE ---> Incoming --- Answer: 2xx ------------------------------------> Session
//!  (100 by      |   |
//!   the layer)  |   +--- CANCEL, BYE: 487, Ended ------------------------> (over)
//!               +------- Hangup, no answer in time: 300-699, Ended ------> (over)
//! ```

use std::time::Instant;

use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};

use super::cause::status_of;
use super::early_offer::EarlyOffer;
use super::exchange::Awaits;
use super::path::Path;
use super::reach::reach_of_caller;
use super::refresh::Refresh;
use super::reliable::Reliable;
use super::session::{Opening, Session};
use super::session_timer::SessionTimer;
use super::stage::Call;
use super::trickle::Trickle;
use super::unacknowledged::Unacknowledged;
use super::{Context, body, early, reason, redirect};
use crate::adapter::{
    Command, Event, HOPS_MAX, Header, Incoming as IncomingCall, MediaProfile, Origin, Passage,
    RecordingPolicy,
};
use crate::sip::dialog::Dialog;
use crate::sip::flow::Flow;
use crate::sip::identity::Reading;
use crate::sip::message::{HeaderName, Method, Reject, Request, Response, StatusCode};
use crate::sip::transaction::{TransactionEvent, TransactionKey};

/// A call that waits for our answer.
#[derive(Debug)]
pub(in crate::sip) struct Incoming {
    pub(super) origin: Origin,
    path: Path,
    pub(super) dialog: Dialog,
    key: TransactionKey,
    invite: Request,
    has_offer: bool,
    pub(super) progress: Option<Progress>,
    reliable: Reliable,
    /// The answer, while an earlier description is not acknowledged.
    held_back: Option<Box<SessionDescription>>,
    early_offer: EarlyOffer,
    /// What the caller was told last of our media.
    local: Option<Box<SessionDescription>>,
    give_up_at: Instant,
}

/// The provisional response that was sent last.
#[derive(Debug)]
pub(super) struct Progress {
    response: Response,
    again_at: Instant,
}

impl Incoming {
    /// Makes the call, and tells the gateway of it.
    ///
    /// # Errors
    /// The INVITE makes no dialog; the response that says so. Nothing was told.
    pub(in crate::sip) fn accept(
        key: TransactionKey,
        invite: Request,
        flow: Flow,
        (origin, reading): (Origin, Result<Reading, Reject>),
        replaces: Option<LegId>,
        context: &mut Context<'_>,
    ) -> Result<Call, Box<Response>> {
        let tag = context.layer.identifiers().tag();
        let refusal = |reason: String| {
            let mut response = invite.response(StatusCode::BAD_REQUEST, Some(&tag));
            response.reason = reason.into();
            Box::new(response)
        };
        let offer = body::of_request(&invite).map_err(|error| refusal(error.to_string()))?;
        let dialog = Dialog::uas(&invite, &tag).map_err(|error| refusal(error.to_string()))?;
        let Reading { caller, destination, device, passed } = reading.map_err(|reject| {
            let response = reject.response(&invite, Some(&tag));
            response.map_or_else(|| refusal("Missing Via".to_owned()), Box::new)
        })?;
        let passed = match &origin {
            // What a user says of who was called before is nobody's proof.
            Origin::User(_) => {
                let headers = context.config.user_passing.incoming(&invite.headers).headers;
                Passage { headers, diversions: Vec::new() }
            }
            Origin::Trunk(_) => passed,
        };
        let timer = SessionTimer::new(context.config.session_timer);
        timer.admit(&invite).map_err(|min_seconds| {
            let mut response = invite.response(StatusCode::SESSION_INTERVAL_TOO_SMALL, Some(&tag));
            response.headers.push(HeaderName::MinSe, min_seconds.to_string());
            Box::new(response)
        })?;
        let hops = invite.headers.max_forwards().map_err(|error| refusal(error.to_string()))?;
        let hops = hops.unwrap_or(HOPS_MAX).min(HOPS_MAX);
        context.dialogs.insert(context.leg, &dialog);
        tracing::info!(
            call_id = dialog.id().call_id, %flow, %origin, destination,
            replaces = replaces.map(tracing::field::display), "call came in"
        );
        context.tell(Event::Incoming(Box::new(IncomingCall {
            leg: context.leg,
            origin: origin.clone(),
            caller,
            destination,
            device,
            profile: if flow.kind.is_websocket() { MediaProfile::Webrtc } else { MediaProfile::Rtp },
            offer: offer.clone(),
            signalled_from: flow.remote.ip().to_canonical(),
            listener: context.names.listener(&flow),
            headers: headers_of(&invite),
            recording: RecordingPolicy::ByRule,
            hops,
            passed,
            replaces,
            span: context.span.clone(),
        })));
        let path = Path::new(flow, reach_of_caller(&invite, &flow, &origin, &dialog));
        let mut invite = invite;
        invite.headers.shrink();
        Ok(Call::Incoming(Box::new(Self {
            origin,
            path,
            dialog,
            key,
            has_offer: offer.is_some(),
            reliable: Reliable::new(&invite, context),
            invite,
            progress: None,
            held_back: None,
            early_offer: EarlyOffer::default(),
            local: None,
            give_up_at: context.now + context.config.unanswered_max,
        })))
    }

    pub(super) fn handle_command(
        mut self: Box<Self>,
        command: Command,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        match command {
            Command::Ring { description, .. } => {
                self.ring(description.as_deref(), context);
                Some(Call::Incoming(self))
            }
            Command::Answer { description, .. } if self.holds_back_answer() => {
                self.held_back = Some(description);
                Some(Call::Incoming(self))
            }
            Command::Answer { description, .. } => Some(self.answer(description, context)),
            Command::AnswerReoffer { description, .. } => {
                if self.early_offer.answer(&description, &self.path.flow(), context) {
                    self.local = Some(description);
                }
                Some(self.answer_held_back(context))
            }
            Command::RefuseReoffer { cause, .. } => {
                self.early_offer.refuse(cause, context);
                Some(self.answer_held_back(context))
            }
            Command::Redirect { places, .. } => self.redirect(&places, context),
            Command::Hangup { cause, .. } => self.refuse(status_of(cause), cause, "refused by us", context),
            Command::Reoffer { leg, .. } => {
                context.tell(Event::ReofferRefused { leg, cause: EndCause::Glare });
                Some(Call::Incoming(self))
            }
            _ => Some(Call::Incoming(self)),
        }
    }

    /// The caller gave up; the CANCEL itself was answered by the layer.
    pub(super) fn handle_cancel(
        self: Box<Self>,
        invite: TransactionKey,
        cancel: &Request,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        if invite != self.key {
            return Some(Call::Incoming(self));
        }
        self.refuse(StatusCode::REQUEST_TERMINATED, reason::of_cancel(&cancel.headers), "CANCEL", context)
    }

    pub(super) fn handle_event(
        mut self: Box<Self>,
        event: TransactionEvent<LegId>,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let (TransactionEvent::TimedOut { key, .. } | TransactionEvent::FlowFailed { key, .. }) = event;
        if key != self.key {
            return Some(Call::Incoming(self));
        }
        self.early_offer.refuse(EndCause::Cancelled, context);
        context.tell_ended(EndCause::SignallingLost, "the caller's connection closed");
        None
    }

    pub(super) fn handle_request(
        mut self: Box<Self>,
        key: TransactionKey,
        request: Request,
        flow: Flow,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        if self.dialog.check_cseq(&request).is_err() {
            context.answer(key, &request, StatusCode::SERVER_INTERNAL_ERROR);
            return Some(Call::Incoming(self));
        }
        self.path.heard_from(flow);
        match request.method {
            Method::Bye => {
                context.answer(key, &request, StatusCode::OK);
                let status = StatusCode::REQUEST_TERMINATED;
                return self.refuse(status, EndCause::Cancelled, "early BYE", context);
            }
            Method::Prack => return Some(self.handle_prack(key, request, &flow, context)),
            Method::Update if !request.body.is_empty() && self.reliable.has_agreed() => {
                self.early_offer.receive(key, request, &flow, context);
            }
            _ => early::answer(key, &request, &flow, false, context),
        }
        Some(Call::Incoming(self))
    }

    /// Takes the PRACK of a provisional response (RFC 3262 3), which may make a new offer.
    fn handle_prack(
        mut self: Box<Self>,
        key: TransactionKey,
        prack: Request,
        flow: &Flow,
        context: &mut Context<'_>,
    ) -> Call {
        if !self.reliable.acknowledge(self.key, &prack, context) {
            context.answer(key, &prack, StatusCode::CALL_DOES_NOT_EXIST);
            return Call::Incoming(self);
        }
        if prack.body.is_empty() {
            context.answer(key, &prack, StatusCode::OK);
        } else if self.reliable.has_agreed() {
            self.early_offer.receive(key, prack, flow, context);
        } else {
            context.answer(key, &prack, StatusCode::NOT_ACCEPTABLE_HERE);
        }
        self.answer_held_back(context)
    }

    /// Whether the answer has to wait: for the PRACK of a description (RFC 3262 3), or for the answer to an offer of the
    /// caller's, which that one would take to be refused otherwise and we to be agreed.
    fn holds_back_answer(&self) -> bool {
        self.reliable.holds_back_answer() || self.early_offer.is_open()
    }

    fn answer_held_back(mut self: Box<Self>, context: &mut Context<'_>) -> Call {
        if self.holds_back_answer() {
            return Call::Incoming(self);
        }
        match self.held_back.take() {
            Some(description) => self.answer(description, context),
            None => Call::Incoming(self),
        }
    }

    pub(super) fn handle_timeout(mut self: Box<Self>, context: &mut Context<'_>) -> Option<Call> {
        if self.give_up_at <= context.now {
            let status = StatusCode::TEMPORARILY_UNAVAILABLE;
            return self.refuse(status, EndCause::NoAnswer, "not answered in time", context);
        }
        if self.reliable.handle_timeout(self.key, context) {
            return self.refuse(StatusCode::SERVER_TIMEOUT, EndCause::SignallingLost, "no PRACK", context);
        }
        if let Some(progress) = &mut self.progress
            && progress.again_at <= context.now
        {
            progress.again_at = context.now + context.config.progress_interval;
            self.reliable.send(self.key, progress.response.clone(), context);
        }
        Some(Call::Incoming(self))
    }

    /// Who calls, and the flow there.
    pub(super) const fn peer(&self) -> (&Origin, Flow) {
        (&self.origin, self.path.flow())
    }

    /// Takes over a flow in whose place the peer has another. Whether it is this call's.
    pub(super) fn peer_moved(&mut self, peer: &Origin, left: &[Flow], flow: Flow) -> bool {
        self.origin == *peer && self.path.follow(left, flow)
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        let progress = self.progress.as_ref().map(|progress| progress.again_at);
        let next = progress.into_iter().chain(self.reliable.poll_timeout()).min();
        next.map_or(self.give_up_at, |at| at.min(self.give_up_at))
    }

    fn ring(&mut self, description: Option<&SessionDescription>, context: &mut Context<'_>) {
        // An offer of ours cannot travel in an unreliable provisional response (RFC 3261 13.2.1).
        let description = description.filter(|_| self.has_offer);
        let status = if description.is_some() { StatusCode::SESSION_PROGRESS } else { StatusCode::RINGING };
        self.local = description.map(|description| Box::new(description.clone())).or(self.local.take());
        // What was agreed for good is not said twice.
        let description = description.filter(|_| !self.reliable.has_agreed());
        let response = self.response(status, description, context);
        self.reliable.send(self.key, response.clone(), context);
        let again_at = context.now + context.config.progress_interval;
        self.progress = Some(Progress { response, again_at });
    }

    fn answer(mut self: Box<Self>, description: Box<SessionDescription>, context: &mut Context<'_>) -> Call {
        // The 2xx holds no description where a reliable response held it (RFC 6337 2.2).
        let agreed = self.local.take().filter(|_| self.reliable.has_agreed());
        let said = if agreed.is_some() { None } else { Some(&*description) };
        let mut timer = SessionTimer::new(context.config.session_timer);
        let mut refresh = Refresh::default();
        refresh.heard(&self.invite.headers);
        let mut response = self.response(StatusCode::OK, said, context);
        timer.answer(&self.invite, &mut response.headers, context.now);
        self.dialog.confirm_as_uas();
        let answer = Unacknowledged::send(self.key, &self.invite, response, context);
        let opening = Opening {
            dialog: self.dialog,
            path: self.path,
            peer: self.origin,
            account: None,
            is_ours: false,
            timer,
            refresh,
            trickle: Trickle::of(&self.invite.headers),
            local: Some(agreed.unwrap_or(description)),
        };
        let awaits = if self.has_offer { Awaits::Nothing } else { Awaits::Answer };
        Session::answered(opening, answer, awaits, self.reliable.awaited())
    }

    fn redirect(mut self: Box<Self>, places: &[String], context: &mut Context<'_>) -> Option<Call> {
        let tag = &self.dialog.id().local_tag;
        let mut response = self.invite.response(StatusCode::MOVED_TEMPORARILY, Some(tag));
        redirect::put_places(places, &context.names.contact(&self.path.flow()), &mut response.headers);
        self.early_offer.refuse(EndCause::Cancelled, context);
        context.respond(self.key, response);
        context.tell_ended(EndCause::Unavailable, "sent elsewhere by us");
        None
    }

    fn refuse(
        mut self: Box<Self>,
        status: StatusCode,
        cause: EndCause,
        why: &str,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let mut response = self.invite.response(status, Some(&self.dialog.id().local_tag));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = context.layer.identifiers().retry_after();
            response.headers.push(HeaderName::RetryAfter, seconds.to_string());
        }
        if let Some(reason) = reason::for_refusal(cause) {
            response.headers.push(HeaderName::Reason, reason);
        }
        reason::warn_of_media(&mut response);
        self.early_offer.refuse(EndCause::Cancelled, context);
        context.respond(self.key, response);
        context.tell_ended(cause, why);
        None
    }

    fn response(
        &self,
        status: StatusCode,
        description: Option<&SessionDescription>,
        context: &Context<'_>,
    ) -> Response {
        let mut response = self.invite.response(status, Some(&self.dialog.id().local_tag));
        context.introduce(&mut response.headers, &self.path.flow());
        if let Some(description) = description {
            body::put_into_response(&mut response, description);
        }
        response
    }
}

/// What rules may look at.
#[must_use]
pub fn headers_of(invite: &Request) -> Vec<Header> {
    let is_told = |name: &HeaderName| {
        !matches!(name, HeaderName::Via | HeaderName::Authorization | HeaderName::ProxyAuthorization)
    };
    let told = invite.headers.iter().filter(|header| is_told(&header.name));
    told.map(|header| Header { name: header.name.as_str().into(), value: header.value.to_string() }).collect()
}
