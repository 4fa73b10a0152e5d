//! Why a call ended, for people and for programs.

use schemars::JsonSchema;
use serde::Serialize;
use webtrunk_engine::EndCause;

use crate::q850;
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
        let (word, text) = told(cause);
        // A call that was up has no status of its own; 200 is what its BYE gets.
        let sip_status = if cause == EndCause::Hangup { 200 } else { status_of(cause).code() };
        Self { call_id: call_id.to_owned(), cause: word, text, sip_status, q850: q850::code_of(cause) }
    }
}

/// A cause's word, and its sentence.
const fn told(cause: EndCause) -> (&'static str, &'static str) {
    match cause {
        EndCause::Hangup => ("hangup", "The call was hung up."),
        EndCause::Cancelled => ("cancelled", "The caller gave up."),
        EndCause::AnsweredElsewhere => ("answeredElsewhere", "Another phone took the call."),
        EndCause::Busy => ("busy", "The other party is in another call."),
        EndCause::Declined => ("declined", "The other party does not want the call."),
        EndCause::NoAnswer => ("noAnswer", "Nobody answered."),
        EndCause::Unavailable => ("unavailable", "The other party cannot be reached now."),
        EndCause::NotFound => ("notFound", "Nobody has this number."),
        EndCause::Forbidden => ("forbidden", "This call is not allowed."),
        EndCause::TooManyHops => ("tooManyHops", "The call went in a circle."),
        EndCause::NotAcceptable => ("notAcceptable", "The two ends have no media in common."),
        EndCause::Glare => ("glare", "Both ends changed the call at once."),
        EndCause::MediaFailed => ("mediaFailed", "No path for the media was found."),
        EndCause::MediaTimeout => ("mediaTimeout", "No more media came."),
        EndCause::TimeLimit => ("timeLimit", "The call was as long as it may be."),
        EndCause::SignallingLost => ("signallingLost", "The page was gone for too long."),
        EndCause::GatewayFailure => ("gatewayFailure", "The network beyond the gateway failed."),
        EndCause::Overloaded => ("overloaded", "There is no room for the call now."),
        EndCause::ShuttingDown => ("shuttingDown", "The gateway goes down."),
        EndCause::InternalError => ("internalError", "Something in the gateway broke."),
    }
}
