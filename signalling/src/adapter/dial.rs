//! What is said of a call that is to be placed.

use std::time::Duration;

use tracing::Span;
use webtrunk_engine::LegId;
use webtrunk_engine::sdp::SessionDescription;

use super::{Origin, Party, Passage};

/// A call to be placed.
#[derive(Debug, Clone)]
pub struct Dial {
    /// The name that the new leg gets.
    pub leg: LegId,
    /// Whom to call.
    pub target: Target,
    /// Who calls, as shown.
    pub caller: Party,
    /// The user whose call it is: a trunk at which that one has an account is called by it.
    pub on_behalf_of: Option<String>,
    /// Who transfers the caller to the callee, where that is how the call comes about.
    pub transferred_by: Option<Party>,
    /// Our offer; `None` asks the callee to offer.
    pub offer: Option<Box<SessionDescription>>,
    /// What it is told besides.
    pub headers: Vec<HeaderChange>,
    /// How long it may ring.
    pub ring_timeout: Duration,
    /// Another party is called where this one says nothing at all, not even that it has heard of the call.
    pub has_successor: bool,
    /// How many more times it may be passed on by those after us.
    pub hops: u8,
    /// What goes along with it.
    pub passed: Passage,
    /// Its span in the log, inside its call's: what the adapter logs of the leg is inside it.
    pub span: Span,
}

/// A change of what the message says that places a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderChange {
    /// The name, which no other header has then.
    pub name: String,
    /// What it says; `None` where it is taken out.
    pub value: Option<String>,
}

/// Whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One registered contact of a user, by the key that the registrar gave it.
    Contact {
        /// The user's name.
        user: String,
        /// The registrar's key of the binding.
        binding: u64,
    },
    /// A number at a trunk.
    Trunk {
        /// The trunk's name.
        trunk: String,
        /// What is dialled there.
        number: String,
    },
    /// Whoever talks with a leg of another call, whose place the caller takes. No adapter gets it: two calls are joined
    /// inside the gateway.
    Party {
        /// The leg whose place it is.
        leg: LegId,
        /// By whose rights it is taken.
        origin: Origin,
        /// Who is there, as far as is known.
        user: String,
    },
}
