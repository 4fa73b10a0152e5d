//! How a call ended: why, by whom, and in the words of SIP and of the telephone network.

use serde::{Deserialize, Serialize};
use webtrunk_engine::EndCause;

use crate::q850;
use crate::sip::status_of;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRecord {
    /// Why, in the words of [`name_of`], or `crash`.
    pub cause: String,
    /// Who ended it.
    pub by: By,
    /// The final response that says the cause, where the call was never answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// The cause in the telephone network (ITU-T Q.850); a crash has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q850: Option<u16>,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A leg that came in.
    Caller,
    /// A leg that we called.
    Callee,
    /// We: a rule, a limit, a timer, a stop.
    Gateway,
    /// The process was killed, or broke.
    Crash,
}

impl By {
    /// What it is called in records and traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Gateway => "gateway",
            Self::Crash => "crash",
        }
    }
}

/// What stands for the end of a call whose process was killed.
pub(super) const CRASH: &str = "crash";

impl EndRecord {
    pub(super) fn new(cause: EndCause, by: By, was_answered: bool) -> Self {
        let sip_status = (!was_answered).then(|| status_of(cause).code());
        Self { cause: name_of(cause).to_owned(), by, sip_status, q850: Some(q850::code_of(cause).into()) }
    }

    pub(super) fn crashed() -> Self {
        Self { cause: CRASH.to_owned(), by: By::Crash, sip_status: None, q850: None }
    }
}

/// A cause as records have it.
#[must_use]
pub const fn name_of(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Hangup => "hangup",
        EndCause::Cancelled => "cancelled",
        EndCause::AnsweredElsewhere => "answered_elsewhere",
        EndCause::Busy => "busy",
        EndCause::Declined => "declined",
        EndCause::NoAnswer => "no_answer",
        EndCause::Unavailable => "unavailable",
        EndCause::NotFound => "not_found",
        EndCause::Forbidden => "forbidden",
        EndCause::TooManyHops => "too_many_hops",
        EndCause::NotAcceptable => "not_acceptable",
        EndCause::Glare => "glare",
        EndCause::MediaFailed => "media_failed",
        EndCause::MediaTimeout => "media_timeout",
        EndCause::TimeLimit => "time_limit",
        EndCause::SignallingLost => "signalling_lost",
        EndCause::GatewayFailure => "gateway_failure",
        EndCause::Overloaded => "overloaded",
        EndCause::ShuttingDown => "shutting_down",
        EndCause::InternalError => "internal_error",
    }
}
