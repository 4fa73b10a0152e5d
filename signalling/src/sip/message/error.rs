//! What can be wrong with a message, in words fit for a reason phrase.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{HeaderName, Headers, Method, Response, StatusCode};

/// A part of a message breaks its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub(crate) &'static str);

/// The peer's message is wrong; the text is fit for a reason phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No empty line ends the headers.
    #[error("Headers Do Not End")]
    Truncated,
    /// Bigger than [`MESSAGE_MAX`](super::MESSAGE_MAX).
    #[error("Message Too Large")]
    TooLarge,
    /// More header fields than [`HEADERS_MAX`](super::HEADERS_MAX).
    #[error("Too Many Header Fields")]
    TooManyHeaders,
    /// Neither a request line nor a status line.
    #[error("Bad Start Line")]
    StartLine,
    /// A status code of other than three digits from 100 to 699.
    #[error("Bad Status Code")]
    Status,
    /// Another protocol version than SIP/2.0.
    #[error("Version Not Supported")]
    Version,
    /// The Request-URI breaks its grammar.
    #[error("Bad Request-URI: {0}")]
    RequestUri(SyntaxError),
    /// A header line without a colon, or whose name is no token.
    #[error("Bad Header Line")]
    HeaderLine,
    /// NUL or another control character outside a quoted pair, a bare CR or LF.
    #[error("Control Character In Headers")]
    ControlCharacter,
    /// The headers are no UTF-8.
    #[error("Headers Are Not UTF-8")]
    NotUtf8,
    /// Content-Length is no number.
    #[error("Bad Content-Length")]
    ContentLength,
    /// Two Content-Length fields.
    #[error("Content-Length Given Twice")]
    ContentLengthTwice,
    /// Fewer octets than Content-Length says.
    #[error("Body Shorter Than Content-Length")]
    ShortBody,
    /// A header field that must be there is not.
    #[error("Missing {0}")]
    Missing(HeaderName),
    /// A header field that stands for one value stands twice.
    #[error("{0} Given Twice")]
    Twice(HeaderName),
    /// A header field breaks its grammar.
    #[error("Bad {0}: {1}")]
    Header(HeaderName, SyntaxError),
}

impl ParseError {
    /// The status that tells the peer of it.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Self::TooLarge => StatusCode::MESSAGE_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A message that cannot be read, and what of it could.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Malformed {
    /// What is wrong.
    pub error: ParseError,
    /// Enough to answer by; `None` where it was a response, an ACK, or had no Via: drop it.
    pub head: Option<Box<RequestHead>>,
}

impl Malformed {
    /// The answer, where one may be given.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        let headers = &self.head.as_ref()?.headers;
        let mut response = Response::new(self.error.status());
        response.reason = self.error.to_string().into();
        response.headers = headers.for_response(response.status);
        response.headers.tag_to(&stateless_tag(headers));
        Some(response)
    }
}

/// A tag that a retransmission of the request gets again (RFC 3261 8.2.7).
fn stateless_tag(headers: &Headers) -> String {
    let mut hasher = DefaultHasher::new();
    for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        headers.get(&name).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// What is left of a malformed request: the headers that could be read, Via among them.
#[derive(Debug)]
pub struct RequestHead {
    /// The method, where the start line has one.
    pub method: Option<Method>,
    /// The header fields that could be read; their values may be wrong.
    pub headers: Headers,
}
