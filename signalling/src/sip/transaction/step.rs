//! What one input makes a transaction do: the vocabulary that the four machines share.

use bytes::Bytes;

/// The effects of one input on one transaction; both may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes for the transaction's flow.
    pub(super) transmit: Option<Bytes>,
    /// What the transaction user hears of it.
    pub(super) tell: Option<Tell>,
}

/// What a transaction tells its user (TU, RFC 3261 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// The message that was handled is news: it goes up.
    Message,
    /// The peer did not answer in time: timers B, F, and H.
    TimedOut,
    /// The flow broke before the transaction had its end.
    FlowFailed,
}

impl Step {
    pub(super) const NOTHING: Self = Self { transmit: None, tell: None };

    pub(super) const fn transmit(bytes: Bytes) -> Self {
        Self { transmit: Some(bytes), tell: None }
    }

    pub(super) const fn tell(tell: Tell) -> Self {
        Self { transmit: None, tell: Some(tell) }
    }
}
