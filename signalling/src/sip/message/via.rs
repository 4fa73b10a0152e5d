//! Via, RFC 3261 20.42, with `rport` (RFC 3581) and the IPv6 rules of RFC 5118 4.5.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::chars::is_token;
use super::host::parse_v6;
use super::{ByteString, Host, Params, SyntaxError};
use crate::sip::flow::TransportKind;

/// One hop of a request's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// The transport's name: `UDP`, `WSS`, or one that we do not speak.
    pub transport: ByteString,
    /// Where the hop says it sent from.
    pub host: Host,
    /// The port that it wants responses at; `None` is the transport's default.
    pub port: Option<u16>,
    /// Its parameters.
    pub params: Params,
}

/// What every branch of RFC 3261 begins with (8.1.1.7).
const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// Our own hop, asking for `rport`.
    #[must_use]
    pub fn new(transport: TransportKind, host: Host, port: Option<u16>, branch: &str) -> Self {
        Self {
            transport: ByteString::from_static(transport.via_name()),
            host,
            port,
            params: Params::default().with("branch", Some(branch)).with("rport", None),
        }
    }

    /// The transaction's name.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// The branch, where it is unique as RFC 3261 demands: the magic cookie with something behind it.
    #[must_use]
    pub fn unique_branch(&self) -> Option<&str> {
        self.branch().filter(|branch| branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE))
    }

    /// The address that the request came from, as the next hop saw it, with or without brackets.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        if let Ok(ip) = text.parse() {
            return Some(ip);
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        parse_v6(inner).map(IpAddr::V6)
    }

    /// Whether the hop asks for the source port, or got it.
    #[must_use]
    pub fn has_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The port that the request came from, as the next hop saw it.
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport")?.parse().ok()
    }

    /// Notes where the request came from (RFC 3261 18.2.1, RFC 3581 4): `received` always, so that a
    /// forged one is overwritten, `rport` where it was asked for.
    pub fn stamp(&mut self, source: SocketAddr) {
        self.params.set("received", Some(&source.ip().to_canonical().to_string()));
        if self.has_rport() {
            self.params.set("rport", Some(&source.port().to_string()));
        }
    }

    /// Parses `text`, a slice of `whole`.
    pub(super) fn parse(whole: &ByteString, text: &str) -> Result<Self, SyntaxError> {
        const SYNTAX: SyntaxError = SyntaxError("no sent-protocol");
        let (name, rest) = text.split_once('/').ok_or(SYNTAX)?;
        let (version, rest) = rest.split_once('/').ok_or(SYNTAX)?;
        if !name.trim_ascii().eq_ignore_ascii_case("SIP") || version.trim_ascii() != "2.0" {
            return Err(SyntaxError("not SIP/2.0"));
        }
        let rest = rest.trim_ascii_start();
        let transport_end = rest.find([' ', '\t']).ok_or(SyntaxError("no sent-by"))?;
        let (transport, rest) = rest.split_at(transport_end);
        if !is_token(transport) {
            return Err(SyntaxError("bad transport"));
        }
        let (sent_by, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
        let (host, port) = Host::parse_with_port(whole, sent_by.trim_ascii())?;
        let params = Params::parse_header(whole, params)?;
        Ok(Self { transport: whole.slice_ref(transport), host, port, params })
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn via(text: &str) -> Via {
        let whole = ByteString::from(text);
        Via::parse(&whole, &whole).unwrap()
    }

    #[test]
    fn where_it_came_from_is_noted_over_what_was_claimed() {
        let mut via = via("SIP/2.0/UDP pc.example:5070;received=192.0.2.66;rport=1;branch=z9hG4bK1");
        via.stamp("198.51.100.7:4321".parse().unwrap());
        assert_eq!(
            via.to_string(),
            "SIP/2.0/UDP pc.example:5070;received=198.51.100.7;rport=4321;branch=z9hG4bK1"
        );
        assert_eq!((via.received(), via.rport()), (Some([198, 51, 100, 7].into()), Some(4321)));
    }

    #[test]
    fn the_port_is_noted_only_where_asked_for() {
        let mut via = via("SIP/2.0/TCP pc.example;branch=z9hG4bK1");
        via.stamp("[::ffff:198.51.100.7]:4321".parse().unwrap());
        assert_eq!(via.to_string(), "SIP/2.0/TCP pc.example;branch=z9hG4bK1;received=198.51.100.7");
    }

    #[test]
    fn a_branch_is_unique_behind_the_cookie() {
        assert_eq!(via("SIP/2.0/UDP h;branch=z9hG4bKx").unique_branch(), Some("z9hG4bKx"));
        assert_eq!(via("SIP/2.0/UDP h;branch=z9hG4bK").unique_branch(), None);
        assert_eq!(via("SIP/2.0/UDP h;branch=1").unique_branch(), None);
        assert_eq!(via("SIP/2.0/UDP h").unique_branch(), None);
    }

    #[test]
    fn our_own() {
        let via = Via::new(TransportKind::Wss, "192.0.2.1".parse().unwrap(), Some(8443), "z9hG4bKq");
        assert_eq!(via.to_string(), "SIP/2.0/WSS 192.0.2.1:8443;branch=z9hG4bKq;rport");
    }
}
