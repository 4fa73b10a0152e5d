//! Names of calls and legs, and why they end.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a call for the life of the process, in logs and interfaces alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

/// Names a leg for the life of the process; no two calls share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(u64);

static NEXT_CALL: AtomicU64 = AtomicU64::new(1);
static NEXT_LEG: AtomicU64 = AtomicU64::new(1);

impl CallId {
    /// A name that was not used before.
    #[must_use]
    pub fn next() -> Self {
        Self(NEXT_CALL.fetch_add(1, Ordering::Relaxed))
    }
}

impl LegId {
    /// A name that was not used before.
    #[must_use]
    pub fn next() -> Self {
        Self(NEXT_LEG.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}", self.0)
    }
}

/// What is no name of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a call is called call-1, call-2, ...")]
pub struct NoCallId;

/// As it is displayed.
impl FromStr for CallId {
    type Err = NoCallId;

    fn from_str(text: &str) -> Result<Self, NoCallId> {
        numbered("call-", text).map(Self).ok_or(NoCallId)
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg-{}", self.0)
    }
}

/// What is no name of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a leg is called leg-1, leg-2, ...")]
pub struct NoLegId;

/// The name as it is shown.
impl FromStr for LegId {
    type Err = NoLegId;

    fn from_str(text: &str) -> Result<Self, NoLegId> {
        numbered("leg-", text).map(Self).ok_or(NoLegId)
    }
}

/// The number behind the word, of digits alone: what parses it would take a sign too.
fn numbered(word: &str, text: &str) -> Option<u64> {
    let number = text.strip_prefix(word)?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

/// Why a leg or call ended, in no protocol's words; adapters map it at their edge (docs/ADAPTERS.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// A party hung up an answered call.
    Hangup,
    /// The caller gave up before the answer.
    Cancelled,
    /// Another phone of the callee took the call.
    AnsweredElsewhere,
    /// The callee is in another call.
    Busy,
    /// The callee did not want the call.
    Declined,
    /// It rang and nobody lifted.
    NoAnswer,
    /// The callee is known but cannot be reached now: not registered, say.
    Unavailable,
    /// Nobody has this number.
    NotFound,
    /// The policy refuses this caller this call.
    Forbidden,
    /// The call went through too many gateways: in a circle, most likely.
    TooManyHops,
    /// No description that both sides can meet.
    NotAcceptable,
    /// The two descriptions crossed; try again (RFC 3261 14.1).
    Glare,
    /// No path to the peer, or its media did not come up in time.
    MediaFailed,
    /// Media stopped: no packet for the configured time.
    MediaTimeout,
    /// The call is as long as it may be, or the minutes of who pays for it are over.
    TimeLimit,
    /// The signalling session is gone.
    SignallingLost,
    /// The next hop failed or did not answer.
    GatewayFailure,
    /// No room for another call.
    Overloaded,
    /// The gateway is going down.
    ShuttingDown,
    /// Our own broken assumption.
    InternalError,
}

impl EndCause {
    /// Each of them.
    pub const ALL: [Self; 20] = [
        Self::Hangup,
        Self::Cancelled,
        Self::AnsweredElsewhere,
        Self::Busy,
        Self::Declined,
        Self::NoAnswer,
        Self::Unavailable,
        Self::NotFound,
        Self::Forbidden,
        Self::TooManyHops,
        Self::NotAcceptable,
        Self::Glare,
        Self::MediaFailed,
        Self::MediaTimeout,
        Self::TimeLimit,
        Self::SignallingLost,
        Self::GatewayFailure,
        Self::Overloaded,
        Self::ShuttingDown,
        Self::InternalError,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_by_the_name_that_it_shows() {
        let call = CallId::next();
        assert_eq!(call.to_string().parse(), Ok(call));
        for wrong in ["", "call-", "call-+7", "call-x", "leg-7", "7", "call-99999999999999999999999"] {
            assert_eq!(wrong.parse::<CallId>(), Err(NoCallId), "{wrong}");
        }
        let leg = LegId::next();
        assert_eq!(leg.to_string().parse(), Ok(leg));
        assert_eq!(call.to_string().parse::<LegId>(), Err(NoLegId));
    }
}
