//! The stages of a call as one.

use std::net::SocketAddr;
use std::time::Instant;

use webtrunk_engine::LegId;

use super::Context;
use super::incoming::Incoming;
use super::kept::{KeptCall, Standing};
use super::leaving::Leaving;
use super::outgoing::Outgoing;
use super::session::Session;
use crate::adapter::{Command, Origin};
use crate::sip::flow::{ConnectionId, Flow, TransportKind};
use crate::sip::message::{HeaderName, Request, Response, StatusCode, Uri};
use crate::sip::transaction::{TransactionEvent, TransactionKey};

/// A call in one of its stages. Each input takes the call and gives back what became of it; `None`
/// where nothing is left to do.
#[derive(Debug)]
pub(in crate::sip) enum Call {
    /// Placed by us, not answered.
    Outgoing(Box<Outgoing>),
    /// Placed by the peer, not answered.
    Incoming(Box<Incoming>),
    /// Answered.
    Session(Box<Session>),
    /// Over for the gateway; BYE is to be sent or under way.
    Leaving(Box<Leaving>),
}

impl Call {
    pub(in crate::sip) fn handle_command(self, command: Command, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Outgoing(call) => call.handle_command(command, context),
            Self::Incoming(call) => call.handle_command(command, context),
            Self::Session(call) => call.handle_command(command, context),
            Self::Leaving(call) => Some(Self::Leaving(call)),
        }
    }

    /// Takes a request of the peer in a dialog of this call; it has a transaction.
    pub(in crate::sip) fn handle_request(
        self,
        key: TransactionKey,
        request: Request,
        flow: Flow,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        match self {
            Self::Outgoing(call) => call.handle_request(key, request, &flow, context),
            Self::Incoming(call) => call.handle_request(key, request, flow, context),
            Self::Session(call) => call.handle_request(key, request, flow, context),
            Self::Leaving(call) => call.handle_request(key, &request, context),
        }
    }

    /// Takes an ACK in a dialog of this call.
    pub(in crate::sip) fn handle_ack(self, ack: &Request, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Session(call) => call.handle_ack(ack, context),
            Self::Leaving(call) => call.handle_ack(ack, context),
            Self::Outgoing(_) | Self::Incoming(_) => Some(self),
        }
    }

    /// Whether the ACK of our 2xx must bring the answer to an offer in it.
    pub(in crate::sip) const fn awaits_description(&self) -> bool {
        match self {
            Self::Session(call) => call.exchange.awaits_description(),
            Self::Outgoing(_) | Self::Incoming(_) | Self::Leaving(_) => false,
        }
    }

    /// Takes a CANCEL of an INVITE of this call. That of a re-INVITE has no effect: what the gateway
    /// has begun it finishes, which RFC 3261 9.2 allows.
    pub(in crate::sip) fn handle_cancel(
        self,
        invite: TransactionKey,
        cancel: &Request,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        match self {
            Self::Incoming(call) => call.handle_cancel(invite, cancel, context),
            Self::Outgoing(_) | Self::Session(_) | Self::Leaving(_) => Some(self),
        }
    }

    /// Takes a response to a request of this call.
    pub(in crate::sip) fn handle_response(
        self,
        key: TransactionKey,
        response: &Response,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        match self {
            Self::Outgoing(call) => call.handle_response(key, response, context),
            Self::Session(call) => call.handle_response(key, response, context),
            Self::Leaving(call) => call.handle_response(key, response, context),
            Self::Incoming(_) => Some(self),
        }
    }

    /// Takes the end of a transaction of this call that no message brought.
    pub(in crate::sip) fn handle_event(
        self,
        event: TransactionEvent<LegId>,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        match self {
            Self::Outgoing(call) => call.handle_event(event, context),
            Self::Incoming(call) => call.handle_event(event, context),
            Self::Session(call) => call.handle_event(event, context),
            Self::Leaving(call) => call.handle_event(event, context),
        }
    }

    pub(in crate::sip) fn handle_timeout(self, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Outgoing(call) => call.handle_timeout(context),
            Self::Incoming(call) => call.handle_timeout(context),
            Self::Session(call) => call.handle_timeout(context),
            Self::Leaving(call) => call.handle_timeout(context),
        }
    }

    /// The Call-ID of its dialogs.
    pub(in crate::sip) fn call_id(&self) -> Option<&str> {
        match self {
            Self::Outgoing(call) => call.invite.request.headers.get(&HeaderName::CallId),
            Self::Incoming(call) => Some(&call.dialog.id().call_id),
            Self::Session(call) => Some(&call.dialog.id().call_id),
            Self::Leaving(call) => Some(&call.dialog.id().call_id),
        }
    }

    /// Who is at the other end, and the flow there.
    pub(in crate::sip) const fn peer(&self) -> (&Origin, Flow) {
        match self {
            Self::Outgoing(call) => call.peer(),
            Self::Incoming(call) => call.peer(),
            Self::Session(call) => (&call.peer, call.path.flow()),
            Self::Leaving(call) => call.peer(),
        }
    }

    pub(in crate::sip) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Outgoing(call) => Some(call.poll_timeout()),
            Self::Incoming(call) => Some(call.poll_timeout()),
            Self::Session(call) => call.poll_timeout(),
            Self::Leaving(call) => call.poll_timeout(),
        }
    }

    /// Whether another dialog may take the place of this one (RFC 3891 3).
    ///
    /// # Errors
    /// What to answer where not.
    pub(in crate::sip) const fn check_replaced(&self, is_early_only: bool) -> Result<(), StatusCode> {
        match self {
            Self::Outgoing(_) => Ok(()),
            Self::Session(_) if is_early_only => Err(StatusCode::BUSY_HERE),
            Self::Session(_) => Ok(()),
            // Whoever calls is the only one to say that it does so no more.
            Self::Incoming(_) => Err(StatusCode::CALL_DOES_NOT_EXIST),
            Self::Leaving(_) => Err(StatusCode::DECLINE),
        }
    }

    /// Notes that a stream closed. An answered call goes on without it: its media tells whether the
    /// peer is still there, and the peer may come back on another. So may a user's phone that is called, for a while, where it
    /// is known again then. Whether this call has lost its flow now.
    pub(in crate::sip) fn connection_closed(&mut self, connection: ConnectionId, now: Instant) -> bool {
        match self {
            Self::Outgoing(call) => call.connection_closed(connection, now),
            Self::Session(call) => call.connection_closed(connection),
            Self::Leaving(call) => call.connection_closed(connection),
            Self::Incoming(_) => false,
        }
    }

    /// Whether it is over but for BYE, which waits for a peer that comes back by itself or not at all.
    pub(in crate::sip) fn awaits_return(&self) -> bool {
        match self {
            Self::Leaving(call) => call.awaits_return(),
            Self::Outgoing(_) | Self::Incoming(_) | Self::Session(_) => false,
        }
    }

    /// Until when it waits for a phone whose stream closed, where it is a call of ours that does.
    pub(in crate::sip) fn awaits_phone_until(&self) -> Option<Instant> {
        match self {
            Self::Outgoing(call) => call.awaits_phone_until(),
            Self::Incoming(_) | Self::Session(_) | Self::Leaving(_) => None,
        }
    }

    /// Takes over a flow in whose place this call's peer has registered another. Whether it is this call's.
    pub(in crate::sip) fn peer_moved(&mut self, peer: &Origin, left: &[Flow], flow: Flow) -> bool {
        match self {
            Self::Outgoing(call) => call.peer_moved(peer, left, flow),
            Self::Incoming(call) => call.peer_moved(peer, left, flow),
            Self::Session(call) => call.peer_moved(peer, left, flow),
            Self::Leaving(call) => call.peer_moved(peer, left, flow),
        }
    }

    /// Takes over another stream by which this call's peer answers, or acknowledges; gives the one that it has left.
    pub(in crate::sip) fn answered_by(&mut self, flow: Flow) -> Option<Flow> {
        match self {
            Self::Outgoing(call) => call.answered_by(flow),
            Self::Session(call) => call.path.answered_by(flow),
            Self::Leaving(call) => call.answered_by(flow),
            Self::Incoming(_) => None,
        }
    }

    /// Takes over the flow on which this call's peer has registered its contact again. Whether it is
    /// this call's peer.
    pub(in crate::sip) fn peer_returned(&mut self, peer: &Origin, contact: &Uri, flow: Flow) -> bool {
        match self {
            Self::Session(call) => call.peer_returned(peer, contact, flow),
            Self::Leaving(call) => call.peer_returned(peer, contact, flow),
            Self::Outgoing(_) | Self::Incoming(_) => false,
        }
    }

    /// Has the name looked up, where the peer of a call that has lost its stream is found by nothing else.
    pub(in crate::sip) fn handle_loss(self, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Session(mut call) => {
                call.seek(context);
                Some(Self::Session(call))
            }
            Self::Outgoing(_) | Self::Incoming(_) | Self::Leaving(_) => Some(self),
        }
    }

    /// Takes where the name leads that was looked up; what waited for it is said.
    pub(in crate::sip) fn peer_found(
        self,
        at: Option<(TransportKind, SocketAddr)>,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        match self {
            Self::Session(mut call) => {
                call.path.found(at);
                Some(Self::Session(call))
            }
            Self::Leaving(call) => Some(call.peer_found(at, context)),
            Self::Outgoing(_) | Self::Incoming(_) => Some(self),
        }
    }

    /// Does what had to wait until the peer is on another flow.
    pub(in crate::sip) fn handle_return(self, context: &mut Context<'_>) -> Option<Self> {
        match self {
            Self::Session(call) => Some(call.handle_return(context)),
            Self::Leaving(call) => Some(call.handle_return(context)),
            Self::Outgoing(_) | Self::Incoming(_) => Some(self),
        }
    }

    /// What is kept of the call for the case that the process is killed, as far as it may change; `None` where nothing is.
    pub(in crate::sip) fn standing(&self) -> Option<Standing> {
        match self {
            Self::Session(call) => Some((call.dialog.moves(), call.path.flow())),
            Self::Leaving(call) => Some(call.standing()),
            Self::Outgoing(_) | Self::Incoming(_) => None,
        }
    }

    /// The same in full, of a call that goes on.
    pub(in crate::sip) fn kept(&self) -> Option<KeptCall> {
        match self {
            Self::Session(call) => {
                Some(KeptCall::of(&call.dialog, &call.path, &call.peer, call.account.as_deref()))
            }
            Self::Outgoing(_) | Self::Incoming(_) | Self::Leaving(_) => None,
        }
    }
}
