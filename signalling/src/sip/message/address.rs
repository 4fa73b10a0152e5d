//! `name-addr` and `addr-spec` with header parameters: From, To, Contact, Route (RFC 3261 20).

use std::fmt;
use std::str::FromStr;

use super::chars::{find_outside, is_clean, is_control, quoted_len};
use super::{ByteString, Params, SyntaxError, Uri};

/// A URI with the name shown for it and the parameters of its header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes and escapes; `None` where there is none.
    pub display_name: Option<ByteString>,
    /// The URI.
    pub uri: Uri,
    /// Parameters of the header field, not of the URI.
    pub params: Params,
}

/// What Contact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: all bindings, to be removed.
    Star,
    /// Addresses, none where the field is absent.
    List(Vec<NameAddr>),
}

impl NameAddr {
    /// An address without display name and parameters.
    #[must_use]
    pub fn new(uri: impl Into<Uri>) -> Self {
        Self { display_name: None, uri: uri.into(), params: Params::default() }
    }

    /// With a display name; an empty one is none.
    #[must_use]
    pub fn with_display_name(mut self, name: &str) -> Self {
        self.display_name = (!name.is_empty()).then(|| name.into());
        self
    }

    /// With a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }

    /// Parses one address whose parts become slices of `text`.
    ///
    /// # Errors
    /// What breaks the grammar.
    pub fn parse(text: &ByteString) -> Result<Self, SyntaxError> {
        Self::parse_slice(text, text)
    }

    /// Parses `text`, a slice of `whole`.
    pub(super) fn parse_slice(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        let text = text.trim_ascii();
        let (display_name, rest) = if text.starts_with('"') {
            let len = quoted_len(text).ok_or(SyntaxError("quoted string is not closed"))?;
            let (quoted, rest) = text.split_at(len);
            let rest = rest.trim_ascii_start();
            if !rest.starts_with('<') {
                return Err(SyntaxError("no address behind the display name"));
            }
            (Some(unquote(whole, quoted)), rest)
        } else if let Some(bracket) = memchr::memchr(b'<', text.as_bytes()) {
            let (name, rest) = text.split_at(bracket);
            let name = name.trim_ascii_end();
            // More than the tokens of the grammar: letters of all scripts come unquoted too. What
            // would change the structure stays forbidden.
            if name.bytes().any(|b| b"\\\",;:@>".contains(&b) || is_control(b)) {
                return Err(SyntaxError("bad display name"));
            }
            ((!name.is_empty()).then(|| whole.slice_ref(name)), rest)
        } else {
            return Self::parse_addr_spec(whole, text);
        };
        let inner = &rest[1..];
        let end = memchr::memchr(b'>', inner.as_bytes()).ok_or(SyntaxError("angle bracket is not closed"))?;
        // White space inside the brackets is not in the grammar; its sense is plain.
        let uri = Uri::parse_slice(whole, inner[..end].trim_ascii())?;
        let params = Params::parse_header(whole, &inner[end + 1..])?;
        Ok(Self { display_name, uri, params })
    }

    /// Without brackets, all parameters are the header's (RFC 3261 20.10), and a URI with `?`, `,` or
    /// `;` in it needs brackets (20).
    fn parse_addr_spec(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        let (uri, params) = text.split_at(text.find(';').unwrap_or(text.len()));
        if uri.contains(['?', ',']) {
            return Err(SyntaxError("URI must be in angle brackets"));
        }
        let uri = Uri::parse_slice(whole, uri.trim_ascii_end())?;
        let params = Params::parse_header(whole, params)?;
        Ok(Self { display_name: None, uri, params })
    }

    /// The same address in buffers of its own, for values that outlive their message by far.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            display_name: self.display_name.as_deref().map(ByteString::from),
            uri: self.uri.detached(),
            params: self.params.detached(),
        }
    }
}

impl FromStr for NameAddr {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        if !is_clean(text) {
            return Err(SyntaxError("control character in address"));
        }
        Self::parse(&ByteString::from(text))
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.display_name {
            f.write_str("\"")?;
            for c in name.chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    // A line end cannot be quoted.
                    '\r' | '\n' => f.write_str(" ")?,
                    c if c.is_ascii() && is_control(c as u8) => write!(f, "\\{c}")?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// The text of a quoted string.
fn unquote(whole: &ByteString, quoted: &str) -> ByteString {
    let inner = &quoted[1..quoted.len() - 1];
    if !inner.contains('\\') {
        return whole.slice_ref(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out.into()
}

/// Parses a comma-separated list of addresses.
pub(super) fn parse_list(whole: &ByteString, out: &mut Vec<NameAddr>) -> Result<(), SyntaxError> {
    let mut rest = &**whole;
    loop {
        let comma = find_outside(rest, b',');
        out.push(NameAddr::parse_slice(whole, &rest[..comma.unwrap_or(rest.len())])?);
        match comma {
            Some(comma) => rest = &rest[comma + 1..],
            None => return Ok(()),
        }
    }
}
