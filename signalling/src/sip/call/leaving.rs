//! The last stage: the gateway is done with the leg, the peer must still learn it (RFC 3261 15).
//!
//! ```text
//!  Hangup before the ACK ---> AwaitingAck --- ACK, 64*T1: BYE ---+
//!                                 |                              v
//!  Hangup: BYE -------------------|--------------------------> ByeSent --- final, 64*T1 ---> (over)
//!                                 +--- BYE in: 200 ---> (over)
//!
//!  of a process before: BYE ---> ByeSent
//!     its stream is gone ------> AwaitingPeer --- the peer registers again: BYE ---> ByeSent
//!                                    +--- BYE in: 200, 60 s ---> (over)
//! ```
//!
//! Wherever BYE is due and the peer's name is looked up, it waits in `AwaitingPeer` until that is found, four seconds at most;
//! and for a minute where the stream of a user is gone who is found by no other. BYE that was under way on a stream that closed is
//! said once more in the same way, since nobody knows whether it was read.
//! The callee may not send BYE before its 2xx is acknowledged (RFC 3261 15).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use webtrunk_engine::{EndCause, LegId};

use super::Context;
use super::authorize::Challenged;
use super::cause::reason_of;
use super::kept::{KeptCall, Standing};
use super::path::{Path, RETURN_MAX};
use super::stage::Call;
use super::unacknowledged::Unacknowledged;
use crate::adapter::Origin;
use crate::sip::agent::Reach;
use crate::sip::dialog::Dialog;
use crate::sip::flow::{ConnectionId, Flow, TransportKind};
use crate::sip::message::{HeaderName, Method, Request, Response, StatusCode, Uri};
use crate::sip::transaction::{TransactionEvent, TransactionKey};

/// A dialog that we are ending.
#[derive(Debug)]
pub(in crate::sip) struct Leaving {
    pub(super) dialog: Dialog,
    path: Path,
    peer: Origin,
    /// The account by which a challenge to BYE is answered, where we placed the call.
    account: Option<String>,
    state: State,
    /// BYE has had no answer before its stream closed.
    is_said_again: bool,
}

#[derive(Debug)]
enum State {
    AwaitingPeer { until: Instant, cause: EndCause },
    AwaitingAck { answer: Unacknowledged, cause: EndCause },
    ByeSent { key: TransactionKey, bye: Challenged, cause: EndCause },
}

/// How long a name may take that a peer is found by. Chosen by us: the lookup itself ends after two seconds.
const LOOKUP_MAX: Duration = Duration::from_secs(4);

impl Leaving {
    /// Sends BYE, once the peer is found.
    pub(super) fn bye(
        mut dialog: Dialog,
        mut path: Path,
        (peer, account): (Origin, Option<String>),
        cause: EndCause,
        context: &mut Context<'_>,
    ) -> Call {
        let state = bye_once_found(&mut dialog, &mut path, &peer, cause, context);
        Self::of(dialog, path, (peer, account), state)
    }

    fn of(dialog: Dialog, path: Path, (peer, account): (Origin, Option<String>), state: State) -> Call {
        Call::Leaving(Box::new(Self { dialog, path, peer, account, state, is_said_again: false }))
    }

    /// Ends a call of a process before: now, or when its peer comes back, where that is the only way to it. `None` where
    /// what was kept is no call.
    pub(in crate::sip) fn orphan(kept: &KeptCall, flow: Flow, context: &mut Context<'_>) -> Option<Call> {
        let mut dialog = Dialog::of_record(&kept.dialog)?;
        context.dialogs.insert(context.leg, &dialog);
        let reach = kept.reach();
        let mut path = if flow.kind.is_reliable() { Path::lost(flow, reach) } else { Path::new(flow, reach) };
        let state = if kept.awaits_peer() {
            State::AwaitingPeer { until: context.now + RETURN_MAX, cause: EndCause::InternalError }
        } else {
            bye_once_found(&mut dialog, &mut path, &kept.peer, EndCause::InternalError, context)
        };
        Some(Self::of(dialog, path, (kept.peer.clone(), kept.account.clone()), state))
    }

    /// Ends a call of which a fault of ours has left nothing but what was kept; its flow is as it was. `None` where that is no
    /// call.
    pub(in crate::sip) fn broken(kept: &KeptCall, flow: Flow, context: &mut Context<'_>) -> Option<Call> {
        let dialog = Dialog::of_record(&kept.dialog)?;
        context.dialogs.insert(context.leg, &dialog);
        let path = Path::new(flow, kept.reach());
        Some(Self::bye(
            dialog,
            path,
            (kept.peer.clone(), kept.account.clone()),
            EndCause::InternalError,
            context,
        ))
    }

    /// What is kept of it, as of the session before.
    pub(super) const fn standing(&self) -> Standing {
        (self.dialog.moves(), self.path.flow())
    }

    /// Who is left, and the flow there.
    pub(super) const fn peer(&self) -> (&Origin, Flow) {
        (&self.peer, self.path.flow())
    }

    /// Takes over a flow in whose place the peer has another. Whether it is this call's.
    pub(super) fn peer_moved(&mut self, peer: &Origin, left: &[Flow], flow: Flow) -> bool {
        self.peer == *peer && self.path.follow(left, flow)
    }

    /// Takes over the stream by which the peer answers; gives the one before.
    pub(super) fn answered_by(&mut self, flow: Flow) -> Option<Flow> {
        self.path.answered_by(flow)
    }

    /// Notes that a stream closed; whether it was this call's, which is news.
    pub(super) fn connection_closed(&mut self, connection: ConnectionId) -> bool {
        self.path.connection_closed(connection)
    }

