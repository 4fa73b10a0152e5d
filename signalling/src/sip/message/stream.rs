//! Finding messages in a stream, RFC 3261 18.3, with the keep-alives of RFC 5626 3.5.1.

use super::lines::{find_head_end, logical_lines, parse_content_length};
use super::{HeaderName, MESSAGE_MAX, ParseError};

/// What a stream's buffer begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// Not enough yet.
    Incomplete {
        /// The length of the whole message, once its head is here.
        wanted: Option<usize>,
    },
    /// A ping of this many octets, to be answered by one CRLF.
    KeepAlive(usize),
    /// A message of this many octets, line ends before it included.
    Complete {
        /// Its length, to be handed to [`Message::parse`](super::Message::parse).
        len: usize,
    },
    /// No boundary can be found any more: the stream must be closed. [`Message::parse`] of all that
    /// is in the buffer gives the head by which to answer before that.
    ///
    /// [`Message::parse`]: super::Message::parse
    Broken(ParseError),
}

impl Framing {
    /// Looks at what has been read and not yet consumed.
    ///
    /// A head without Content-Length has no body: the field is mandatory on streams (18.3), and
    /// whatever follows must be a message by itself.
    #[must_use]
    pub fn find(buffer: &[u8]) -> Self {
        let blank = buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if buffer.starts_with(b"\r\n\r\n") {
            return Self::KeepAlive(4);
        }
        let Some(head_len) = find_head_end(&buffer[blank..]) else {
            return if buffer.len() > MESSAGE_MAX {
                Self::Broken(ParseError::TooLarge)
            } else {
                Self::Incomplete { wanted: None }
            };
        };
        let body_start = blank + head_len + 4;
        let len = match content_length(&buffer[blank..blank + head_len]) {
            Ok(length) => body_start.saturating_add(length),
            Err(error) => return Self::Broken(error),
        };
        if len > MESSAGE_MAX {
            Self::Broken(ParseError::TooLarge)
        } else if len > buffer.len() {
            Self::Incomplete { wanted: Some(len) }
        } else {
            Self::Complete { len }
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize, ParseError> {
    let mut found = None;
    for line in logical_lines(head).map(|line| &head[line]) {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let Ok(name) = std::str::from_utf8(line[..colon].trim_ascii_end()) else { continue };
        if HeaderName::known(name) == Some(HeaderName::ContentLength) {
            if found.is_some() {
                return Err(ParseError::ContentLengthTwice);
            }
            found = Some(parse_content_length(&line[colon + 1..])?);
        }
    }
    Ok(found.unwrap_or(0))
}
