//! Our re-INVITE, RFC 3261 14.1.

use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::SessionDescription;

use super::authorize::{Challenged, copy_credentials};
use super::cause::cause_of;
use super::exchange::{Exchange, Purpose};
use super::refresh::is_too_small;
use super::session::{Session, ends_dialog};
use super::stage::Call;
use super::{Context, body};
use crate::adapter::Event;
use crate::sip::message::{Method, Request, Response};

impl Session {
    /// Sends the gateway's new offer; while another exchange is under way, that is glare at once. When to
    /// try again is for the gateway to say.
    pub(super) fn reoffer(&mut self, offer: &SessionDescription, context: &mut Context<'_>) {
        if !matches!(self.exchange, Exchange::Idle) {
            context.tell(Event::ReofferRefused { leg: context.leg, cause: EndCause::Glare });
            return;
        }
        self.send_offer(offer, Purpose::Change, context);
    }

    /// Sends a re-INVITE; no exchange is under way.
    pub(super) fn send_offer(
        &mut self,
        offer: &SessionDescription,
        purpose: Purpose,
        context: &mut Context<'_>,
    ) {
        let flow = self.flow(context);
        let mut invite = self.dialog.request(Method::Invite);
        context.introduce(&mut invite.headers, &flow);
        self.timer.ask(&mut invite.headers, false);
        body::put_into_request(&mut invite, offer);
        let key = self.send(invite.clone(), context);
        let cancel_at = Some(context.now + context.config.reoffer_timeout);
        let invite = Challenged::new(invite);
        self.exchange = Exchange::OfferSent { key, invite, purpose, cancel_at };
    }

    /// Takes a response to it.
    pub(super) fn handle_reoffer_response(
        mut self: Box<Self>,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Call {
        let Exchange::OfferSent { key, mut invite, purpose, cancel_at } =
            std::mem::replace(&mut self.exchange, Exchange::Idle)
        else {
            return Call::Session(self);
        };
        if response.status.is_success() {
            let cseq = invite.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
            self.dialog.refresh_target(&response.headers);
            let mut ack = self.dialog.ack(cseq);
            copy_credentials(&invite.request, &mut ack);
            self.acknowledge(key, ack, context);
            self.refreshed(response, context);
            return match purpose {
                Purpose::Change => self.handle_reoffer_answer(&invite.request, response, context),
                // What was agreed was said again: it stays, whatever the answer adds to it.
                Purpose::Refresh => Call::Session(self),
            };
        }
        // One that was cancelled is not made again: it would have no end.
        let is_wanted = cancel_at.is_some();
        if is_wanted && let Some(request) = self.authorize(&mut invite, response, context) {
            let key = self.send(request, context);
            self.exchange = Exchange::OfferSent { key, invite, purpose, cancel_at };
            return Call::Session(self);
        }
        if is_wanted && is_too_small(response) && self.timer.take_too_small(response) {
            self.timer.ask(&mut invite.request.headers, false);
            let again = invite.again(self.dialog.next_cseq());
            let key = self.send(again, context);
            self.exchange = Exchange::OfferSent { key, invite, purpose, cancel_at };
            return Call::Session(self);
        }
        if ends_dialog(response.status) {
            return self.end(EndCause::SignallingLost, "the peer does not know the dialog", context);
        }
        match purpose {
            Purpose::Change => self.reoffer_refused(cause_of(response.status), context),
            Purpose::Refresh => self.refresh_refused(response, context),
        }
        Call::Session(self)
    }

    /// Our offer came to nothing; what was agreed before stays.
    pub(super) fn reoffer_refused(&mut self, cause: EndCause, context: &mut Context<'_>) {
        self.exchange = Exchange::Idle;
        context.tell(Event::ReofferRefused { leg: context.leg, cause });
    }

    /// Nobody knows what was agreed where a 2xx brings no answer: the call cannot go on.
    fn handle_reoffer_answer(
        mut self: Box<Self>,
        invite: &Request,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Call {
        match body::of_response(response) {
            Ok(Some(description)) => {
                self.local = body::of_request(invite).ok().flatten();
                context.tell(Event::ReofferAnswered { leg: context.leg, description });
                Call::Session(self)
            }
            Ok(None) => self.end(EndCause::NotAcceptable, "2xx to re-INVITE without answer", context),
            Err(error) => self.end(EndCause::NotAcceptable, &error.to_string(), context),
        }
    }
}
