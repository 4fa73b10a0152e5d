//! `;name=value` parameters of header fields (RFC 3261 7.3.1) and URIs (19.1.1), kept as their text.

use std::fmt;

use super::chars::{find_outside, is_clean, is_token, is_uri_param, quoted_len, split_outside, unescape};
use super::{ByteString, SyntaxError};

/// An ordered list of parameters. Names are compared without case; values stand as they came.
#[derive(Clone, Default)]
pub struct Params(ByteString);

/// Most parameters that are read. Chosen by us: real lists have some ten, and comparing two takes time
/// by the product of their lengths.
const PARAMS_MAX: usize = 64;

impl Params {
    /// Each parameter's name and, where it has one, value. A quoted value keeps its quotes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        split_outside(&self.0, b';').filter(|part| !part.is_empty()).map(name_and_value)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether a parameter of this name stands here, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    /// The value of a parameter; `None` where it is absent or bare.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?.1
    }

    /// Sets a parameter, in its old place where it was there before, else at the end.
    ///
    /// Both must be of the grammar: a name and a token, host or quoted string. Characters that end a
    /// line or a parameter are left out, so that nothing can be smuggled in; an empty value is none.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let mut text = String::with_capacity(self.0.len() + name.len() + value.map_or(0, str::len) + 2);
        let mut is_set = false;
        for (old, old_value) in self.iter() {
            if !old.eq_ignore_ascii_case(name) {
                push(&mut text, old, old_value);
            } else if !is_set {
                push(&mut text, name, value);
                is_set = true;
            }
        }
        if !is_set {
            push(&mut text, name, value);
        }
        self.0 = text.into();
    }

    /// Removes a parameter, where it is there.
    pub fn remove(&mut self, name: &str) {
        if self.has(name) {
            let mut text = String::with_capacity(self.0.len());
            for (old, value) in self.iter().filter(|(old, _)| !old.eq_ignore_ascii_case(name)) {
                push(&mut text, old, value);
            }
            self.0 = text.into();
        }
    }

    /// With one more parameter; see [`set`](Self::set).
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<&str>) -> Self {
        self.set(name, value);
        self
    }

    /// The parameters of a header field: `text`, a slice of `whole`, is empty or begins with `;`.
    pub(super) fn parse_header(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        Self::parse(whole, text, |name, value| is_token(name) && value.is_none_or(is_header_value))
    }

    /// The parameters of a URI: `text`, a slice of `whole`, is empty or begins with `;`. One that stands
    /// twice could be read in two ways, and such a URI would not even mean the same as itself (RFC 3261
    /// 19.1.1, 19.1.4).
    pub(super) fn parse_uri(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        let is_good = |name: &str, value: Option<&str>| is_uri_param(name) && value.is_none_or(is_uri_param);
        let params = Self::parse(whole, text, is_good)?;
        let is_twice = |(at, (name, _)): (usize, (&str, Option<&str>))| {
            let name = unescape(name);
            params.iter().take(at).any(|(other, _)| unescape(other).eq_ignore_ascii_case(&name))
        };
        if params.iter().enumerate().any(is_twice) {
            return Err(SyntaxError("a parameter that stands twice"));
        }
        Ok(params)
    }

    fn parse(
        whole: &ByteString,
        text: &str,
        is_good: impl Fn(&str, Option<&str>) -> bool,
    ) -> Result<Self, SyntaxError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(Self::default());
        }
        let list = text.strip_prefix(';').ok_or(SyntaxError("parameters begin with a semicolon"))?;
        for (at, part) in split_outside(list, b';').enumerate() {
            if at == PARAMS_MAX {
                return Err(SyntaxError("too many parameters"));
            }
            let (name, value) = name_and_value(part);
            if !is_good(name, value) {
                return Err(SyntaxError("bad parameter"));
            }
        }
        Ok(Self(whole.slice_ref(text)))
    }

    pub(super) fn detached(&self) -> Self {
        Self(ByteString::from(&*self.0))
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Params {}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

fn name_and_value(part: &str) -> (&str, Option<&str>) {
    match find_outside(part, b'=') {
        Some(at) => (part[..at].trim_ascii_end(), Some(part[at + 1..].trim_ascii_start())),
        None => (part, None),
    }
}

/// `gen-value`, or any other word without a separator: an IPv6 address may stand without brackets
/// (RFC 5118 4.5).
fn is_header_value(value: &str) -> bool {
    if value.starts_with('"') {
        return quoted_len(value) == Some(value.len());
    }
    !value.is_empty() && value.bytes().all(|b| b > 0x20 && b != 0x7f && !b"\"<>;,".contains(&b))
}

fn push(text: &mut String, name: &str, value: Option<&str>) {
    text.push(';');
    text.push_str(&harmless(name));
    let value = harmless(value.unwrap_or_default());
    if !value.is_empty() {
        text.push('=');
        text.push_str(&value);
    }
}

fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if is_header_value(text) && is_clean(text) {
        return text.into();
    }
    text.chars().filter(|c| *c > ' ' && *c != '\x7f' && !"\"<>;,".contains(*c)).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn header(text: &str) -> Result<Params, SyntaxError> {
        let whole = ByteString::from(text);
        Params::parse_header(&whole, &whole)
    }

    #[test]
    fn white_space_and_quotes() {
        let params = header("; tag = 98asjd8 ;\t+sip.instance=\"<urn:uuid:1;2>\";lr").unwrap();
        assert_eq!(params.get("TAG"), Some("98asjd8"));
        assert_eq!(params.get("+sip.instance"), Some("\"<urn:uuid:1;2>\""));
        assert!(params.has("lr") && params.get("lr").is_none());
        assert_eq!(params.to_string(), ";tag=98asjd8;+sip.instance=\"<urn:uuid:1;2>\";lr");
    }

    #[test]
    fn empty_and_broken_ones_are_refused() {
        for bad in [";", ";;a", ";a;", ";a=", ";=b", ";a=\"b", ";a b", ";a=b,c", "a", ";a=\"b\"c"] {
            assert!(header(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_has_an_end() {
        assert!(header(&";a".repeat(PARAMS_MAX)).is_ok());
        assert!(header(&";a".repeat(PARAMS_MAX + 1)).is_err());
    }

    #[test]
    fn set_replaces_in_place_and_adds_at_the_end() {
        let params = header(";a=1;b;a=2").unwrap().with("A", Some("3")).with("c", None);
        assert_eq!(params.to_string(), ";A=3;b;c");
    }

    #[test]
    fn nothing_can_be_smuggled_in() {
        let params = Params::default().with("tag", Some("x\r\nVia: y;evil"));
        assert_eq!(params.to_string(), ";tag=xVia:yevil");
    }
}
