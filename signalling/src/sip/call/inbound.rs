//! What the peer asks for in an answered call: BYE, re-INVITE, UPDATE, INFO, OPTIONS, ACK. REFER is in
//! `refer.rs`.

use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::SessionDescription;

use super::cause::status_of;
use super::dtmf::{self, Digit, Info};
use super::early;
use super::exchange::{Admission, Answered, Awaits, Exchange};
use super::record;
use super::session::Session;
use super::stage::Call;
use super::trickle;
use super::unacknowledged::Unacknowledged;
use super::{Context, body, reason};
use crate::adapter::Event;
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Method, Request, StatusCode};
use crate::sip::transaction::TransactionKey;

impl Session {
    /// Takes a request other than ACK and CANCEL.
    pub(super) fn handle_request(
        mut self: Box<Self>,
        key: TransactionKey,
        request: Request,
        flow: Flow,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        if self.dialog.check_cseq(&request).is_err() {
            context.answer(key, &request, StatusCode::SERVER_INTERNAL_ERROR);
            return Some(Call::Session(self));
        }
        let has_moved = self.path.heard_from(flow);
        match request.method {
            Method::Bye => {
                self.handle_bye(key, &request, context);
                return None;
            }
            Method::Invite | Method::Update => self.handle_offer(key, request, &flow, context),
            Method::Info => self.handle_info(key, request, context),
            Method::Prack => {
                // It was on its way when we answered.
                let is_awaited = self.prack.take_if(|awaited| awaited.is_of(&request)).is_some();
                let status = if is_awaited { StatusCode::OK } else { StatusCode::CALL_DOES_NOT_EXIST };
                context.answer(key, &request, status);
            }
            Method::Refer => self.handle_refer(key, request, context),
            Method::Message => self.handle_message(key, request, context),
            Method::Options => early::answer_options(key, &request, &flow, context),
            _ => context.answer(key, &request, StatusCode::METHOD_NOT_ALLOWED),
        }
        if has_moved {
            self.tell_candidates_again(context);
        }
        Some(Call::Session(self))
    }

