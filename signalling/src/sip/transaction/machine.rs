//! The four machines as one.

use std::time::Instant;

use super::client::Client;
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::server::Server;
use super::step::Step;
use super::strays::Strays;
use crate::sip::flow::Flow;
use crate::sip::message::Request;

/// One transaction's machine and what only its kind needs.
#[derive(Debug)]
pub(super) enum Machine {
    /// Of `invite` there is what its ACKs, that of a 2xx too, and CANCEL are made of.
    InviteClient {
        machine: InviteClient,
        invite: Box<Request>,
        wish: Wish,
        strays: Strays,
    },
    Client(Client),
    /// `to` is the To of the last response, with its tag; `left` the flow by which it came, where its peer has another now.
    InviteServer {
        machine: InviteServer,
        to: Option<String>,
        left: Option<Flow>,
    },
    Server(Server),
}

/// What we still want of an INVITE that we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Its final response.
    Answer,
    /// To cancel it, which has to wait for a provisional response (RFC 3261 9.1), for a reason that is told.
    Cancel(Option<String>),
    /// Nothing more: CANCEL went out.
    Cancelled,
}

impl Machine {
    /// The flow broke.
    pub(super) fn handle_flow_failure(&mut self, now: Instant) -> Step {
        match self {
            Self::InviteClient { machine, .. } => machine.handle_flow_failure(now),
            Self::Client(machine) => machine.handle_flow_failure(),
            Self::InviteServer { machine, .. } => machine.handle_flow_failure(),
            Self::Server(machine) => {
                machine.handle_flow_failure();
                Step::NOTHING
            }
        }
    }

    /// The flow broke, and the owner waits so long for another. Whether it is a request of ours, which can.
    pub(super) fn await_flow(&mut self, until: Instant) -> bool {
        match self {
            Self::InviteClient { machine, .. } => machine.await_flow(until),
            Self::Client(machine) => machine.await_flow(until),
            Self::InviteServer { .. } | Self::Server(_) => return false,
        }
        true
    }

    /// Nothing is to come of it any more.
    pub(super) fn terminate(&mut self) {
        match self {
            Self::InviteClient { machine, .. } => machine.terminate(),
            Self::Client(machine) => machine.terminate(),
            Self::InviteServer { machine, .. } => machine.terminate(),
            Self::Server(machine) => machine.handle_flow_failure(),
        }
    }

    /// Fires what is due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        match self {
            Self::InviteClient { machine, .. } => machine.handle_timeout(now),
            Self::Client(machine) => machine.handle_timeout(now),
            Self::InviteServer { machine, .. } => machine.handle_timeout(now),
            Self::Server(machine) => {
                machine.handle_timeout(now);
                Step::NOTHING
            }
        }
    }

    /// When `handle_timeout` is next needed.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::InviteClient { machine, .. } => machine.poll_timeout(),
            Self::Client(machine) => machine.poll_timeout(),
            Self::InviteServer { machine, .. } => machine.poll_timeout(),
            Self::Server(machine) => machine.poll_timeout(),
        }
    }

    /// Whether it is the peer's turn, which ends by itself: by a message or a timer.
    pub(super) const fn awaits_peer(&self) -> bool {
        match self {
            Self::InviteClient { machine, .. } => machine.awaits_peer(),
            Self::Client(machine) => machine.awaits_peer(),
            Self::InviteServer { machine, .. } => machine.awaits_peer(),
            Self::Server(_) => false,
        }
    }

    /// Whether it is a request of ours that the peer has not said a word of.
    pub(super) const fn is_unheard(&self) -> bool {
        match self {
            Self::InviteClient { machine, .. } => machine.is_calling(),
            Self::Client(machine) => machine.is_trying(),
            Self::InviteServer { .. } | Self::Server(_) => false,
        }
    }

    /// Whether nothing is left to do.
    pub(super) const fn is_terminated(&self) -> bool {
        match self {
            Self::InviteClient { machine, .. } => machine.is_terminated(),
            Self::Client(machine) => machine.is_terminated(),
            Self::InviteServer { machine, .. } => machine.is_terminated(),
            Self::Server(machine) => machine.is_terminated(),
        }
    }
}
