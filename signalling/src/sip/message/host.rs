//! `host` and `hostport` of RFC 3261 25.1, with the IPv6 rules of RFC 5118.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::chars::is_host_name;
use super::{ByteString, SyntaxError};

/// A host, by name or address.
#[derive(Debug, Clone)]
pub enum Host {
    /// A name; compared without case.
    Domain(ByteString),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, in brackets in text.
    V6(Ipv6Addr),
}

impl Host {
    /// The address, where it is one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Domain(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// Parses a host; `text` is a slice of `whole`.
    pub(super) fn parse(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(SyntaxError("IPv6 reference is not closed"))?;
            return parse_v6(inner).map(Self::V6).ok_or(SyntaxError("bad IPv6 reference"));
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self::V4(ip));
        }
        if is_host_name(text) {
            Ok(Self::Domain(whole.slice_ref(text)))
        } else {
            Err(SyntaxError("bad host"))
        }
    }

    /// Parses `host [":" port]`; white space around the colon is that of a Via.
    pub(super) fn parse_with_port(
        whole: &ByteString,
        text: &str,
    ) -> Result<(Self, Option<u16>), SyntaxError> {
        let host_end = match text.find(']') {
            Some(bracket) if text.starts_with('[') => bracket + 1,
            _ => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(host_end);
        let host = Self::parse(whole, host.trim_ascii_end())?;
        let rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok((host, None));
        }
        let port = rest.strip_prefix(':').ok_or(SyntaxError("bad port"))?.trim_ascii_start();
        Ok((host, Some(parse_port(port)?)))
    }

    pub(super) fn detached(&self) -> Self {
        match self {
            Self::Domain(name) => Self::Domain(ByteString::from(&**name)),
            ip => ip.clone(),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Domain(one), Self::Domain(two)) => one.eq_ignore_ascii_case(two),
            (one, two) => one.ip().is_some() && one.ip() == two.ip(),
        }
    }
}

impl Eq for Host {}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl FromStr for Host {
    type Err = SyntaxError;

    /// An IPv6 address may come without brackets: there is no port that it could be mistaken for.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        match text.parse::<IpAddr>() {
            Ok(ip) => Ok(ip.into()),
            Err(_) => {
                let whole = ByteString::from(text);
                Self::parse(&whole, &whole)
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(name) => f.write_str(name),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

/// An IPv6 address without brackets. Three colons in a row, which the grammar of RFC 3261 led to,
/// count as two (RFC 5118 4.10).
pub(super) fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    text.contains(":::").then(|| text.replacen(":::", "::", 1).parse().ok()).flatten()
}

fn parse_port(text: &str) -> Result<u16, SyntaxError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SyntaxError("bad port"));
    }
    text.parse().map_err(|_| SyntaxError("port out of range"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<(Host, Option<u16>), SyntaxError> {
        let whole = ByteString::from(text);
        Host::parse_with_port(&whole, &whole)
    }

    #[test]
    fn brackets_part_address_and_port() {
        let with_port = parse("[2001:db8::10]:5070").unwrap();
        assert_eq!(with_port, (Host::V6("2001:db8::10".parse().unwrap()), Some(5070)));
        let without = parse("[2001:db8::10:5070]").unwrap();
        assert_eq!(without, (Host::V6("2001:db8::10:5070".parse().unwrap()), None));
    }

    #[test]
    fn an_ipv6_address_without_brackets_is_refused() {
        assert!(parse("2001:db8::10").is_err());
    }

    #[test]
    fn three_colons_count_as_two() {
        assert_eq!(parse("[2001:db8:::192.0.2.1]"), parse("[2001:db8::192.0.2.1]"));
        assert!(parse("[2001::db8:::1]").is_err());
    }

    #[test]
    fn names_compare_without_case() {
        assert_eq!(parse("Example.COM:5060"), parse("example.com:5060"));
        assert_ne!(parse("example.com"), parse("example.org"));
    }

    #[test]
    fn a_host_by_itself_needs_no_brackets() {
        assert_eq!(Host::from_str("::1"), Host::from_str("[::1]"));
        assert_eq!(Host::from_str("Example.com").unwrap().to_string(), "Example.com");
        assert!(Host::from_str("example.com:5060").is_err());
    }

    #[test]
    fn bad_hosts_and_ports() {
        for bad in ["", ":5060", "a b", "host:", "host:x", "host:65536", "host:-1", "[::1", "[::1]x", "::1]"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
