//! Who keeps records.

use super::CallRecord;

/// What is to be kept of a call.
#[derive(Debug, Clone)]
pub enum Filing {
    /// As far as the call is. It takes the place of what was kept of it before.
    Open(Box<CallRecord>),
    /// The call is over: this is its record, and there is no other.
    Closed(Box<CallRecord>),
}

/// Keeps records over a restart. It must not wait: calls do.
pub trait CdrKeeper: Send + Sync {
    /// Keeps it, in order.
    fn file(&self, filing: Filing);
}

impl Filing {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &CallRecord {
        match self {
            Self::Open(record) | Self::Closed(record) => record,
        }
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}
