//! What parties write to each other: messages out of calls, and contents of signalling inside of one.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use tracing::Span;
use webtrunk_engine::{EndCause, LegId};

use super::{Header, Origin, Party, Target};

/// What is written, carried unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is to the party that gets it.
    pub kind: ContentKind,
    /// Its type with parameters, such as `text/plain;charset=utf-8`.
    pub media_type: String,
    /// What it says.
    pub body: Bytes,
}

/// What a content is to who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentKind {
    /// For the person.
    Message,
    /// For the person's program.
    Info,
}

/// A message that came in, out of any call.
#[derive(Debug, Clone)]
pub struct Text {
    /// Names the message, as it would a call's leg.
    pub leg: LegId,
    /// Who wrote it, proven.
    pub origin: Origin,
    /// Who wrote it, as shown to who gets it.
    pub sender: Party,
    /// For whom it is, as [`Incoming::destination`](super::Incoming::destination).
    pub destination: String,
    /// The one device that it is for, as [`Incoming::device`](super::Incoming::device).
    pub device: Option<Target>,
    /// What it says.
    pub content: Content,
    /// Where the signalling came from.
    pub signalled_from: IpAddr,
    /// The name of the listener that it came to.
    pub listener: Arc<str>,
    /// What the message says besides, for rules to look at.
    pub headers: Vec<Header>,
    /// How many more times it may be passed on.
    pub hops: u8,
    /// The adapter's span of it in the log.
    pub span: Span,
}

/// A message to be sent, out of any call.
#[derive(Debug, Clone)]
pub struct SendText {
    /// The name that this sending gets.
    pub leg: LegId,
    /// To whom.
    pub target: Target,
    /// Who wrote it, as shown.
    pub sender: Party,
    /// The user who wrote it, whose own account at a trunk it goes by.
    pub on_behalf_of: Option<String>,
    /// What it says.
    pub content: Content,
    /// How many more times it may be passed on by those after us.
    pub hops: u8,
    /// Its span in the log.
    pub span: Span,
}

/// What became of something written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has it.
    Done,
    /// Somebody on the way has it, and will deliver it.
    Deferred,
    /// It is longer than the other side, or the way there, takes.
    TooLarge,
    /// The other side does not take its type.
    TypeNotTaken,
    /// Nobody has it.
    Failed(EndCause),
}

/// Names a content that a party told inside of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId {
    /// Who told it.
    pub leg: LegId,
    /// Its number with that party.
    pub number: u32,
}