    /// Whether nothing can be said before the peer comes back by itself.
    pub(super) fn awaits_return(&self) -> bool {
        matches!(self.state, State::AwaitingPeer { .. }) && self.path.reach() == Reach::Flow
    }

    /// Takes over the flow on which the peer is back. Whether it is this call's.
    pub(super) fn peer_returned(&mut self, peer: &Origin, contact: &Uri, flow: Flow) -> bool {
        let is_awaited = self.path.is_lost();
        let is_ours = is_awaited && self.peer == *peer && self.dialog.remote_target().matches(contact);
        if is_ours {
            self.path.replace(flow);
        }
        is_ours
    }

    /// The peer is back: it learns that the call is over.
    pub(super) fn handle_return(mut self: Box<Self>, context: &mut Context<'_>) -> Call {
        if let State::AwaitingPeer { cause, .. } = self.state {
            self.state = send_bye(&mut self.dialog, &mut self.path, &self.peer, cause, context);
        }
        Call::Leaving(self)
    }

    /// Takes where the name leads.
    pub(super) fn peer_found(
        mut self: Box<Self>,
        at: Option<(TransportKind, SocketAddr)>,
        context: &mut Context<'_>,
    ) -> Call {
        self.path.found(at);
        self.handle_return(context)
    }

    /// Sends BYE as soon as our 2xx is settled: that to the call, or to a re-INVITE of a peer that we may have called.
    pub(super) fn after_ack(
        dialog: Dialog,
        path: Path,
        peer: (Origin, Option<String>),
        answer: Unacknowledged,
        cause: EndCause,
    ) -> Call {
        Self::of(dialog, path, peer, State::AwaitingAck { answer, cause })
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
        let is_over = is_bye && !matches!(self.state, State::ByeSent { .. });
        (!is_over).then_some(Call::Leaving(self))
    }

    pub(super) fn handle_ack(mut self: Box<Self>, ack: &Request, context: &mut Context<'_>) -> Option<Call> {
        if let State::AwaitingAck { answer, cause } = &self.state
            && answer.is_acknowledged_by(ack)
        {
            let cause = *cause;
            self.state = bye_once_found(&mut self.dialog, &mut self.path, &self.peer, cause, context);
        }
        Some(Call::Leaving(self))
    }

    pub(super) fn handle_response(
        mut self: Box<Self>,
        of: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let Self { dialog, path, account, state, .. } = &mut *self;
        match state {
            State::ByeSent { key, bye, .. } if *key == of && response.status.is_final() => {
                let again = bye.authorize(response, account.as_deref(), || dialog.next_cseq(), context)?;
                *key = context.send(again, *path);
            }
            State::ByeSent { .. } | State::AwaitingAck { .. } | State::AwaitingPeer { .. } => {}
        }
        Some(Call::Leaving(self))
    }

    pub(super) fn handle_event(
        mut self: Box<Self>,
        event: TransactionEvent<LegId>,
        context: &mut Context<'_>,
    ) -> Option<Call> {
        let (TransactionEvent::TimedOut { key: of, .. } | TransactionEvent::FlowFailed { key: of, .. }) =
            event;
        let cause = match &self.state {
            State::ByeSent { key, cause, .. } if *key == of => *cause,
            State::ByeSent { .. } | State::AwaitingAck { .. } | State::AwaitingPeer { .. } => {
                return Some(Call::Leaving(self));
            }
        };
        let went_with_stream = matches!(event, TransactionEvent::FlowFailed { .. }) && self.path.is_lost();
        if !went_with_stream || self.is_said_again {
            return None;
        }
        self.is_said_again = true;
        self.state = bye_once_found(&mut self.dialog, &mut self.path, &self.peer, cause, context);
        Some(Call::Leaving(self))
    }

    pub(super) fn handle_timeout(mut self: Box<Self>, context: &mut Context<'_>) -> Option<Call> {
        if matches!(self.state, State::AwaitingPeer { until, .. } if until <= context.now) {
            return None;
        }
        if let State::AwaitingAck { answer, cause } = &mut self.state
            && answer.handle_timeout(context)
        {
            let cause = *cause;
            self.state = bye_once_found(&mut self.dialog, &mut self.path, &self.peer, cause, context);
        }
        Some(Call::Leaving(self))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::AwaitingAck { answer, .. } => Some(answer.poll_timeout()),
            State::AwaitingPeer { until, .. } => Some(*until),
            State::ByeSent { .. } => None,
        }
    }
}

/// Sends BYE; where the peer's name is looked up for it, or the peer has to come back, later.
fn bye_once_found(
    dialog: &mut Dialog,
    path: &mut Path,
    peer: &Origin,
    cause: EndCause,
    context: &mut Context<'_>,
) -> State {
    if context.seek(peer, dialog.next_hop(), path) {
        return State::AwaitingPeer { until: context.now + LOOKUP_MAX, cause };
    }
    if path.is_lost() && path.reach() == Reach::Flow && matches!(peer, Origin::User(_)) {
        return State::AwaitingPeer { until: context.now + RETURN_MAX, cause };
    }
    send_bye(dialog, path, peer, cause, context)
}

fn send_bye(
    dialog: &mut Dialog,
    path: &mut Path,
    peer: &Origin,
    cause: EndCause,
    context: &mut Context<'_>,
) -> State {
    let mut bye = dialog.request(Method::Bye);
    bye.headers.push(HeaderName::Reason, reason_of(cause));
    path.toward_peer(peer, dialog.next_hop(), context.names);
    let key = context.send(bye.clone(), *path);
    State::ByeSent { key, bye: Challenged::new(bye), cause }
}
