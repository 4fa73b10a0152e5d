//! What a session wants done.

use std::collections::BTreeSet;

use crate::adapter;

/// Names one connection for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::json) struct Flow(pub(in crate::json) u64);

/// What is to be done.
#[derive(Debug)]
pub(in crate::json) enum Output {
    /// By the connection: send this.
    Send {
        /// Which one.
        flow: Flow,
        /// One message.
        text: String,
    },
    /// By the connection: say goodbye, once all before is sent.
    Close {
        /// Which one.
        flow: Flow,
        /// Why.
        why: Closing,
    },
    /// By the core: it watches others than these from now on.
    Watches {
        /// The users that it watched.
        before: BTreeSet<String>,
    },
    /// By the gateway.
    Event(adapter::Event),
}

/// Why we close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Closing {
    /// The page asked for it.
    Done,
    /// Its session goes on elsewhere, or another took its place.
    Replaced,
    /// What it sends is wrong too often.
    Misbehaves,
    /// Whoever it is may not be here any more.
    Revoked,
    /// A fault of ours.
    Broken,
    /// The gateway goes down.
    GoesDown,
}
