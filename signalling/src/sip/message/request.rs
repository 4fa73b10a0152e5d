//! Requests, RFC 3261 7.1.

use bytes::Bytes;

use super::{HeaderName, Headers, Method, Response, StatusCode, Uri};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it asks for.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// Its header fields, without Content-Length.
    pub headers: Headers,
    /// Its body; Content-Length is its length.
    pub body: Bytes,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, uri: impl Into<Uri>) -> Self {
        Self { method, uri: uri.into(), headers: Headers::new(), body: Bytes::new() }
    }

    /// Whether it has passed no proxy that shows itself: its one Via is that of whoever sent it.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.headers.vias().is_ok_and(|vias| vias.len() == 1)
    }

    /// The response to it (RFC 3261 8.2.6): Via, From, To, Call-ID and CSeq are taken over, and
    /// Record-Route where the response makes a dialog (12.1.1). `to_tag` is added to To where it has
    /// no tag and the response is no 100.
    #[must_use]
    pub fn response(&self, status: StatusCode, to_tag: Option<&str>) -> Response {
        let mut response = Response::new(status);
        response.headers = self.headers.for_response(status);
        if let Some(tag) = to_tag
            && status != StatusCode::TRYING
        {
            response.headers.tag_to(tag);
        }
        let makes_dialog = matches!(self.method, Method::Invite | Method::Subscribe | Method::Refer)
            && (101..300).contains(&status.code());
        if makes_dialog {
            for route in self.headers.values(&HeaderName::RecordRoute) {
                response.headers.push_parsed(HeaderName::RecordRoute, route.clone());
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sip::message::Uri;

    fn invite() -> Request {
        let mut request = Request::new(Method::Invite, "sip:b@example.com".parse::<Uri>().unwrap());
        for (name, value) in [
            ("Via", "SIP/2.0/UDP one;branch=z9hG4bK1, SIP/2.0/UDP two"),
            ("Record-Route", "<sip:proxy;lr>"),
            ("v", "SIP/2.0/UDP three"),
            ("Max-Forwards", "70"),
            ("From", "<sip:a@example.com>;tag=1"),
            ("To", "sip:b@example.com"),
            ("Call-ID", "x"),
            ("CSeq", "7 INVITE"),
            ("Timestamp", "54"),
            ("Subject", "lunch"),
        ] {
            request.headers.push(name.into(), value);
        }
        request
    }

    fn lines(response: &Response) -> Vec<String> {
        response.headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect()
    }

    #[test]
    fn a_ringing_response_makes_a_dialog() {
        let response = invite().response(StatusCode::RINGING, Some("ours"));
        assert_eq!(
            lines(&response),
            [
                "Via: SIP/2.0/UDP one;branch=z9hG4bK1, SIP/2.0/UDP two",
                "Via: SIP/2.0/UDP three",
                "From: <sip:a@example.com>;tag=1",
                "To: sip:b@example.com;tag=ours",
                "Call-ID: x",
                "CSeq: 7 INVITE",
                "Record-Route: <sip:proxy;lr>",
            ]
        );
    }

    #[test]
    fn a_100_has_the_timestamp_and_no_tag_of_ours() {
        let lines = lines(&invite().response(StatusCode::TRYING, Some("ours")));
        assert!(lines.contains(&"Timestamp: 54".into()));
        assert!(lines.contains(&"To: sip:b@example.com".into()));
    }

    #[test]
    fn a_failure_makes_no_dialog_and_keeps_the_tag_that_is_there() {
        let mut request = invite();
        request.headers.set(HeaderName::To, "<sip:b@example.com>;tag=theirs");
        let lines = lines(&request.response(StatusCode::BUSY_HERE, Some("ours")));
        assert!(lines.contains(&"To: <sip:b@example.com>;tag=theirs".into()));
        assert!(!lines.iter().any(|line| line.starts_with("Record-Route")));
    }
}
