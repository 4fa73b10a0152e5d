//! Offer and answer inside an answered call: at most one at a time (RFC 3261 14, RFC 6337).
//!
//! ```text
//!                      Reoffer: INVITE
//!   +----------------------------------------> OfferSent --- 2xx: ACK, ReofferAnswered -----+
//!   |                                              +-------- failure: ReofferRefused ------>|
//!   |         INVITE or UPDATE: Reoffered                                                   |
//!   +----------------------------------------> OfferReceived --- UPDATE answered, refused ->|
//!   |                                              | INVITE answered: 2xx                   |
//!   |                                              v                                        v
//!  Idle <----------------------------- ACK --- AwaitingAck                                 Idle
//!   ^                                              ^
//!   +--- Answer: ACK --- OwesAck                   +--- the call itself was answered by us
//!                           ^
//!                           +--- 2xx with an offer to our INVITE without one
//! ```
//!
//! What comes while another is under way is glare: 491, and `ReofferRefused` for ours.

use std::time::Instant;

use super::authorize::Challenged;
use super::unacknowledged::Unacknowledged;
use crate::sip::message::Request;
use crate::sip::transaction::TransactionKey;

/// The offer and answer that is under way.
#[derive(Debug)]
pub(super) enum Exchange {
    /// None.
    Idle,
    /// The callee offered in its 2xx; `ack` waits for our answer.
    OwesAck { key: TransactionKey, ack: Box<Request>, give_up_at: Instant },
    /// Our 2xx is not acknowledged.
    AwaitingAck { answer: Unacknowledged, of: Answered, awaits: Awaits },
    /// Our re-INVITE has no final response. At `cancel_at` it is cancelled, once.
    OfferSent { key: TransactionKey, invite: Challenged, purpose: Purpose, cancel_at: Option<Instant> },
    /// The gateway has not said what to answer, and must by `answer_by`.
    OfferReceived { key: TransactionKey, request: Box<Request>, has_offer: bool, answer_by: Instant },
}

/// What our re-INVITE is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The gateway's new offer: it is told what comes of it.
    Change,
    /// What is agreed, said again: a refresh of the session (RFC 4028 7.4).
    Refresh,
}

/// What a 2xx of ours answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// The call.
    Call,
    /// A re-INVITE.
    Reinvite,
}

/// What the ACK of our 2xx must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    /// Nothing: our 2xx was the answer.
    Nothing,
    /// The answer to the offer in our 2xx.
    Answer,
}

impl Exchange {
    /// When a timer of it is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Idle => None,
            Self::OwesAck { give_up_at, .. } => Some(*give_up_at),
            Self::OfferReceived { answer_by, .. } => Some(*answer_by),
            Self::AwaitingAck { answer, .. } => Some(answer.poll_timeout()),
            Self::OfferSent { cancel_at, .. } => *cancel_at,
        }
    }

    /// Whether the ACK that it waits for must bring an answer.
    pub(super) const fn awaits_description(&self) -> bool {
        matches!(self, Self::AwaitingAck { awaits: Awaits::Answer, .. })
    }

    /// What a new offer of the peer meets.
    pub(super) const fn admission(&self) -> Admission {
        match self {
            // A re-INVITE says that our 2xx arrived, though its ACK did not.
            Self::Idle | Self::AwaitingAck { awaits: Awaits::Nothing, .. } => Admission::Free,
            Self::OwesAck { .. }
            | Self::OfferSent { .. }
            | Self::AwaitingAck { awaits: Awaits::Answer, .. } => Admission::Glare,
            Self::OfferReceived { .. } => Admission::Later,
        }
    }
}

/// How a new offer of the peer is taken (RFC 3261 14.2, RFC 3311 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may come in.
    Free,
    /// 491: an offer of ours is open.
    Glare,
    /// 500 with Retry-After: an offer of the peer is open.
    Later,
}
