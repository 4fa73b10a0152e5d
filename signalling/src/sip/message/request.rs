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
