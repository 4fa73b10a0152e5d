//! How far a call is, and what is known of it.

use std::time::SystemTime;

use crate::agent::{AgentError, RemoteDescription};

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallProgress {
    /// Nothing but 100 was heard, or nothing was answered yet.
    Calling,
    /// The other end said this provisional status.
    Ringing {
        /// 180, 183 and the like.
        status: u16,
        /// It described early media.
        has_media: bool,
    },
    /// Answered.
    Up,
    /// Over.
    Ended(CallEnd),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEnd {
    /// We hung up or gave up.
    ByUs,
    /// The other end hung up; what its Reason field said.
    ByPeer {
        /// The Reason field, if there was one.
        reason: Option<String>,
    },
    /// The caller gave up before an answer.
    Cancelled,
    /// It was refused with this status, by either end.
    Refused {
        /// The status code.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// It broke; why.
    Broken(String),
}

/// What is known of a call beside its progress.
#[derive(Debug, Clone, Default)]
pub(in crate::agent) struct Facts {
    pub(in crate::agent) call_id: String,
    pub(in crate::agent) invited_at: Option<SystemTime>,
    pub(in crate::agent) answered_at: Option<SystemTime>,
    pub(in crate::agent) remote: Option<RemoteDescription>,
    /// Provisional statuses in their order.
    pub(in crate::agent) provisional: Vec<u16>,
    pub(in crate::agent) info_digits: String,
    /// Candidates that the other end told later.
    pub(in crate::agent) fragments: Vec<String>,
    /// The URI of a call that replaces this one, once it is answered.
    pub(in crate::agent) replacing: String,
    /// How a transfer that we asked for went.
    pub(in crate::agent) transfer_statuses: Vec<u16>,
    /// How often we refreshed the session.
    pub(in crate::agent) refreshes: u32,
}

impl CallEnd {
    pub(super) fn into_error(self) -> AgentError {
        match self {
            Self::Refused { status, reason } => AgentError::Refused { status, reason },
            _ => AgentError::Gone,
        }
    }
}
