//! SIP and SIPS URIs, RFC 3261 19.1, and others as their text.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::chars::{is_control, is_password, is_uri_header, is_user, unescape};
use super::{ByteString, Host, Params, SyntaxError};

/// A URI in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// Any other scheme, as its whole text.
    Other(ByteString),
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip`.
    Sip,
    /// `sips`: TLS on every hop.
    Sips,
}

/// A SIP or SIPS URI. Escapes stay as they came; `==` compares texts, [`matches`](Self::matches)
/// meanings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipUri {
    /// SIP or SIPS.
    pub scheme: Scheme,
    /// The user part, escaped.
    pub user: Option<ByteString>,
    /// The password, escaped; deprecated since 1999 and never used by us.
    pub password: Option<ByteString>,
    /// The host.
    pub host: Host,
    /// The port, where one is given.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: Params,
    /// What stands behind the `?`, escaped: header fields of a request to be made. Never obeyed.
    pub headers: Option<ByteString>,
}

impl Uri {
    /// Parses a URI whose parts become slices of `text`.
    ///
    /// # Errors
    /// What breaks the grammar.
    pub fn parse(text: &ByteString) -> Result<Self, SyntaxError> {
        Self::parse_slice(text, text)
    }

    /// Parses `text`, a slice of `whole`.
    pub(super) fn parse_slice(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        let (scheme, rest) = text.split_once(':').ok_or(SyntaxError("no URI scheme"))?;
        if scheme.eq_ignore_ascii_case("sip") {
            return SipUri::parse(whole, Scheme::Sip, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case("sips") {
            return SipUri::parse(whole, Scheme::Sips, rest).map(Self::Sip);
        }
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme {
            return Err(SyntaxError("bad URI scheme"));
        }
        if rest.is_empty() || rest.bytes().any(|b| b <= b' ' || is_control(b) || b"<>\"".contains(&b)) {
            return Err(SyntaxError("bad URI"));
        }
        Ok(Self::Other(whole.slice_ref(text)))
    }

    /// The SIP or SIPS URI, where it is one.
    #[must_use]
    pub const fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Other(_) => None,
        }
    }

    /// The scheme, in lower case for the two that are ours.
    #[must_use]
    pub fn scheme(&self) -> &str {
        match self {
            Self::Sip(SipUri { scheme: Scheme::Sip, .. }) => "sip",
            Self::Sip(SipUri { scheme: Scheme::Sips, .. }) => "sips",
            Self::Other(text) => text.split(':').next().unwrap_or_default(),
        }
    }

    /// Who is meant: the user part of a SIP URI or the number of a `tel` URI (RFC 3966, without
    /// parameters), escapes resolved. To compare and to show, never to route or print by.
    #[must_use]
    pub fn user_unescaped(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Sip(uri) => uri.user_unescaped(),
            Self::Other(text) => {
                let (scheme, rest) = text.split_once(':')?;
                scheme
                    .eq_ignore_ascii_case("tel")
                    .then(|| unescape(rest.split(';').next().unwrap_or_default()))
            }
        }
    }

    /// Whether both mean the same (RFC 3261 19.1.4); other schemes compare as texts.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(one), Self::Sip(two)) => one.matches(two),
            (one, two) => one == two,
        }
    }

    /// The same URI in a buffer of its own, for values that outlive their message by far.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Sip(uri) => Self::Sip(SipUri {
                scheme: uri.scheme,
                user: uri.user.as_deref().map(ByteString::from),
                password: uri.password.as_deref().map(ByteString::from),
                host: uri.host.detached(),
                port: uri.port,
                params: uri.params.detached(),
                headers: uri.headers.as_deref().map(ByteString::from),
            }),
            Self::Other(text) => Self::Other(ByteString::from(&**text)),
        }
    }
}

impl SipUri {
    /// `sip:user@host:port`. The user part is escaped as needed; an empty one is left out.
    #[must_use]
    pub fn new(user: &str, host: Host, port: Option<u16>) -> Self {
        Self {
            scheme: Scheme::Sip,
            user: (!user.is_empty()).then(|| escape_user(user).into()),
            password: None,
            host,
            port,
            params: Params::default(),
            headers: None,
        }
    }

    /// The user part, escapes resolved. To compare and to show, never to route or print by.
    #[must_use]
    pub fn user_unescaped(&self) -> Option<Cow<'_, str>> {
        self.user.as_deref().map(unescape)
    }

    /// Whom it dials: the user part, escapes resolved, since `%34` and `4` are one to RFC 3261 19.1.4; empty where
    /// there is none. Escapes that hide control characters, or no UTF-8, are left as they are.
    #[must_use]
    pub fn dialled(&self) -> Cow<'_, str> {
        let written = self.user.as_deref().unwrap_or_default();
        match unescape(written) {
            Cow::Owned(hidden)
                if hidden.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) =>
            {
                written.into()
            }
            dialled => dialled,
        }
    }

    /// The `transport` parameter.
    #[must_use]
    pub fn transport(&self) -> Option<&str> {
        self.params.get("transport")
    }

    /// The URI as a Request-URI may be: without header components and `method`, which would be
    /// orders of the peer's to us (RFC 3261 19.1.1, table 1).
    #[must_use]
    pub fn as_request_uri(&self) -> Self {
        let mut uri = self.clone();
        uri.headers = None;
        uri.params.remove("method");
        uri
    }

    /// Whether both mean the same, RFC 3261 19.1.4.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && same_text(self.user.as_deref(), other.user.as_deref())
            && same_text(self.password.as_deref(), other.password.as_deref())
            && self.host == other.host
            && self.port == other.port
            && params_match(&self.params, &other.params)
            && params_match(&other.params, &self.params)
            && headers_match(self.headers.as_deref(), other.headers.as_deref())
    }

    /// What follows the scheme; `text` is a slice of `whole`.
    fn parse(whole: &ByteString, scheme: Scheme, text: &str) -> Result<Self, SyntaxError> {
        // The user part may hold `;` and `?`, no later part may hold `@`.
        let (user_info, rest) = match memchr::memchr(b'@', text.as_bytes()) {
            Some(at) => (Some(&text[..at]), &text[at + 1..]),
            None => (None, text),
        };
        let (user, password) =
            match user_info.map(|info| info.split_once(':').map_or((info, None), |(u, p)| (u, Some(p)))) {
                None => (None, None),
                Some((user, password)) => {
                    if !is_user(user) || !password.is_none_or(is_password) {
                        return Err(SyntaxError("bad user part"));
                    }
                    (Some(whole.slice_ref(user)), password.map(|password| whole.slice_ref(password)))
                }
            };
        let (rest, headers) = match rest.split_once('?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let (host_port, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        if host_port.bytes().any(|b| b.is_ascii_whitespace()) {
            return Err(SyntaxError("white space in URI"));
        }
        let (host, port) = Host::parse_with_port(whole, host_port)?;
        if params.bytes().any(|b| b.is_ascii_whitespace()) {
            return Err(SyntaxError("white space in URI"));
        }
        let params = Params::parse_uri(whole, params)?;
        if !headers.is_none_or(are_headers) {
            return Err(SyntaxError("bad URI headers"));
        }
        Ok(Self {
            scheme,
            user,
            password,
            host,
            port,
            params,
            headers: headers.map(|text| whole.slice_ref(text)),
        })
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(uri)
    }
}

impl FromStr for Uri {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::parse(&ByteString::from(text))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Sip => "sip:",
            Scheme::Sips => "sips:",
        })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        match &self.headers {
            Some(headers) => write!(f, "?{headers}"),
            None => Ok(()),
        }
    }
}

/// Escapes what a user part may not hold as it is.
fn escape_user(user: &str) -> String {
    let mut out = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn are_headers(text: &str) -> bool {
    text.split('&').all(|header| {
        let (name, value) = header.split_once('=').unwrap_or((header, ""));
        !name.is_empty() && is_uri_header(name) && is_uri_header(value)
    })
}

/// Case counts, escapes do not. Only octets are compared: `%00` ends nothing.
fn same_text(one: Option<&str>, two: Option<&str>) -> bool {
    match (one, two) {
        (None, None) => true,
        (Some(one), Some(two)) => one == two || unescape(one) == unescape(two),
        _ => false,
    }
}

/// Every parameter of `one` is in `two` with the same value, but that most may be absent there.
fn params_match(one: &Params, two: &Params) -> bool {
    one.iter().all(|(name, value)| {
        let name = unescape(name);
        match two.iter().find(|(other, _)| unescape(other).eq_ignore_ascii_case(&name)) {
            None => {
                !["user", "ttl", "method", "maddr", "transport"].iter().any(|n| n.eq_ignore_ascii_case(&name))
            }
            Some((_, other)) => {
                unescape(value.unwrap_or_default()).eq_ignore_ascii_case(&unescape(other.unwrap_or_default()))
            }
        }
    })
}

/// Header components count always, in any order.
fn headers_match(one: Option<&str>, two: Option<&str>) -> bool {
    let sorted = |text: Option<&str>| {
        let mut list: Vec<(String, String)> = text
            .into_iter()
            .flat_map(|text| text.split('&'))
            .map(|header| header.split_once('=').unwrap_or((header, "")))
            .map(|(name, value)| (unescape(name).to_ascii_lowercase(), unescape(value).into_owned()))
            .collect();
        list.sort();
        list
    };
    sorted(one) == sorted(two)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn uris_that_mean_the_same() {
        for (one, two) in [
            ("sip:%61lice@example.com", "sip:alice@example.com"),
            ("sip:alice@EXAMPLE.com", "sip:alice@example.com"),
            ("sip:alice@example.com;Transport=TCP", "sip:alice@example.com;transport=tcp"),
            ("sip:bob@example.com;new=1", "sip:bob@example.com"),
            ("sip:bob@example.com;a=1;b", "sip:bob@example.com;b;c=3;a=1"),
            ("sip:bob@example.com;a%62c=%31", "sip:bob@example.com;abc=1"),
            ("sip:bob@example.com?b=2&a=1", "sip:bob@example.com?a=1&B=2"),
            ("sip:bob@[2001:DB8::0:1]", "sip:bob@[2001:db8::1]"),
            ("tel:+81", "tel:+81"),
        ] {
            assert!(uri(one).matches(&uri(two)), "{one} {two}");
            assert!(uri(two).matches(&uri(one)), "{two} {one}");
        }
    }

    #[test]
    fn uris_that_mean_something_else() {
        for (one, two) in [
            ("sip:ALICE@example.com", "sip:alice@example.com"),
            ("sip:alice@example.com", "sip:alice@example.com:5060"),
            ("sip:alice@example.com", "sips:alice@example.com"),
            ("sip:alice@example.com", "sip:example.com"),
            ("sip:alice:pw@example.com", "sip:alice@example.com"),
            ("sip:bob@example.com", "sip:bob@example.com;transport=udp"),
            ("sip:bob@example.com;maddr=192.0.2.1", "sip:bob@example.com"),
            ("sip:bob@example.com;a=1", "sip:bob@example.com;a=2"),
            ("sip:bob@example.com", "sip:bob@example.com?subject=x"),
            ("sip:bob@example.com", "sip:bob@192.0.2.4"),
            ("sip:%00@example.com", "sip:%00%00@example.com"),
            ("tel:+81", "tel:+82"),
            ("tel:+81", "sip:+81@example.com"),
        ] {
            assert!(!uri(one).matches(&uri(two)), "{one} {two}");
            assert!(!uri(two).matches(&uri(one)), "{two} {one}");
        }
    }

    #[test]
    fn a_parameter_that_stands_twice_is_none() {
        for bad in
            ["sip:bob@example.com;a=1;b;a=2", "sip:bob@example.com;lr;LR", "sip:bob@example.com;ab;a%62"]
        {
            assert!(bad.parse::<Uri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_parts_of_a_uri() {
        let Uri::Sip(uri) = uri("sip:a;b=c?d%40:p&w@[::1]:5061;lr;transport=ws?x=y") else { panic!("SIP") };
        assert_eq!(uri.user.as_deref(), Some("a;b=c?d%40"));
        assert_eq!(uri.user_unescaped().as_deref(), Some("a;b=c?d@"));
        assert_eq!(uri.password.as_deref(), Some("p&w"));
        assert_eq!((uri.host.to_string(), uri.port), ("[::1]".into(), Some(5061)));
        assert_eq!(uri.transport(), Some("ws"));
        assert_eq!(uri.headers.as_deref(), Some("x=y"));
        assert_eq!(uri.to_string(), "sip:a;b=c?d%40:p&w@[::1]:5061;lr;transport=ws?x=y");
        assert_eq!(uri.as_request_uri().to_string(), "sip:a;b=c?d%40:p&w@[::1]:5061;lr;transport=ws");
    }

    #[test]
    fn a_made_uri_escapes_its_user() {
        let uri = SipUri::new("a b@c%", Host::from_str("example.com").unwrap(), None);
        assert_eq!(uri.to_string(), "sip:a%20b%40c%25@example.com");
        assert_eq!(uri.user_unescaped().as_deref(), Some("a b@c%"));
    }

    #[test]
    fn what_is_dialled_has_no_escapes_but_those_that_hide_what_no_number_has() {
        for (written, dialled) in [
            ("sip:*21%23@a", "*21#"),
            ("sip:%2B49%33@a", "+493"),
            ("sip:a", ""),
            ("sip:1%0d%0aX@a", "1%0d%0aX"),
            ("sip:1%00@a", "1%00"),
            ("sip:1%ff@a", "1%ff"),
        ] {
            let Uri::Sip(uri) = uri(written) else { panic!("SIP") };
            assert_eq!(uri.dialled(), dialled);
        }
    }

    #[test]
    fn whose_number_a_telephone_uri_is() {
        assert_eq!(uri("tel:+81-3;ext=5").user_unescaped().as_deref(), Some("+81-3"));
        assert_eq!(uri("urn:isbn:1").user_unescaped(), None);
    }
}
