//! Why a call ends, in SIP's words and in ours, both ways.
//!
//! What says the same in both goes through unchanged. Where SIP has one status for several of our
//! causes (480), or we one cause for several of its (all failures of the next hop), the words differ but
//! what the caller should do does not.

use webtrunk_engine::EndCause;

use crate::q850;
use crate::sip::message::StatusCode;

/// The final response that refuses a call, or a new offer, for this cause.
#[must_use]
pub const fn status_of(cause: EndCause) -> StatusCode {
    match cause {
        EndCause::Hangup
        | EndCause::NoAnswer
        | EndCause::Unavailable
        | EndCause::SignallingLost
        | EndCause::TimeLimit => StatusCode::TEMPORARILY_UNAVAILABLE,
        EndCause::Cancelled | EndCause::AnsweredElsewhere => StatusCode::REQUEST_TERMINATED,
        EndCause::Busy => StatusCode::BUSY_HERE,
        EndCause::Declined => StatusCode::DECLINE,
        EndCause::NotFound => StatusCode::NOT_FOUND,
        EndCause::Forbidden => StatusCode::FORBIDDEN,
        EndCause::TooManyHops => StatusCode::TOO_MANY_HOPS,
        EndCause::NotAcceptable | EndCause::MediaFailed => StatusCode::NOT_ACCEPTABLE_HERE,
        EndCause::Glare => StatusCode::REQUEST_PENDING,
        EndCause::MediaTimeout => StatusCode::SERVER_TIMEOUT,
        EndCause::GatewayFailure => StatusCode::BAD_GATEWAY,
        EndCause::Overloaded | EndCause::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        EndCause::InternalError => StatusCode::SERVER_INTERNAL_ERROR,
    }
}

/// What a final response of 300 or more to our INVITE means.
pub(in crate::sip) const fn cause_of(status: StatusCode) -> EndCause {
    match status.code() {
        // Where it is to be called instead is told apart (`redirect.rs`).
        300..=399 | 430 | 480 => EndCause::Unavailable,
        401..=403 | 407 => EndCause::Forbidden,
        404 | 410 | 484 | 485 | 604 => EndCause::NotFound,
        406 | 415 | 488 | 606 => EndCause::NotAcceptable,
        408 => EndCause::NoAnswer,
        483 => EndCause::TooManyHops,
        486 | 600 => EndCause::Busy,
        487 => EndCause::Cancelled,
        491 => EndCause::Glare,
        503 => EndCause::Overloaded,
        601..=699 => EndCause::Declined,
        _ => EndCause::GatewayFailure,
    }
}

