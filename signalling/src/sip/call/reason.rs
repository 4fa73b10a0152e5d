//! Why the peer ends a call, RFC 3326: what its Reason says beyond its method or status.

use webtrunk_engine::EndCause;

use super::cause::cause_of;
use crate::adapter::EndCodes;
use crate::q850;
use crate::sip::message::{HeaderName, Headers, Response, StatusCode};

/// Why a BYE came. Without a Reason, and with one that says no more, somebody hung up.
pub(super) fn of_bye(headers: &Headers) -> EndCause {
    find(headers, |reason| match reason {
        Reason::Q850(16) | Reason::Sip(200..=299) => Some(EndCause::Hangup),
        // Whoever says so after the answer has not heard of us.
        Reason::Sip(408) => Some(EndCause::SignallingLost),
        Reason::Q850(code) => of_q850(code),
        Reason::Sip(code) => of_status(code),
    })
    .unwrap_or(EndCause::Hangup)
}

/// Why a callee says BYE before it answered: like a refusal, where its Reason says no more.
pub(super) fn of_early_bye(headers: &Headers) -> EndCause {
    match of_bye(headers) {
        EndCause::Hangup => EndCause::Declined,
        cause => cause,
    }
}

/// Why a CANCEL came: the caller gave up, or another phone has the call.
pub(super) fn of_cancel(headers: &Headers) -> EndCause {
    find(headers, |reason| match reason {
        Reason::Sip(200) | Reason::Q850(26) => Some(EndCause::AnsweredElsewhere),
        Reason::Sip(_) | Reason::Q850(_) => None,
    })
    .unwrap_or(EndCause::Cancelled)
}

/// What a refusal of our call means. A Q.850 cause (RFC 6432) says more than a status that stands for many.
pub(super) fn of_refusal(response: &Response) -> EndCause {
    let by_status = cause_of(response.status);
    match by_status {
        EndCause::GatewayFailure | EndCause::Unavailable => find(&response.headers, |reason| match reason {
            Reason::Q850(code) => of_q850(code),
            Reason::Sip(_) => None,
        })
        .unwrap_or(by_status),
        _ => by_status,
    }
}

/// The codes of a refusal of our call, as they are.
pub(super) fn codes_of_refusal(response: &Response) -> EndCodes {
    EndCodes { sip_status: Some(response.status.code()), q850: q850_of(&response.headers) }
}

/// The codes that a BYE names, where it names any.
pub(super) fn codes_of_bye(headers: &Headers) -> Option<EndCodes> {
    q850_of(headers).map(|code| EndCodes { q850: Some(code), ..EndCodes::default() })
}

fn q850_of(headers: &Headers) -> Option<u16> {
    headers.tokens(&HeaderName::Reason).filter_map(parse).find_map(|reason| match reason {
        Reason::Q850(code) => Some(code),
        Reason::Sip(_) => None,
    })
}

/// The Reason of our refusal, where Q.850 has a word for it that the status has not.
pub(super) fn for_refusal(cause: EndCause) -> Option<String> {
    let text = match cause {
        EndCause::Busy => "User busy",
        EndCause::Overloaded => "No circuit/channel available",
        EndCause::NoAnswer => "No answer from user",
        EndCause::Declined => "Call rejected",
        EndCause::NotFound => "Unallocated number",
        EndCause::Unavailable => "Subscriber absent",
        _ => return None,
    };
    Some(format!("Q.850;cause={};text=\"{text}\"", q850::code_of(cause)))
}

/// Says in a 488 that it is for the media that were offered (RFC 3261 13.3.1.3, 20.43).
pub(super) fn warn_of_media(response: &mut Response) {
    if response.status == StatusCode::NOT_ACCEPTABLE_HERE {
        response.headers.push(HeaderName::Warning, "305 webtrunk \"Incompatible media format\"");
    }
}

#[derive(Debug, Clone, Copy)]
enum Reason {
    Q850(u16),
    Sip(u16),
}

/// The first reason that means something; there may be one for each protocol.
fn find(headers: &Headers, meaning: impl Fn(Reason) -> Option<EndCause>) -> Option<EndCause> {
    headers.tokens(&HeaderName::Reason).filter_map(parse).find_map(meaning)
}

fn parse(text: &str) -> Option<Reason> {
    let mut parts = text.split(';').map(str::trim_ascii);
    let protocol = parts.next()?;
    let code = parts.filter_map(|param| param.split_once('=')).find_map(|(name, value)| {
        let is_it = name.trim_ascii().eq_ignore_ascii_case("cause");
        is_it.then(|| value.trim_ascii().parse().ok()).flatten()
    })?;
    match protocol {
        _ if protocol.eq_ignore_ascii_case("Q.850") => Some(Reason::Q850(code)),
        _ if protocol.eq_ignore_ascii_case("SIP") => Some(Reason::Sip(code)),
        _ => None,
    }
}

fn of_status(code: u16) -> Option<EndCause> {
    StatusCode::new(code).filter(|status| status.code() >= 300).map(cause_of)
}

/// RFC 3398 7.2.4.1 and 8.2.6.1, through the statuses there.
const fn of_q850(code: u16) -> Option<EndCause> {
    match code {
        1..=3 | 22 | 28 => Some(EndCause::NotFound),
        17 => Some(EndCause::Busy),
        18 | 19 => Some(EndCause::NoAnswer),
        20 | 31 => Some(EndCause::Unavailable),
        21 => Some(EndCause::Declined),
        34 | 42 | 47 => Some(EndCause::Overloaded),
        38 | 41 | 127 => Some(EndCause::GatewayFailure),
        55 | 57 | 87 => Some(EndCause::Forbidden),
        58 | 65 | 70 | 79 | 88 => Some(EndCause::NotAcceptable),
        102 => Some(EndCause::SignallingLost),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reason_says_of_a_bye_and_a_cancel() {
        for (reason, bye, cancel) in [
            ("Q.850;cause=16;text=\"Normal; call clearing\"", EndCause::Hangup, EndCause::Cancelled),
            (
                "SIP ;cause=200 ;text=\"Call completed elsewhere\"",
                EndCause::Hangup,
                EndCause::AnsweredElsewhere,
            ),
            ("Q.850;cause=26", EndCause::Hangup, EndCause::AnsweredElsewhere),
            ("sip;cause=408", EndCause::SignallingLost, EndCause::Cancelled),
            ("q.850 ; cause = 17", EndCause::Busy, EndCause::Cancelled),
            ("FreeSWITCH;cause=5, SIP;cause=486", EndCause::Busy, EndCause::Cancelled),
            ("SIP;text=\"x, SIP;cause=486\"", EndCause::Hangup, EndCause::Cancelled),
            ("SIP;cause=99999", EndCause::Hangup, EndCause::Cancelled),
            ("", EndCause::Hangup, EndCause::Cancelled),
        ] {
            let mut headers = Headers::new();
            headers.push(HeaderName::Reason, reason);
            assert_eq!((of_bye(&headers), of_cancel(&headers)), (bye, cancel), "{reason}");
        }
    }

    #[test]
    fn what_we_say_of_a_refusal_is_understood_by_another_of_us() {
        for cause in EndCause::ALL {
            let Some(reason) = for_refusal(cause) else { continue };
            let mut headers = Headers::new();
            headers.push(HeaderName::Reason, reason);
            assert_eq!(of_bye(&headers), cause);
        }
    }
}
