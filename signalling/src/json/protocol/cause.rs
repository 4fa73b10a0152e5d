//! Why a call ended, for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;
use webtrunk_engine::EndCause;

use crate::sip::status_of;

/// Parameters of `ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// The call.
    pub call_id: String,
    /// One word, by which programs go.
    pub cause: &'static str,
    /// The same for people.
    pub text: &'static str,
    /// The SIP status that says it (RFC 3261 21).
    pub sip_status: u16,
    /// The cause in the telephone network that says it (ITU-T Q.850).
    pub q850: u8,
}

impl Ended {
    /// The end of a call.
    #[must_use]
    pub fn new(call_id: &str, cause: EndCause) -> Self {
        let (word, q850, text) = told(cause);
        // A call that was up has no status of its own; 200 is what its BYE gets.
        let sip_status = if cause == EndCause::Hangup { 200 } else { status_of(cause).code() };
        Self { call_id: call_id.to_owned(), cause: word, text, sip_status, q850 }
    }
}

/// A cause's word, its Q.850 cause (RFC 3398 7.2.4.1 where SIP has a status for it), and its sentence.
pub(super) const fn told(cause: EndCause) -> (&'static str, u8, &'static str) {
    match cause {
        EndCause::Hangup => ("hangup", 16, "The call was hung up."),
        EndCause::Cancelled => ("cancelled", 16, "The caller gave up."),
        EndCause::AnsweredElsewhere => ("answeredElsewhere", 26, "Another phone took the call."),
        EndCause::Busy => ("busy", 17, "The other party is in another call."),
        EndCause::Declined => ("declined", 21, "The other party does not want the call."),
        EndCause::NoAnswer => ("noAnswer", 19, "Nobody answered."),
        EndCause::Unavailable => ("unavailable", 20, "The other party cannot be reached now."),
        EndCause::NotFound => ("notFound", 1, "Nobody has this number."),
        EndCause::Forbidden => ("forbidden", 57, "This call is not allowed."),
        EndCause::TooManyHops => ("tooManyHops", 25, "The call went in a circle."),
        EndCause::NotAcceptable => ("notAcceptable", 88, "The two ends have no media in common."),
        EndCause::Glare => ("glare", 41, "Both ends changed the call at once."),
        EndCause::MediaFailed => ("mediaFailed", 88, "No path for the media was found."),
        EndCause::MediaTimeout => ("mediaTimeout", 41, "No more media came."),
        EndCause::TimeLimit => ("timeLimit", 31, "The call was as long as it may be."),
        EndCause::SignallingLost => ("signallingLost", 27, "The page was gone for too long."),
        EndCause::GatewayFailure => ("gatewayFailure", 38, "The network beyond the gateway failed."),
        EndCause::Overloaded => ("overloaded", 42, "There is no room for the call now."),
        EndCause::ShuttingDown => ("shuttingDown", 41, "The gateway goes down."),
        EndCause::InternalError => ("internalError", 41, "Something in the gateway broke."),
    }
}
