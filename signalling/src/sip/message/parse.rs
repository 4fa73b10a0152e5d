//! Bytes to messages, RFC 3261 7 and 25.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memchr;

use super::chars::{is_clean, is_control, is_token};
use super::lines::{
    count_controls, count_line_ends, find_head_end, logical_lines, parse_content_length, unfold,
};
use super::{
    ByteString, HeaderName, Headers, Malformed, Method, ParseError, Request, RequestHead, Response,
    StatusCode, SyntaxError, Uri,
};

/// Most octets of one message, headers and body. Chosen by us: what a datagram can carry.
pub const MESSAGE_MAX: usize = 65_536;

/// Most header fields of one message. Chosen by us: real ones have some thirty.
pub const HEADERS_MAX: usize = 256;

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Parses one whole message: a datagram, a WebSocket message, a frame of a stream.
    ///
    /// Octets beyond Content-Length are left out (RFC 3261 18.3); without Content-Length the body
    /// goes to the end. Line ends before the start line are skipped (7.5). Whether the message makes
    /// sense is for `validate` to say.
    ///
    /// # Errors
    /// What is wrong, with the head of a request that can be answered.
    pub fn parse(datagram: Bytes) -> Result<Self, Malformed> {
        if datagram.len() > MESSAGE_MAX {
            return Err(Malformed { error: ParseError::TooLarge, head: None });
        }
        let start = datagram.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let head_end = find_head_end(&datagram[start..]).map(|at| start + at + 2);
        let octets = datagram.slice(start..head_end.unwrap_or(datagram.len()));

        let head = Head::parse(octets);
        let body = match head_end {
            Some(end) => head.cut_body(datagram.slice(end + 2..)),
            None => Err(ParseError::Truncated),
        };
        match (head.start_line, body, head.error) {
            (Ok(StartLine::Request(method, uri)), Ok(body), None) => {
                Ok(Self::Request(Request { method, uri, headers: head.headers, body }))
            }
            (Ok(StartLine::Response(status, reason)), Ok(body), None) => {
                Ok(Self::Response(Response { status, reason, headers: head.headers, body }))
            }
            (start_line, body, error) => {
                let error = error.or_else(|| start_line.err()).or_else(|| body.err());
                Err(Malformed {
                    error: error.unwrap_or(ParseError::Truncated),
                    head: rescue(&head.text, head.headers),
                })
            }
        }
    }
}

/// What stands before the empty line.
struct Head {
    text: ByteString,
    start_line: Result<StartLine, ParseError>,
    headers: Headers,
    content_length: Option<usize>,
    /// The first thing wrong with a header line.
    error: Option<ParseError>,
}

enum StartLine {
    Request(Method, Uri),
    Response(StatusCode, ByteString),
}

impl Head {
    /// Reads on after an error, so that the request can be answered by what else it holds.
    fn parse(octets: Bytes) -> Self {
        let mut error = None;
        let text = ByteString::try_from(octets.clone()).unwrap_or_else(|_| {
            error = Some(ParseError::NotUtf8);
            String::from_utf8_lossy(&octets).into_owned().into()
        });
        let line_ends = count_line_ends(text.as_bytes());
        if line_ends.is_none() {
            error.get_or_insert(ParseError::ControlCharacter);
        }
        let is_clean = line_ends.is_some_and(|count| 2 * count == count_controls(text.as_bytes()));

        let mut lines = logical_lines(text.as_bytes()).map(|line| &text[line]);
        let start_line = StartLine::parse(&text, lines.next().unwrap_or_default());
        let mut head = Self {
            text: text.clone(),
            start_line,
            headers: Headers::with_capacity(24),
            content_length: None,
            error,
        };
        for line in lines {
            if let Err(wrong) = head.add(line, is_clean) {
                head.error.get_or_insert(wrong);
            }
        }
        head
    }

    fn add(&mut self, line: &str, is_known_clean: bool) -> Result<(), ParseError> {
        let colon = memchr(b':', line.as_bytes()).ok_or(ParseError::HeaderLine)?;
        let (name, value) = (line[..colon].trim_ascii_end(), &line[colon + 1..]);
        if !is_token(name) {
            return Err(ParseError::HeaderLine);
        }
        let name = HeaderName::parse(&self.text, name);
        let value = match unfold(value.trim_ascii()) {
            Cow::Borrowed(value) => self.text.slice_ref(value),
            Cow::Owned(value) => value.into(),
        };
        if !is_known_clean && !is_clean(&value) {
            return Err(ParseError::ControlCharacter);
        }
        if name == HeaderName::ContentLength {
            if self.content_length.is_some() {
                return Err(ParseError::ContentLengthTwice);
            }
            self.content_length = Some(parse_content_length(value.as_bytes())?);
            return Ok(());
        }
        if self.headers.len() >= HEADERS_MAX {
            return Err(ParseError::TooManyHeaders);
        }
        self.headers.push_parsed(name, value);
        Ok(())
    }

    fn cut_body(&self, mut rest: Bytes) -> Result<Bytes, ParseError> {
        if let Some(length) = self.content_length {
            if rest.len() < length {
                return Err(ParseError::ShortBody);
            }
            rest.truncate(length);
        }
        Ok(rest)
    }
}

impl StartLine {
    fn parse(whole: &ByteString, line: &str) -> Result<Self, ParseError> {
        if line.bytes().any(is_control) {
            return Err(ParseError::StartLine);
        }
        let (first, rest) = line.split_once(' ').ok_or(ParseError::StartLine)?;
        if first.contains('/') {
            check_version(first)?;
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let status = StatusCode::parse(code).ok_or(ParseError::Status)?;
            return Ok(Self::Response(status, whole.slice_ref(reason)));
        }
        let method = Method::parse(&whole.slice_ref(first)).map_err(|_| ParseError::StartLine)?;
        let (uri, version) = rest.split_once(' ').ok_or(ParseError::StartLine)?;
        if uri.is_empty() || version.contains(' ') {
            return Err(ParseError::StartLine);
        }
        check_version(version)?;
        let uri = Uri::parse_slice(whole, uri).map_err(ParseError::RequestUri)?;
        if uri.as_sip().is_some_and(|uri| uri.headers.is_some()) {
            return Err(ParseError::RequestUri(SyntaxError("headers in it")));
        }
        Ok(Self::Request(method, uri))
    }
}

fn check_version(text: &str) -> Result<(), ParseError> {
    match text.split_once('/') {
        Some((name, "2.0")) if name.eq_ignore_ascii_case("SIP") => Ok(()),
        Some((name, version)) if name.eq_ignore_ascii_case("SIP") && is_version(version) => {
            Err(ParseError::Version)
        }
        _ => Err(ParseError::StartLine),
    }
}

fn is_version(text: &str) -> bool {
    text.split_once('.').is_some_and(|(major, minor)| {
        [major, minor].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// The head by which a request can be answered: it has a Via, and is neither a response nor an ACK,
/// which none may answer.
fn rescue(text: &ByteString, headers: Headers) -> Option<Box<RequestHead>> {
    let first = text.split([' ', '\r', '\n']).next().unwrap_or_default();
    let method = Method::parse(&text.slice_ref(first)).ok();
    let is_response = first.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("SIP/"));
    if is_response || method == Some(Method::Ack) || !headers.has(&HeaderName::Via) {
        return None;
    }
    Some(Box::new(RequestHead { method, headers }))
}
