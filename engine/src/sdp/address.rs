//! Addresses as descriptions write them: an IP address, or a name that nobody here resolves.

use std::fmt;
use std::net::IpAddr;

/// An address or a host name.
///
/// Names (`.local` ones of browsers, too) stay names: a lookup steered by a peer's description would
/// be a lookup steered by a stranger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Ip(IpAddr),
    /// A host name, at most 255 characters.
    Name(String),
}

/// The value of `a=rtcp` (RFC 3605 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RtcpAddress {
    /// Where RTCP is wanted.
    pub port: u16,
    /// On another host than the media's.
    pub host: Option<Host>,
}

impl Host {
    /// The host of that text; `None` where it is neither an address nor a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Ip(address));
        }
        let is_name = (1..=NAME_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        is_name.then(|| Self::Name(text.to_owned()))
    }

    /// Parses `IN IP4 host` as `c=`, `o=` and `a=rtcp` have it. A multicast scope behind the address is dropped.
    /// The address decides its family: peers that write `IP4` before an IPv6 literal exist.
    pub(super) fn parse_network(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (network, family, address) = (words.next()?, words.next()?, words.next()?);
        let is_known = network.eq_ignore_ascii_case("IN")
            && (family.eq_ignore_ascii_case("IP4") || family.eq_ignore_ascii_case("IP6"));
        if !is_known || words.next().is_some() {
            return None;
        }
        Self::parse(address.split('/').next().unwrap_or(address))
    }

    /// Prints as `IN IP4 host`.
    pub(super) const fn network(&self) -> Network<'_> {
        Network(self)
    }
}

/// A host with its network and address family before it.
pub(super) struct Network<'h>(&'h Host);

impl fmt::Display for Network<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self.0 {
            Host::Ip(IpAddr::V6(_)) => "IP6",
            Host::Ip(IpAddr::V4(_)) | Host::Name(_) => "IP4",
        };
        write!(f, "IN {family} {}", self.0)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl RtcpAddress {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (port, rest) = text.split_once(' ').unwrap_or((text, ""));
        let host = if rest.trim().is_empty() { None } else { Some(Host::parse_network(rest)?) };
        Some(Self { port: port.parse().ok()?, host })
    }
}

impl fmt::Display for RtcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        match &self.host {
            Some(host) => write!(f, " {}", host.network()),
            None => Ok(()),
        }
    }
}

/// The longest host name of the DNS (RFC 1035 2.3.4).
const NAME_LENGTH_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_and_names_are_read() {
        for text in ["IN IP4 192.0.2.1", "IN IP6 2001:db8::9", "IN IP4 host.example.com"] {
            let host = Host::parse_network(text).expect("valid");
            assert_eq!(host.network().to_string(), text);
        }
        assert_eq!(Host::parse_network("IN IP4 233.252.0.1/127"), Host::parse_network("IN IP4 233.252.0.1"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "IN IP4", "ATM NSAP 47.0091", "IN IP4 a b", "IN IP4 fe80::1%eth0", "IN IP4 <x>"] {
            assert_eq!(Host::parse_network(text), None, "{text}");
        }
    }

    #[test]
    fn rtcp_port_may_stand_alone() {
        for text in ["53020", "53020 IN IP4 192.0.2.4", "53020 IN IP6 2001:db8::4"] {
            assert_eq!(RtcpAddress::parse(text).expect("valid").to_string(), text);
        }
        assert_eq!(RtcpAddress::parse("65536"), None);
    }
}
