//! Hosts as tokens name them: compared with those that a key may name, and resolved by nobody here.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a host, RFC 1035 2.3.4.
const NAME_MAX: usize = 253;

/// A host by name or address; names in lower case, addresses in one form, so that equal ones are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// A host, and a port where one is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort {
    /// The host.
    pub host: HostName,
    /// The port.
    pub port: Option<u16>,
}

/// The text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no name or address of a host")]
pub struct HostError;

impl HostName {
    /// The name, or the address without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match inner.unwrap_or(text).parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) if inner.is_some() => Err(HostError),
            Ok(address) => Ok(Self(address.to_canonical().to_string())),
            Err(_) if is_name(text) => Ok(Self(text.to_ascii_lowercase())),
            Err(_) => Err(HostError),
        }
    }
}

/// Letters, digits, hyphens and, since such names exist, underscores.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.len() <= NAME_MAX && text.split('.').all(is_label)
}

impl FromStr for HostPort {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if let Ok(host) = text.parse() {
            return Ok(Self { host, port: None });
        }
        let (host, port) = text.rsplit_once(':').ok_or(HostError)?;
        // An IPv6 address without brackets would lose its end to the port.
        let host = if host.contains(':') && !host.starts_with('[') { return Err(HostError) } else { host };
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port != 0).ok_or(HostError)?;
        Ok(Self { host: host.parse()?, port: Some(port) })
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(&self.0) }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

impl TryFrom<String> for HostName {
    type Error = HostError;

    fn try_from(text: String) -> Result<Self, HostError> {
        text.parse()
    }
}

impl TryFrom<String> for HostPort {
    type Error = HostError;

    fn try_from(text: String) -> Result<Self, HostError> {
        text.parse()
    }
}

impl From<HostName> for String {
    fn from(host: HostName) -> Self {
        host.to_string()
    }
}

impl From<HostPort> for String {
    fn from(peer: HostPort) -> Self {
        peer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_in_many_ways_and_are_the_same() {
        let host = |text: &str| text.parse::<HostName>().expect("a host");
        assert_eq!(host("SIP.Example.NET"), host("sip.example.net"));
        assert_eq!(host("[2001:DB8:0::1]"), host("2001:db8::1"));
        assert_eq!(host("::ffff:192.0.2.7"), host("192.0.2.7"));
        assert_eq!(host("2001:db8::1").to_string(), "[2001:db8::1]");
    }

    #[test]
    fn a_port_may_stand_behind_a_host() {
        for (text, host, port) in [
            ("sip.example.net", "sip.example.net", None),
            ("sip.example.net:5070", "sip.example.net", Some(5070)),
            ("192.0.2.7:5060", "192.0.2.7", Some(5060)),
            ("[2001:db8::1]:5061", "2001:db8::1", Some(5061)),
            ("2001:db8::1", "2001:db8::1", None),
        ] {
            let peer: HostPort = text.parse().expect(text);
            assert_eq!((peer.host.as_str(), peer.port), (host, port), "{text}");
            assert_eq!(peer.to_string().parse(), Ok(peer));
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "a..b",
            "a b",
            "sip:a",
            "a:b",
            "a:0",
            "a:+5",
            "a:70000",
            "[192.0.2.7]",
            "[::1",
            "a/b",
            "a\r\nb",
            "user@a",
            "ä.example",
            "a:",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text:?}");
        }
        assert!("a".repeat(NAME_MAX + 1).parse::<HostName>().is_err());
    }
}
