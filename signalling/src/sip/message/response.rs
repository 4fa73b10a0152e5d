//! Responses, RFC 3261 7.2.

use bytes::Bytes;

use super::{ByteString, Headers, StatusCode};

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status code.
    pub status: StatusCode,
    /// Words for humans; may be empty.
    pub reason: ByteString,
    /// Its header fields, without Content-Length.
    pub headers: Headers,
    /// Its body; Content-Length is its length.
    pub body: Bytes,
}

impl Response {
    /// A response with the usual words, without headers and body.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: ByteString::from_static(status.reason()),
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }
}