/// The Reason of a BYE or CANCEL (RFC 3326): a Q.850 cause where the call was cleared in order, else the SIP
/// status that would have said it earlier.
pub(in crate::sip) fn reason_of(cause: EndCause) -> String {
    let (protocol, code, text) = match cause {
        EndCause::Hangup => ("Q.850", q850::code_of(cause).into(), "Normal call clearing"),
        EndCause::MediaTimeout => ("Q.850", q850::code_of(cause).into(), "Media timeout"),
        EndCause::TimeLimit => ("Q.850", q850::code_of(cause).into(), "Time limit"),
        EndCause::MediaFailed => ("SIP", 488, "Media failed"),
        EndCause::SignallingLost => ("SIP", 408, "Signalling lost"),
        EndCause::ShuttingDown => ("SIP", 503, "Shutting down"),
        // RFC 3326 3.1, so that phones that lost the race list no missed call.
        EndCause::AnsweredElsewhere => ("SIP", 200, "Call completed elsewhere"),
        EndCause::Cancelled
        | EndCause::Busy
        | EndCause::Declined
        | EndCause::NoAnswer
        | EndCause::Unavailable
        | EndCause::NotFound
        | EndCause::Forbidden
        | EndCause::TooManyHops
        | EndCause::NotAcceptable
        | EndCause::Glare
        | EndCause::GatewayFailure
        | EndCause::Overloaded
        | EndCause::InternalError => {
            let status = status_of(cause);
            ("SIP", status.code(), status.reason())
        }
    };
    format!("{protocol};cause={code};text=\"{text}\"")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The document that shows adapters' authors this table.
    const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ADAPTERS.md"));

    /// A row of the document: causes, the status that says them, and the statuses that mean them.
    struct Row {
        causes: Vec<&'static str>,
        status: u16,
        meant_by: Vec<&'static str>,
    }

    #[test]
    fn the_table_in_the_documents_is_the_one_in_the_code() {
        let rows = documented();
        for cause in EndCause::ALL {
            let name = format!("{cause:?}");
            let told: Vec<_> = rows.iter().filter(|row| row.causes.contains(&name.as_str())).collect();
            assert_eq!(told.len(), 1, "{name} has one row");
            assert_eq!(told[0].status, status_of(cause).code(), "{name}");
        }
        assert_eq!(rows.iter().map(|row| row.causes.len()).sum::<usize>(), EndCause::ALL.len());
        for status in (300..700).filter_map(StatusCode::new) {
            let (exact, class) = (status.code().to_string(), format!("{}xx", status.code() / 100));
            let with = |word: &str| rows.iter().find(|row| row.meant_by.contains(&word));
            let row = with(&exact).or_else(|| with(&class)).or_else(|| with("else")).expect("a last row");
            assert_eq!(row.causes, [format!("{:?}", cause_of(status))], "{status}");
        }
    }

    /// The rows of the document. "3xx (why)" and "other 6xx" are classes, "everything else" the rest.
    fn documented() -> Vec<Row> {
        let lines = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
        let rows: Vec<Row> = lines.map(read_row).collect();
        assert!(!rows.is_empty(), "the table is there");
        rows
    }

    fn read_row(line: &'static str) -> Row {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [causes, status, meant_by] = cells[..] else { panic!("three columns: {line}") };
        let words = meant_by.split(',').filter_map(|entry| {
            let entry = entry.split('(').next().unwrap_or_default().trim();
            entry.split_whitespace().last()
        });
        Row {
            causes: causes.split(',').map(|cause| cause.trim().trim_matches('`')).collect(),
            status: status.parse().expect("a status"),
            meant_by: words.collect(),
        }
    }

    #[test]
    fn from_cause_to_status_and_reason() {
        let mut table = String::new();
        for cause in EndCause::ALL {
            let name = format!("{cause:?}");
            writeln!(table, "{name:14} {} | {}", status_of(cause), reason_of(cause)).expect("a String");
        }
        insta::assert_snapshot!(table, @r#"
        Hangup         480 | Q.850;cause=16;text="Normal call clearing"
        Cancelled      487 | SIP;cause=487;text="Request Terminated"
        AnsweredElsewhere 487 | SIP;cause=200;text="Call completed elsewhere"
        Busy           486 | SIP;cause=486;text="Busy Here"
        Declined       603 | SIP;cause=603;text="Decline"
        NoAnswer       480 | SIP;cause=480;text="Temporarily Unavailable"
        Unavailable    480 | SIP;cause=480;text="Temporarily Unavailable"
        NotFound       404 | SIP;cause=404;text="Not Found"
        Forbidden      403 | SIP;cause=403;text="Forbidden"
        TooManyHops    483 | SIP;cause=483;text="Too Many Hops"
        NotAcceptable  488 | SIP;cause=488;text="Not Acceptable Here"
        Glare          491 | SIP;cause=491;text="Request Pending"
        MediaFailed    488 | SIP;cause=488;text="Media failed"
        MediaTimeout   504 | Q.850;cause=41;text="Media timeout"
        TimeLimit      480 | Q.850;cause=31;text="Time limit"
        SignallingLost 480 | SIP;cause=408;text="Signalling lost"
        GatewayFailure 502 | SIP;cause=502;text="Bad Gateway"
        Overloaded     503 | SIP;cause=503;text="Service Unavailable"
        ShuttingDown   503 | SIP;cause=503;text="Shutting down"
        InternalError  500 | SIP;cause=500;text="Server Internal Error"
        "#);
    }

    #[test]
    fn from_status_to_cause() {
        let mut table = String::new();
        let mut last = None;
        for status in (300..700).filter_map(StatusCode::new) {
            let cause = cause_of(status);
            if last != Some(cause) {
                writeln!(table, "{status} {cause:?}").expect("a String");
            }
            last = Some(cause);
        }
        insta::assert_snapshot!(table, @r"
        300 Unavailable
        400 GatewayFailure
        401 Forbidden
        404 NotFound
        405 GatewayFailure
        406 NotAcceptable
        407 Forbidden
        408 NoAnswer
        409 GatewayFailure
        410 NotFound
        411 GatewayFailure
        415 NotAcceptable
        416 GatewayFailure
        430 Unavailable
        431 GatewayFailure
        480 Unavailable
        481 GatewayFailure
        483 TooManyHops
        484 NotFound
        486 Busy
        487 Cancelled
        488 NotAcceptable
        489 GatewayFailure
        491 Glare
        492 GatewayFailure
        503 Overloaded
        504 GatewayFailure
        600 Busy
        601 Declined
        604 NotFound
        605 Declined
        606 NotAcceptable
        607 Declined
        ");
    }

    #[test]
    fn what_has_a_status_of_its_own_comes_back_as_itself() {
        for cause in [
            EndCause::Cancelled,
            EndCause::Busy,
            EndCause::Declined,
            EndCause::Unavailable,
            EndCause::NotFound,
            EndCause::Forbidden,
            EndCause::TooManyHops,
            EndCause::NotAcceptable,
            EndCause::Glare,
            EndCause::GatewayFailure,
            EndCause::Overloaded,
        ] {
            assert_eq!(cause_of(status_of(cause)), cause);
        }
    }
}
