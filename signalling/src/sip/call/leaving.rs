//! The last stage: the gateway is done with the leg, the peer must still learn it (RFC 3261 15).
//!
//! ```text
//!  Hangup before the ACK ---> AwaitingAck --- ACK, 64*T1: BYE ---+
//!                                 |                              v
//!  Hangup: BYE -------------------|--------------------------> ByeSent --- final, 64*T1 ---> (over)
//!                                 +--- BYE in: 200 ---> (over)
//! ```
//!
//! The callee may not send BYE before its 2xx is acknowledged (RFC 3261 15).

use std::time::Instant;

use webtrunk_engine::{EndCause, LegId};

use super::Context;
use super::authorize::Challenged;
use super::cause::reason_of;
use super::path::Path;
use super::stage::Call;
use super::unacknowledged::Unacknowledged;
use crate::sip::dialog::Dialog;
use crate::sip::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::sip::transaction::{TransactionEvent, TransactionKey};

/// A dialog that we are ending.
#[derive(Debug)]
pub(in crate::sip) struct Leaving {
    pub(super) dialog: Dialog,
    path: Path,
    /// The account by which a challenge to BYE is answered, where we placed the call.
    account: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    AwaitingAck { answer: Unacknowledged, cause: EndCause },
    ByeSent { key: TransactionKey, bye: Challenged },
}

impl Leaving {
    /// Sends BYE.
    pub(super) fn bye(
        mut dialog: Dialog,
        mut path: Path,
        account: Option<String>,
        cause: EndCause,
        context: &mut Context<'_>,
    ) -> Call {
        let state = send_bye(&mut dialog, &mut path, cause, context);
        Call::Leaving(Box::new(Self { dialog, path, account, state }))
    }

    /// Sends BYE as soon as our 2xx is settled. Calls that end so were placed by the peer.
    pub(super) fn after_ack(dialog: Dialog, path: Path, answer: Unacknowledged, cause: EndCause) -> Call {
        let state = State::AwaitingAck { answer, cause };
        Call::Leaving(Box::new(Self { dialog, path, account: None, state }))
    }

    pub(super) fn handle_request(
        self: Box<Self>,
        key: TransactionKey,
        request: &Request,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let is_bye = request.method == Method::Bye;
        let status = if is_bye { StatusCode::OK } else { StatusCode::CALL_DOES_NOT_EXIST };
        context.answer(key, request, status);
        let is_over = is_bye && matches!(self.state, State::AwaitingAck { .. });
        (!is_over).then_some(Call::Leaving(self))
    }

    pub(super) fn handle_ack(mut self: Box<Self>, ack: &Request, context: &mut Context<'_>) -> Option<Call> {
        if let State::AwaitingAck { answer, cause } = &self.state
            && answer.is_acknowledged_by(ack)
        {
            self.state = send_bye(&mut self.dialog, &mut self.path, *cause, context);
        }
        Some(Call::Leaving(self))
    }

    pub(super) fn handle_response(
        mut self: Box<Self>,
        of: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let Self { dialog, path, account, state } = &mut *self;
        match state {
            State::ByeSent { key, bye } if *key == of && response.status.is_final() => {
                let again = bye.authorize(response, account.as_deref(), || dialog.next_cseq(), context)?;
                *key = context.send(again, path.flow());
            }
            State::ByeSent { .. } | State::AwaitingAck { .. } => {}
        }
        Some(Call::Leaving(self))
    }

    pub(super) fn handle_event(self: Box<Self>, event: TransactionEvent<LegId>) -> Option<Call> {
        let (TransactionEvent::TimedOut { key: of, .. } | TransactionEvent::FlowFailed { key: of, .. }) =
            event;
        match &self.state {
            State::ByeSent { key, .. } if *key == of => None,
            State::ByeSent { .. } | State::AwaitingAck { .. } => Some(Call::Leaving(self)),
        }
    }

    pub(super) fn handle_timeout(mut self: Box<Self>, context: &mut Context<'_>) -> Option<Call> {
        if let State::AwaitingAck { answer, cause } = &mut self.state
            && answer.handle_timeout(context)
        {
            self.state = send_bye(&mut self.dialog, &mut self.path, *cause, context);
        }
        Some(Call::Leaving(self))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::AwaitingAck { answer, .. } => Some(answer.poll_timeout()),
            State::ByeSent { .. } => None,
        }
    }
}

fn send_bye(dialog: &mut Dialog, path: &mut Path, cause: EndCause, context: &mut Context<'_>) -> State {
    let mut bye = dialog.request(Method::Bye);
    bye.headers.push(HeaderName::Reason, reason_of(cause));
    let flow = path.toward(dialog.next_hop(), context.names);
    let key = context.send(bye.clone(), flow);
    State::ByeSent { key, bye: Challenged::new(bye) }
}
