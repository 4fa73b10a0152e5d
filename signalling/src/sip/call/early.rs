//! Requests of the peer in an early dialog, before the call is answered.

use super::dtmf;
use super::{Context, body};
use crate::sip::flow::Flow;
use crate::sip::message::{HeaderName, Method, Request, StatusCode};
use crate::sip::transaction::TransactionKey;

/// Answers all but BYE, which ends the dialog. Who offered first is still to be answered, so a second offer has to wait:
/// `is_our_offer` says whose it was (RFC 3261 14.2, RFC 3311 5.2).
pub(super) fn answer(
    key: TransactionKey,
    request: &Request,
    flow: &Flow,
    is_our_offer: bool,
    context: &mut Context<'_>,
) {
    match request.method {
        Method::Invite | Method::Update if request.method == Method::Invite || !request.body.is_empty() => {
            if is_our_offer {
                context.answer(key, request, StatusCode::REQUEST_PENDING);
            } else {
                context.answer_later(key, request);
            }
        }
        Method::Update => {
            let mut response = request.response(StatusCode::OK, None);
            context.introduce(&mut response.headers, flow);
            context.respond(key, response);
        }
        Method::Options => answer_options(key, request, flow, context),
        // A digit has nobody to hear it yet.
        Method::Info if dtmf::Info::read(request) != dtmf::Info::Empty => {
            context.answer(key, request, StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        Method::Info => context.answer(key, request, StatusCode::OK),
        Method::Message => context.answer(key, request, StatusCode::TEMPORARILY_UNAVAILABLE),
        _ => context.answer(key, request, StatusCode::CALL_DOES_NOT_EXIST),
    }
}

/// Answers OPTIONS inside a dialog (RFC 3261 11.2).
pub(super) fn answer_options(key: TransactionKey, request: &Request, flow: &Flow, context: &mut Context<'_>) {
    let mut response = request.response(StatusCode::OK, None);
    context.introduce(&mut response.headers, flow);
    response.headers.push(HeaderName::Accept, body::SDP);
    context.respond(key, response);
}
