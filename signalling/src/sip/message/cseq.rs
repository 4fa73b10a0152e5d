//! CSeq, RFC 3261 20.16.

use std::fmt;

use super::{ByteString, Method, SyntaxError};

/// A request's number in its dialog, and its method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    pub(super) fn parse(text: &ByteString) -> Result<Self, SyntaxError> {
        let end = text.find([' ', '\t']).ok_or(SyntaxError("no method"))?;
        let (number, method) = text.split_at(end);
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SyntaxError("bad number"));
        }
        let number =
            number.parse().ok().filter(|n| *n < 1 << 31).ok_or(SyntaxError("number out of range"))?;
        Ok(Self { number, method: Method::parse(&text.slice_ref(method.trim_ascii()))? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
