//! A call that comes in, and what the adapter logs of it.

use std::net::IpAddr;
use std::sync::Arc;

use tracing::field::Empty;
use tracing::{Span, error_span};
use webtrunk_engine::sdp::SessionDescription;
use webtrunk_engine::{EndCause, LegId};

use super::{MediaProfile, Origin, Party, Passage, RecordingPolicy, Target};

/// A new call from outside.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The leg that the adapter made for it.
    pub leg: LegId,
    /// Who calls, proven.
    pub origin: Origin,
    /// Who calls, as shown to the callee.
    pub caller: Party,
    /// What was dialled: the user part of the request's target, its escapes resolved.
    pub destination: String,
    /// The one device that was dialled, where it was one: of its user no other is to be called.
    pub device: Option<Target>,
    /// How the caller carries media.
    pub profile: MediaProfile,
    /// The caller's offer; `None` asks us to offer (RFC 3261 13.2.1).
    pub offer: Option<Box<SessionDescription>>,
    /// Where the signalling came from: media is latched by it (engine `leg::latch`).
    pub signalled_from: IpAddr,
    /// The name of the listener that it came to.
    pub listener: Arc<str>,
    /// What the message that began it says, for rules to look at; nothing that proves who somebody is.
    pub headers: Vec<Header>,
    /// What its credentials say of how the caller is recorded; what is known of its customer goes before.
    pub recording: RecordingPolicy,
    /// How many more times the call may be passed on, by us or by those after us: what ends a circle
    /// of gateways (RFC 7332). [`HOPS_MAX`] where the protocol does not say.
    pub hops: u8,
    /// What of it may go along.
    pub passed: Passage,
    /// The leg whose place it wants in that one's call, instead of calling somebody (RFC 3891). Whether it may is for
    /// the gateway to say.
    pub replaces: Option<LegId>,
    /// The adapter's span of the leg in the log ([`leg_span`]), which is told its call when that is known.
    pub span: Span,
}

/// A call for which there was no room, as far as it is to be known of for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCall {
    /// Names it.
    pub leg: LegId,
    /// Who calls, proven.
    pub origin: Origin,
    /// Who calls, as shown.
    pub caller: Party,
    /// What was dialled.
    pub destination: String,
    /// The name of the listener that it came to.
    pub listener: Arc<str>,
    /// Why it was refused.
    pub cause: EndCause,
}

/// One thing that the message says which began a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name; case has no meaning.
    pub name: String,
    /// What it says.
    pub value: String,
}

/// An adapter's span of a leg that came in: what it logs of the leg is inside it. It has the highest level,
/// since a log filter that leaves out a span leaves its events without their leg.
#[must_use]
pub fn leg_span(leg: LegId) -> Span {
    error_span!(parent: None, "leg", id = %leg, call = Empty)
}

/// How many times a call may be passed on (RFC 3261 8.1.1.6).
pub const HOPS_MAX: u8 = 70;
