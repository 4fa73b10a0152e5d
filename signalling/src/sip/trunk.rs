//! Trunks: the peers that carry calls to and from the rest of the world.
//!
//! A trunk is configured, not registered. Calls go to its host; calls come from its networks.

use std::fmt;
use std::net::IpAddr;

use super::flow::{Flow, TransportKind};
use super::transport::Network;

/// One trunk.
#[derive(Debug, Clone)]
pub struct TrunkConfig {
    /// Its name in rules and logs.
    pub name: String,
    /// Where calls go: a name or an address.
    pub host: String,
    /// The port there; `None` is the transport's default (RFC 3261 19.1.2).
    pub port: Option<u16>,
    /// How it is reached; not WebSocket.
    pub transport: TransportKind,
    /// Where its calls come from. Empty: it may not call us.
    pub source_networks: Vec<Network>,
    /// What we answer its challenges with.
    pub credentials: Option<TrunkCredentials>,
}

/// Our account at a trunk.
#[derive(Clone)]
pub struct TrunkCredentials {
    /// Its name.
    pub username: String,
    /// Its password; never shown.
    pub password: String,
    /// The only realm whose challenges are answered; `None` keeps to the first one that this trunk asks for.
    pub realm: Option<String>,
}

/// All trunks.
#[derive(Debug, Clone, Default)]
pub struct Trunks {
    trunks: Vec<TrunkConfig>,
}

impl TrunkConfig {
    /// The port that calls go to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.transport.is_secure() { 5061 } else { 5060 })
    }
}

impl Trunks {
    /// The trunks, in the order in which their networks are asked.
    #[must_use]
    pub const fn new(trunks: Vec<TrunkConfig>) -> Self {
        Self { trunks }
    }

    /// The trunk of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&TrunkConfig> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// The trunk that sent something on this flow; the first one where networks overlap. No trunk is a
    /// WebSocket client: a web page on a trunk's machine is just a web page.
    #[must_use]
    pub fn at(&self, flow: &Flow) -> Option<&TrunkConfig> {
        if flow.kind.is_websocket() {
            return None;
        }
        self.trunks.iter().find(|trunk| trunk.is_from(flow.remote.ip()))
    }

    /// All trunks, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &TrunkConfig> {
        self.trunks.iter()
    }
}

impl TrunkConfig {
    fn is_from(&self, source: IpAddr) -> bool {
        self.source_networks.iter().any(|network| network.contains(source))
    }
}

impl fmt::Debug for TrunkCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrunkCredentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::flow::ListenerId;

    fn trunk(name: &str, networks: &[&str]) -> TrunkConfig {
        TrunkConfig {
            name: name.into(),
            host: "sip.provider.example".into(),
            port: None,
            transport: TransportKind::Udp,
            source_networks: networks.iter().map(|text| text.parse().expect("a range")).collect(),
            credentials: Some(TrunkCredentials {
                username: "webtrunk".into(),
                password: "open sesame".into(),
                realm: None,
            }),
        }
    }

    fn flow(kind: TransportKind, remote: &str) -> Flow {
        Flow {
            kind,
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            connection: None,
        }
    }

    #[test]
    fn a_source_belongs_to_the_first_trunk_that_names_it() {
        let trunks = Trunks::new(vec![
            trunk("silent", &[]),
            trunk("one", &["198.51.100.7"]),
            trunk("net", &["198.51.100.0/24"]),
        ]);
        let at = |kind, remote| trunks.at(&flow(kind, remote)).map(|trunk| trunk.name.as_str());
        assert_eq!(at(TransportKind::Udp, "198.51.100.7:5060"), Some("one"));
        assert_eq!(at(TransportKind::Tcp, "198.51.100.8:41000"), Some("net"));
        assert_eq!(at(TransportKind::Udp, "203.0.113.7:5060"), None);
        assert_eq!(at(TransportKind::Wss, "198.51.100.7:5060"), None);
    }

    #[test]
    fn the_port_follows_the_transport() {
        let plain = trunk("plain", &[]);
        let secure = TrunkConfig { transport: TransportKind::Tls, ..plain.clone() };
        let named = TrunkConfig { port: Some(5080), ..secure.clone() };
        assert_eq!((plain.port(), secure.port(), named.port()), (5060, 5061, 5080));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", trunk("t", &[])).contains("sesame"));
    }
}
