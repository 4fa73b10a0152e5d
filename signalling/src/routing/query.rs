//! What is asked of the rules: one call, with all that a rule may look at.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::adapter::{Header, Incoming, Origin, Party, Text};

/// One call, or message, as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Query<'c> {
    /// Who calls, proven.
    pub origin: &'c Origin,
    /// Who calls, as shown.
    pub caller: &'c Party,
    /// What was dialled.
    pub destination: &'c str,
    /// Where the signalling came from; `None` where nobody knows, and then no rule for networks matches.
    pub source: Option<IpAddr>,
    /// The name of the listener that it came to; the same holds.
    pub listener: Option<&'c str>,
    /// What the call's first message says besides.
    pub headers: &'c [Header],
    /// When it came.
    pub at: SystemTime,
    /// A random number, by which lots are drawn where a rule says so.
    pub dice: u64,
}

impl<'c> Query<'c> {
    /// A call of which no more is known than who calls whom.
    #[must_use]
    pub const fn new(origin: &'c Origin, caller: &'c Party, destination: &'c str) -> Self {
        let at = SystemTime::UNIX_EPOCH;
        Self { origin, caller, destination, source: None, listener: None, headers: &[], at, dice: 0 }
    }

    /// A call that came in at a moment.
    #[must_use]
    pub fn of(incoming: &'c Incoming, at: SystemTime, dice: u64) -> Self {
        Self {
            source: Some(incoming.signalled_from),
            listener: Some(&incoming.listener),
            headers: &incoming.headers,
            at,
            dice,
            ..Self::new(&incoming.origin, &incoming.caller, &incoming.destination)
        }
    }

    /// A message that came in at a moment: it goes where its writer might call.
    #[must_use]
    pub fn of_text(text: &'c Text, at: SystemTime) -> Self {
        Self {
            source: Some(text.signalled_from),
            listener: Some(&text.listener),
            headers: &text.headers,
            at,
            ..Self::new(&text.origin, &text.sender, &text.destination)
        }
    }
}
