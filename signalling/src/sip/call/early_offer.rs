//! An offer of the peer while a call is not answered (RFC 3311 5.2, RFC 3262 5): possible once offer and answer
//! of the INVITE are with both sides for good, by reliable provisional responses.

use webtrunk_engine::EndCause;
use webtrunk_engine::sdp::SessionDescription;

use super::cause::status_of;
use super::{Context, body};
use crate::adapter::Event;
use crate::sip::flow::Flow;
use crate::sip::message::{Request, StatusCode};
use crate::sip::transaction::TransactionKey;

/// The offer that waits for the gateway's answer; in a box, for hardly a call has one.
#[derive(Debug, Default)]
pub(super) struct EarlyOffer(Option<Box<(TransactionKey, Request)>>);

impl EarlyOffer {
    /// Takes an UPDATE or PRACK with an offer, and asks the gateway.
    pub(super) fn receive(
        &mut self,
        key: TransactionKey,
        request: Request,
        flow: &Flow,
        context: &mut Context<'_>,
    ) {
        if self.0.is_some() {
            return context.answer_later(key, &request);
        }
        match body::of_request(&request) {
            Ok(offer @ Some(_)) => {
                self.0 = Some(Box::new((key, request)));
                let signalled_from = flow.remote.ip().to_canonical();
                context.tell(Event::Reoffered { leg: context.leg, offer, signalled_from });
            }
            Ok(None) => context.answer(key, &request, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Err(error) => {
                let mut response = request.response(StatusCode::BAD_REQUEST, None);
                response.reason = error.to_string().into();
                context.respond(key, response);
            }
        }
    }

    /// Whether one waits.
    pub(super) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// The one that waits, which is answered in the call from now on.
    pub(super) fn take(&mut self) -> Option<(TransactionKey, Request)> {
        self.0.take().map(|waiting| *waiting)
    }

    /// Answers as the gateway says; whether there was an offer.
    pub(super) fn answer(
        &mut self,
        description: &SessionDescription,
        flow: &Flow,
        context: &mut Context<'_>,
    ) -> bool {
        let Some((key, request)) = self.take() else { return false };
        let mut response = request.response(StatusCode::OK, None);
        context.introduce(&mut response.headers, flow);
        body::put_into_response(&mut response, description);
        context.respond(key, response);
        true
    }

    /// Refuses it, as the gateway says or because the call is over.
    pub(super) fn refuse(&mut self, cause: EndCause, context: &mut Context<'_>) {
        if let Some((key, request)) = self.take() {
            context.answer(key, &request, status_of(cause));
        }
    }
}
