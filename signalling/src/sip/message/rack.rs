//! RSeq and RAck, RFC 3262 7.1 and 7.2.

use std::fmt;

use super::{ByteString, CSeq, HeaderName, Headers, ParseError, SyntaxError};

/// Which reliable provisional response a PRACK acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The CSeq of the request that it answered.
    pub cseq: CSeq,
}

impl Headers {
    /// RSeq, where it is given.
    ///
    /// # Errors
    /// It stands twice or is no number below 2^32.
    pub fn rseq(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::RSeq, |value| parse_number(value))
    }

    /// RAck, where it is given.
    ///
    /// # Errors
    /// It stands twice or breaks its grammar.
    pub fn rack(&self) -> Result<Option<RAck>, ParseError> {
        self.optional(HeaderName::RAck, |value| {
            let end = value.find([' ', '\t']).ok_or(SyntaxError("no CSeq"))?;
            let (rseq, cseq) = value.split_at(end);
            let cseq: ByteString = cseq.slice_ref(cseq.trim_ascii());
            Ok(RAck { rseq: parse_number(&rseq)?, cseq: CSeq::parse(&cseq)? })
        })
    }
}

fn parse_number(text: &str) -> Result<u32, SyntaxError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten().ok_or(SyntaxError("no number below 2^32"))
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Method;

    #[test]
    fn a_rack_names_response_and_request() {
        let mut headers = Headers::new();
        headers.push(HeaderName::RAck, "776656 1 INVITE");
        let rack = headers.rack().expect("it is sound").expect("it is there");
        assert_eq!(rack, RAck { rseq: 776_656, cseq: CSeq { number: 1, method: Method::Invite } });
        assert_eq!(rack.to_string(), "776656 1 INVITE");
    }

    #[test]
    fn what_is_no_rack_or_rseq_is_refused() {
        for text in ["", "1", "x 1 INVITE", "1 x INVITE", "4294967296 1 INVITE", "-1 1 INVITE"] {
            let mut headers = Headers::new();
            headers.push(HeaderName::RAck, text);
            headers.push(HeaderName::RSeq, text);
            assert!(headers.rack().is_err(), "{text}");
            assert_eq!(headers.rseq().is_err(), text != "1", "{text}");
        }
    }
}
