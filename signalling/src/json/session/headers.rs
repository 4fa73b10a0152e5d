//! Headers of calls: what a page says with its own, and what it is told of those of others.

use std::collections::BTreeMap;

use crate::adapter::{Header, HeaderChange};
use crate::json::protocol::Fault;
use crate::sip::message::HeaderName;
use crate::sip::passing::{HEADERS_MAX, HeaderRange, VALUE_MAX, allows};

/// Longest name that a page may say, in octets. Chosen by us: no registered one has half of it.
const NAME_MAX: usize = 64;

/// What a page says with its call. It is told what it may not say, and where; what the callee's side does not take is left
/// out there.
pub(super) fn said<'h>(
    written: impl Iterator<Item = (&'h String, &'h String)>,
    allowed: &[HeaderRange],
) -> Result<Vec<Header>, Fault> {
    let headers = written.take(HEADERS_MAX + 1).map(|(name, value)| header(name, value, allowed));
    let headers: Vec<_> = headers.collect::<Result<_, _>>()?;
    if headers.len() > HEADERS_MAX {
        return Err(Fault::of_field("headers", format!("params.headers: must be {HEADERS_MAX} at most")));
    }
    Ok(headers)
}

fn header(name: &str, value: &str, allowed: &[HeaderRange]) -> Result<Header, Fault> {
    if name.len() > NAME_MAX || !HeaderName::is_name(name) {
        let shown: String = name.chars().take(NAME_MAX).filter(|letter| !letter.is_control()).collect();
        let problem =
            format!("params.headers: {shown:?} is no name of a header, of {NAME_MAX} octets at most");
        return Err(Fault::of_field("headers", problem));
    }
    let problem = if !allows(allowed, name) {
        "is none that pages may say (json.headers_allow)".to_owned()
    } else if value.len() > VALUE_MAX || value.contains(char::is_control) {
        format!("must be one line of {VALUE_MAX} octets at most")
    } else {
        return Ok(Header { name: name.to_owned(), value: value.trim().to_owned() });
    };
    let field = format!("headers.{name}");
    Err(Fault::of_field(&field, format!("params.{field}: {problem}")))
}

/// What a page is told with a call that comes in: what goes along with it as far as pages are told, and what the dial plan
/// says in its place.
pub(super) fn told(
    passed: Vec<Header>,
    changes: Vec<HeaderChange>,
    allowed: &[HeaderRange],
) -> BTreeMap<String, String> {
    let mut told = BTreeMap::<String, String>::new();
    for Header { name, value } in passed.into_iter().filter(|header| allows(allowed, &header.name)) {
        // RFC 3261 7.3.1: several of one name are one with all their values.
        let known = told.keys().find(|known| is_same(known, &name)).cloned();
        let values = told.entry(known.unwrap_or(name)).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(&value);
    }
    for HeaderChange { name, value } in changes {
        told.retain(|known, _| !is_same(known, &name));
        if let Some(value) = value {
            told.insert(name, value);
        }
    }
    told
}

/// Names are compared without case, and short forms are the same (RFC 3261 7.3.3).
fn is_same(one: &str, other: &str) -> bool {
    HeaderName::from(one) == HeaderName::from(other)
}
