//! The header fields of a message, in their order.

use super::chars::{find_outside, is_clean, is_control, is_token};
use super::{ByteString, HeaderName, NameAddr, StatusCode, Via};

/// One header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: HeaderName,
    /// Its value, unfolded and trimmed.
    pub value: ByteString,
}

/// The header fields of a message, in their order.
///
/// Content-Length is not among them: the parser takes it out after it obeyed it, and the printer
/// writes it from the body. Values cannot end a line: what is pushed here has its control characters
/// replaced by spaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No header field.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&str> {
        self.value(name).map(|value| &**value)
    }

    /// The values of all fields of this name, in their order; each may be a list.
    pub fn get_all<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a str> {
        self.values(name).map(|value| &**value)
    }

    /// Whether a field of this name is here.
    #[must_use]
    pub fn has(&self, name: &HeaderName) -> bool {
        self.value(name).is_some()
    }

    /// All fields, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Header> {
        self.0.iter()
    }

    /// How many fields there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: HeaderName, value: impl Into<ByteString>) {
        if let Some(header) = checked(name, value.into()) {
            self.add(header);
        }
    }

    /// Adds a field before all others.
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<ByteString>) {
        if let Some(header) = checked(name, value.into()) {
            self.0.insert(0, header);
        }
    }

    /// Leaves one field of this name: in the place of the first, or at the end.
    pub fn set(&mut self, name: HeaderName, value: impl Into<ByteString>) {
        let Some(header) = checked(name, value.into()) else { return };
        match self.0.iter().position(|old| old.name == header.name) {
            None => self.add(header),
            Some(first) => {
                let mut at = 0;
                self.0.retain(|old| {
                    at += 1;
                    at == first + 1 || old.name != header.name
                });
                self.0[first] = header;
            }
        }
    }

    /// Removes all fields of this name.
    pub fn remove(&mut self, name: &HeaderName) {
        self.0.retain(|header| header.name != *name);
    }

    /// Replaces the topmost Via, leaving the others of a list in one field as they are.
    pub fn set_top_via(&mut self, via: &Via) {
        let Some(field) = self.0.iter_mut().find(|header| header.name == HeaderName::Via) else {
            return self.push_front(HeaderName::Via, via.to_string());
        };
        let others = find_outside(&field.value, b',').map_or("", |comma| &field.value[comma..]);
        if let Some(header) = checked(HeaderName::Via, format!("{via}{others}").into()) {
            *field = header;
        }
    }

    /// The fields that a response takes over from its request (RFC 3261 8.2.6): Via, From, To,
    /// Call-ID, CSeq, and Timestamp into a 100.
    pub(super) fn for_response(&self, status: StatusCode) -> Self {
        let is_copied = |header: &&Header| match header.name {
            HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => {
                true
            }
            HeaderName::Timestamp => status == StatusCode::TRYING,
            _ => false,
        };
        Self(self.0.iter().filter(is_copied).cloned().collect())
    }

    /// Adds a tag to To, where it can be read and has none.
    pub(super) fn tag_to(&mut self, tag: &str) {
        let Some(field) = self.0.iter_mut().find(|header| header.name == HeaderName::To) else { return };
        if let Ok(to) = NameAddr::parse(&field.value)
            && to.tag().is_none()
            && is_token(tag)
        {
            field.value = format!("{};tag={tag}", field.value).into();
        }
    }

    /// Requests are kept as long as calls ring: there is room for a few more fields, and not for as many again.
    fn add(&mut self, header: Header) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(4);
        }
        self.0.push(header);
    }

    /// Gives back the room for more fields: it is kept as it is.
    pub(in crate::sip) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Adds a field whose text the parser has already checked.
    pub(super) fn push_parsed(&mut self, name: HeaderName, value: ByteString) {
        self.0.push(Header { name, value });
    }

    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(super) fn value(&self, name: &HeaderName) -> Option<&ByteString> {
        self.0.iter().find(|header| header.name == *name).map(|header| &header.value)
    }

    pub(super) fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a ByteString> {
        self.0.iter().filter(move |header| header.name == *name).map(|header| &header.value)
    }
}

/// A field fit to be printed; `None` for Content-Length, which the printer owns, and for a name that
/// is no token.
fn checked(name: HeaderName, value: ByteString) -> Option<Header> {
    let name = match name {
        HeaderName::Other(text) => HeaderName::known(&text).unwrap_or(HeaderName::Other(text)),
        known => known,
    };
    if name == HeaderName::ContentLength || !is_token(name.as_str()) {
        return None;
    }
    let trimmed = value.trim_ascii();
    let value = if !is_clean(trimmed) {
        let spaced: String =
            trimmed.chars().map(|c| if c.is_ascii() && is_control(c as u8) { ' ' } else { c }).collect();
        spaced.trim_ascii().into()
    } else if trimmed.len() == value.len() {
        value
    } else {
        value.slice_ref(trimmed)
    };
    Some(Header { name, value })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn nothing_pushed_can_end_a_line() {
        let mut headers = Headers::new();
        headers.push(HeaderName::Subject, "hello\r\nVia: evil\0");
        assert_eq!(headers.get(&HeaderName::Subject), Some("hello  Via: evil"));
        headers.push(HeaderName::from("X-Bad:\r\nVia"), "evil");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn a_quoted_pair_may_be_any_character_but_a_line_end() {
        let mut headers = Headers::new();
        headers.push(HeaderName::To, "\"NUL:\\\0\" <sip:a@b>");
        assert_eq!(headers.get(&HeaderName::To), Some("\"NUL:\\\0\" <sip:a@b>"));
        headers.set(HeaderName::To, "\"CR:\\\r\" <sip:a@b>");
        assert_eq!(headers.get(&HeaderName::To), Some("\"CR:\\ \" <sip:a@b>"));
    }

    #[test]
    fn set_keeps_the_first_place_and_drops_the_rest() {
        let mut headers = Headers::new();
        for (name, value) in [("Route", "<sip:1>"), ("Subject", "x"), ("Route", "<sip:2>")] {
            headers.push(name.into(), value);
        }
        headers.set(HeaderName::Route, "<sip:3>");
        let all: Vec<_> = headers.iter().map(|h| (h.name.to_string(), h.value.to_string())).collect();
        assert_eq!(all, [("Route".into(), "<sip:3>".into()), ("Subject".into(), "x".into())]);
    }

    #[test]
    fn the_top_via_of_a_list_is_replaced_alone() {
        let mut headers = Headers::new();
        headers.push(HeaderName::Via, "SIP/2.0/UDP one;branch=z9hG4bK1 , SIP/2.0/UDP two");
        let mut via = headers.via().unwrap();
        via.params.set("rport", Some("7"));
        headers.set_top_via(&via);
        assert_eq!(
            headers.get(&HeaderName::Via),
            Some("SIP/2.0/UDP one;branch=z9hG4bK1;rport=7, SIP/2.0/UDP two")
        );
    }
}