    /// Takes the ACK of our 2xx.
    pub(super) fn handle_ack(mut self: Box<Self>, ack: &Request, context: &mut Context<'_>) -> Option<Call> {
        let is_awaited = matches!(
            &self.exchange, Exchange::AwaitingAck { answer, .. } if answer.is_acknowledged_by(ack)
        );
        if !is_awaited {
            return Some(Call::Session(self));
        }
        let leg = context.leg;
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::AwaitingAck { awaits: Awaits::Answer, .. } => match body::of_request(ack) {
                Ok(description @ Some(_)) => context.tell(Event::Acknowledged { leg, description }),
                Ok(None) => return Some(self.end(EndCause::NotAcceptable, "ACK without answer", context)),
                Err(error) => return Some(self.end(EndCause::NotAcceptable, &error.to_string(), context)),
            },
            Exchange::AwaitingAck { of: Answered::Call, .. } => {
                context.tell(Event::Acknowledged { leg, description: None });
            }
            _ => {}
        }
        Some(Call::Session(self))
    }

    /// Answers the peer's offer as the gateway says.
    pub(super) fn answer_reoffer(&mut self, description: &SessionDescription, context: &mut Context<'_>) {
        let Some((key, request, has_offer)) = self.take_offer_received() else { return };
        self.dialog.refresh_target(&request.headers);
        let mut response = request.response(StatusCode::OK, None);
        context.introduce(&mut response.headers, &self.path.flow());
        self.timer.answer(&request, &mut response.headers, context.now);
        self.local = Some(Box::new(description.clone()));
        body::put_into_response(&mut response, description);
        if request.method == Method::Invite {
            let answer = Unacknowledged::send(key, &request, response, context);
            let awaits = if has_offer { Awaits::Nothing } else { Awaits::Answer };
            self.exchange = Exchange::AwaitingAck { answer, of: Answered::Reinvite, awaits };
        } else {
            context.respond(key, response);
        }
    }

    /// The peer's offer, of which the gateway was told before the call was answered, is answered now.
    pub(super) fn take_over_offer(
        &mut self,
        key: TransactionKey,
        request: Request,
        context: &mut Context<'_>,
    ) {
        if !matches!(self.exchange, Exchange::Idle) {
            return context.answer(key, &request, StatusCode::REQUEST_PENDING);
        }
        let answer_by = context.now + context.config.transactions.timers.give_up;
        let request = Box::new(request);
        self.exchange = Exchange::OfferReceived { key, request, has_offer: true, answer_by };
    }

    /// Refuses the peer's offer as the gateway says; what was agreed before stays.
    pub(super) fn refuse_reoffer(&mut self, cause: EndCause, context: &mut Context<'_>) {
        if let Some((key, request, _)) = self.take_offer_received() {
            context.answer(key, &request, status_of(cause));
        }
    }

    fn handle_bye(mut self: Box<Self>, key: TransactionKey, bye: &Request, context: &mut Context<'_>) {
        match &self.exchange {
            Exchange::OfferReceived { key, request, .. } => {
                context.answer(*key, request, StatusCode::REQUEST_TERMINATED);
            }
            Exchange::OfferSent { key, .. } => context.layer.abandon(*key, None, context.now),
            Exchange::Idle | Exchange::OwesAck { .. } | Exchange::AwaitingAck { .. } => {}
        }
        self.forget_asked(context);
        self.forget_refer(context);
        self.forget_notes(context);
        context.answer(key, bye, StatusCode::OK);
        if let Some(codes) = reason::codes_of_bye(&bye.headers) {
            context.tell(Event::EndTold { leg: context.leg, codes });
        }
        let why = bye.headers.get(&HeaderName::Reason).unwrap_or("BYE");
        context.tell_ended(reason::of_bye(&bye.headers), why);
    }

    fn handle_offer(
        &mut self,
        key: TransactionKey,
        request: Request,
        flow: &Flow,
        context: &mut Context<'_>,
    ) {
        if let Err(min_seconds) = self.timer.admit(&request) {
            return context.answer_too_small(key, &request, min_seconds);
        }
        self.refresh.heard(&request.headers);
        let offer = match body::of_request(&request) {
            Ok(offer) => offer,
            Err(error) => {
                let mut response = request.response(StatusCode::BAD_REQUEST, None);
                response.reason = error.to_string().into();
                return context.respond(key, response);
            }
        };
        if request.method == Method::Update && offer.is_none() {
            self.dialog.refresh_target(&request.headers);
            let mut response = request.response(StatusCode::OK, None);
            context.introduce(&mut response.headers, &self.path.flow());
            self.timer.answer(&request, &mut response.headers, context.now);
            tracing::debug!("the party refreshed the session");
            return context.respond(key, response);
        }
        match self.exchange.admission() {
            Admission::Glare => return context.answer(key, &request, StatusCode::REQUEST_PENDING),
            Admission::Later => return context.answer_later(key, &request),
            Admission::Free => {}
        }
        if matches!(self.exchange, Exchange::AwaitingAck { of: Answered::Call, .. }) {
            context.tell(Event::Acknowledged { leg: context.leg, description: None });
        }
        let answer_by = context.now + context.config.transactions.timers.give_up;
        let request = Box::new(request);
        self.exchange = Exchange::OfferReceived { key, request, has_offer: offer.is_some(), answer_by };
        let signalled_from = flow.remote.ip().to_canonical();
        context.tell(Event::Reoffered { leg: context.leg, offer, signalled_from });
    }

    fn handle_info(&mut self, key: TransactionKey, info: Request, context: &mut Context<'_>) {
        if trickle::package(&info).is_some() {
            return self.handle_package(key, info, context);
        }
        if record::header(&info).is_some() {
            return self.ask_to_record(key, info, context);
        }
        match Info::read(&info) {
            Info::Digit(Digit { key: digit, duration }) => {
                context.answer(key, &info, StatusCode::OK);
                context.tell(Event::DigitPressed { leg: context.leg, digit, duration });
            }
            Info::Empty => context.answer(key, &info, StatusCode::OK),
            Info::Malformed => context.answer(key, &info, StatusCode::BAD_REQUEST),
            Info::Unknown => self.handle_foreign_info(key, info, dtmf::ACCEPTED, context),
        }
    }

    fn take_offer_received(&mut self) -> Option<(TransactionKey, Request, bool)> {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::OfferReceived { key, request, has_offer, .. } => Some((key, *request, has_offer)),
            other => {
                self.exchange = other;
                None
            }
        }
    }
}
