//! What listeners of SIP and of SIP over WebSocket have in common.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use toml::Spanned;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::Network;

use super::faults::Faults;
use super::http::HttpConfig;
use super::media::{MediaConfig, overlap};
use super::users::{NAME_CURE, is_name};

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipListener {
    /// What rules call it; its transport where it has no name.
    pub name: String,
    /// Its transport. A WebSocket listener at the HTTP server is secure where that is.
    pub transport: TransportKind,
    /// Its own address; `None` for a WebSocket listener that the HTTP server serves.
    pub bind: Option<SocketAddr>,
    /// Its address as seen from outside the local networks.
    pub external_address: Option<IpAddr>,
    /// Peers that reach it without NAT.
    pub local_networks: Vec<Network>,
}

/// The keys that every listener has, as written.
pub(super) struct ListenerKeys<'s> {
    pub(super) name: Option<&'s Spanned<String>>,
    pub(super) bind: Option<&'s Spanned<String>>,
    pub(super) external_address: Option<&'s Spanned<String>>,
    pub(super) local_networks: &'s [Spanned<String>],
}

/// The listeners so far, of which no two may want the same socket.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<(SipListener, Range<usize>)>);

/// The ports that others have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports<'c> {
    pub(super) http: Option<&'c HttpConfig>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) media: Option<&'c MediaConfig>,
}

impl ListenerKeys<'_> {
    pub(super) fn check(
        &self,
        transport: TransportKind,
        usual_name: &str,
        faults: &mut Faults<'_>,
    ) -> Option<SipListener> {
        let bind = self.bind.map(|bind| faults.parse::<SocketAddr>(bind, super::BIND_CURE));
        let external = self.external_address;
        let external_address =
            external.and_then(|address| faults.parse_reachable(address, super::ADDRESS_CURE));
        let local_networks = faults.parse_all(self.local_networks, super::NETWORK_CURE);
        let bind = match bind {
            Some(bind) => Some(bind?),
            None => None,
        };
        if let (Some(bind), Some(address), Some(written)) = (bind, external_address, external)
            && bind.is_ipv4() != address.is_ipv4()
        {
            let cure =
                "write an address of the family of bind, and give the other family a listener of its own";
            faults.add(written.span(), "is of another family than bind", cure);
        }
        if let Some(name) = self.name.filter(|name| !is_name(name.get_ref())) {
            faults.add(name.span(), "is no name of a listener", NAME_CURE);
        }
        let name = self.name.map_or(usual_name, |name| name.get_ref()).to_owned();
        Some(SipListener { name, transport, bind, external_address, local_networks })
    }

    /// Notes a port that the HTTP server or the media has.
    pub(super) fn check_port(&self, is_datagram: bool, ports: Ports<'_>, faults: &mut Faults<'_>) {
        let Some(written) = self.bind else { return };
        let Ok(bind) = written.get_ref().parse::<SocketAddr>() else { return };
        let key = match is_datagram {
            _ if bind.port() == 0 => None,
            true => ports.media.and_then(|media| media.clash(bind)),
            false => ports.of_streams().find(|(_, taken)| clash(*taken, bind)).map(|(key, _)| key),
        };
        if let Some(key) = key {
            faults.add(
                written.span(),
                format!("{key} has this port too"),
                "take another port for one of them",
            );
        }
    }
}

impl Ports<'_> {
    /// Those to which streams come, by their keys.
    fn of_streams(self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let http = self.http.map(|http| ("http.bind", http.bind));
        http.into_iter().chain(self.admin.map(|admin| ("admin.bind", admin)))
    }
}

/// The addresses by which others reach us from outside, as far as they are written: of these listeners, and of media.
pub(super) fn external_addresses<'c>(
    listeners: impl IntoIterator<Item = &'c SipListener>,
    of_media: &[IpAddr],
) -> Vec<IpAddr> {
    let of_listeners = listeners.into_iter().filter_map(|listener| listener.external_address);
    of_listeners.chain(of_media.iter().copied()).collect()
}

/// Whether two that listen for the same cannot both have their addresses.
pub(super) fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.port() != 0 && overlap(one.ip(), other.ip())
}

impl Taken {
    /// Adds a listener that is written at `span`.
    pub(super) fn add(&mut self, span: Range<usize>, listener: &SipListener, faults: &mut Faults<'_>) {
        if let Some((_, other)) = self.0.iter().find(|(earlier, _)| collide(earlier, listener)) {
            let other =
                if other.is_empty() { String::new() } else { format!(" ({})", faults.key_at(other.clone())) };
            let cure = "give each listener an address of its own";
            faults.add(span.clone(), format!("another listener has this address{other}"), cure);
        }
        self.0.push((listener.clone(), span));
    }
}

/// Whether two listeners want the same socket.
fn collide(one: &SipListener, other: &SipListener) -> bool {
    let is_datagram = |listener: &SipListener| listener.transport == TransportKind::Udp;
    match (one.bind, other.bind) {
        (None, None) => true,
        (Some(a), Some(b)) => clash(a, b) && is_datagram(one) == is_datagram(other),
        (Some(_), None) | (None, Some(_)) => false,
    }
}
