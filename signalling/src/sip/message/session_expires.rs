//! Session-Expires and Min-SE, RFC 4028 4 and 5.

use std::fmt;

use super::typed::parse_seconds;
use super::{HeaderName, Headers, ParseError, SyntaxError};

/// How long a session lasts without a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub seconds: u32,
    /// Who refreshes; `None` leaves it to the other side.
    pub refresher: Option<Refresher>,
}

/// Who refreshes, as the parties of the transaction that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answers it.
    Uas,
}

impl Headers {
    /// Session-Expires, where it is given.
    ///
    /// # Errors
    /// It stands twice or breaks its grammar.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, ParseError> {
        self.optional(HeaderName::SessionExpires, |value| SessionExpires::parse(value))
    }

    /// Min-SE in seconds, where it is given.
    ///
    /// # Errors
    /// It stands twice or is no number.
    pub fn min_se(&self) -> Result<Option<u32>, ParseError> {
        self.optional(HeaderName::MinSe, |value| {
            let seconds = value.split(';').next().unwrap_or_default().trim_ascii();
            parse_seconds(seconds).ok_or(SyntaxError("no number"))
        })
    }
}

impl SessionExpires {
    fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parts = text.split(';').map(str::trim_ascii);
        let seconds = parts.next().and_then(parse_seconds).ok_or(SyntaxError("no number"))?;
        let refresher = parts.filter_map(|param| param.split_once('=')).find_map(|(name, value)| {
            let is_it = name.trim_ascii().eq_ignore_ascii_case("refresher");
            is_it.then(|| Refresher::parse(value.trim_ascii())).flatten()
        });
        Ok(Self { seconds, refresher })
    }
}

impl Refresher {
    /// What is neither word is passed over, like an unknown parameter.
    fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("uac") {
            Some(Self::Uac)
        } else if text.eq_ignore_ascii_case("uas") {
            Some(Self::Uas)
        } else {
            None
        }
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_may_name_its_refresher() {
        for (text, seconds, refresher) in [
            ("1800", 1800, None),
            ("90;refresher=uac", 90, Some(Refresher::Uac)),
            ("4000 ; Refresher = UAS ;x=y", 4000, Some(Refresher::Uas)),
            ("90;refresher=nobody", 90, None),
            ("99999999999", u32::MAX, None),
        ] {
            let mut headers = Headers::new();
            headers.push(HeaderName::from("x"), text);
            let read = headers.session_expires().expect("it is sound");
            assert_eq!(read, Some(SessionExpires { seconds, refresher }), "{text}");
        }
        assert_eq!(
            SessionExpires { seconds: 90, refresher: Some(Refresher::Uas) }.to_string(),
            "90;refresher=uas"
        );
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for text in ["", "soon", "-5", ";refresher=uac"] {
            let mut headers = Headers::new();
            headers.push(HeaderName::SessionExpires, text);
            assert!(headers.session_expires().is_err(), "{text}");
        }
    }
}
