//! What the transaction layer hands out: messages with a meaning, bytes, and ends.

use bytes::Bytes;

use crate::sip::flow::Flow;
use crate::sip::message::{Request, Response};

/// Names a transaction for the life of its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionKey(pub(super) u64);

/// Bytes for a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub flow: Flow,
    /// One whole message.
    pub bytes: Bytes,
}

/// A message that means something to the transaction user. `O` is what it calls a transaction's owner.
#[derive(Debug)]
pub enum Received<O> {
    /// A new request, its Via stamped. Nothing is kept until it is accepted.
    Request(Request),
    /// The ACK of a 2xx, or of nothing that we know.
    Ack(Request),
    /// An unanswered INVITE shall end; the CANCEL itself was answered.
    Cancel {
        /// The INVITE.
        invite: TransactionKey,
        /// Whose it is.
        owner: Option<O>,
        /// What it said.
        cancel: Box<Request>,
    },
    /// A response to a request of ours.
    Response {
        /// The request.
        key: TransactionKey,
        /// Whose it is.
        owner: Option<O>,
        /// The response.
        response: Response,
    },
}

/// A transaction ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionEvent<O> {
    /// No final response came to our request, or no ACK to our failure response.
    TimedOut {
        /// The transaction.
        key: TransactionKey,
        /// Whose it is.
        owner: Option<O>,
    },
    /// Its flow broke before its end.
    FlowFailed {
        /// The transaction.
        key: TransactionKey,
        /// Whose it is.
        owner: Option<O>,
    },
}
