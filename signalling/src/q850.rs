//! Causes of the telephone network (ITU-T Q.850): one table for records, for SIP's Reason and for the JSON API, so that who
//! matches them has one code for one call.

use webtrunk_engine::EndCause;

/// The code of a cause: RFC 3398 7.2.4.1 and 8.2.6.1, by the statuses there.
#[must_use]
pub const fn code_of(cause: EndCause) -> u8 {
    match cause {
        EndCause::NotFound => 1,
        EndCause::Hangup | EndCause::Cancelled => 16,
        EndCause::Busy => 17,
        EndCause::NoAnswer => 19,
        EndCause::Unavailable => 20,
        EndCause::Declined => 21,
        EndCause::TooManyHops => 25,
        EndCause::AnsweredElsewhere => 26,
        // Cleared in order, by none of the parties; there is nothing nearer.
        EndCause::TimeLimit => 31,
        EndCause::Overloaded => 34,
        EndCause::GatewayFailure => 38,
        EndCause::Glare | EndCause::MediaTimeout | EndCause::ShuttingDown | EndCause::InternalError => 41,
        EndCause::Forbidden => 57,
        EndCause::NotAcceptable | EndCause::MediaFailed => 88,
        EndCause::SignallingLost => 102,
    }
}
