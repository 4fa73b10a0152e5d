//! Which of our addresses a peer is told.
//!
//! Behind NAT one listener has two: the one that its socket is bound to, good for peers inside the
//! local networks, and the external one, good for everybody else. The same rule serves Via,
//! Contact and the `c=` line, so that signalling and media never disagree.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use super::Network;
use crate::sip::flow::{ListenerId, TransportKind};

/// How one listener is reached.
#[derive(Debug, Clone)]
pub struct ListenerAddress {
    /// What rules call it.
    pub name: Arc<str>,
    /// Its transport.
    pub kind: TransportKind,
    /// What its socket is bound to; the address may be the unspecified one.
    pub bound: SocketAddr,
    /// Its address as seen from outside the local networks; `None` without NAT.
    pub external_address: Option<IpAddr>,
    /// Peers that reach it without NAT.
    pub local_networks: Vec<Network>,
}

/// The addresses of all listeners, to be asked from anywhere.
#[derive(Debug, Clone)]
pub struct Addresses {
    listeners: Arc<[ListenerAddress]>,
}

impl Addresses {
    /// The addresses of `listeners`, whose places are their [`ListenerId`]s.
    #[must_use]
    pub fn new(listeners: Vec<ListenerAddress>) -> Self {
        Self { listeners: listeners.into() }
    }

    /// What is configured for a listener.
    #[must_use]
    pub fn listener(&self, id: ListenerId) -> Option<&ListenerAddress> {
        self.listeners.get(usize::from(id.0))
    }

    /// What is configured for all listeners.
    pub fn iter(&self) -> impl Iterator<Item = &ListenerAddress> {
        self.listeners.iter()
    }

    /// The first listener of a transport, and of the peer's address family where there is one.
    #[must_use]
    pub fn listener_for(&self, kind: TransportKind, peer: IpAddr) -> Option<ListenerId> {
        let of_kind = |(_, listener): &(usize, &ListenerAddress)| listener.kind == kind;
        let of_family = |(_, listener): &(usize, &ListenerAddress)| {
            listener.bound.is_ipv4() == peer.to_canonical().is_ipv4()
        };
        let mut candidates = self.listeners.iter().enumerate().filter(of_kind);
        let first = candidates.clone().next();
        let (index, _) = candidates.find(of_family).or(first)?;
        u16::try_from(index).ok().map(ListenerId)
    }

    /// The address of ours that `peer` can send to, for signalling at this listener and for media that
    /// belongs to it. `local` is our side of the socket, where it is known.
    #[must_use]
    pub fn advertised(&self, listener: ListenerId, local: IpAddr, peer: IpAddr) -> IpAddr {
        let external = self.listener(listener).and_then(|known| {
            let is_local = known.local_networks.iter().any(|network| network.contains(peer));
            known.external_address.filter(|external| !is_local && is_reached_from(*external, peer))
        });
        external.unwrap_or_else(|| specific(local, peer))
    }

    /// The address of ours that a plain RTP peer can send to, for the `c=` line: by the rule of the first
    /// listener of phones that has the peer's address family. `bound` is where the media sockets are
    /// bound; a peer whose address is not known yet counts as outside the local networks.
    #[must_use]
    pub fn media_address(&self, bound: IpAddr, peer: Option<IpAddr>) -> IpAddr {
        let is_ipv4 = peer.unwrap_or(bound).to_canonical().is_ipv4();
        let of_phones = |listener: &&ListenerAddress| !listener.kind.is_websocket();
        let mut phones =
            (0..).map(ListenerId).zip(self.listeners.iter()).filter(|(_, known)| of_phones(known));
        let first = phones.clone().next();
        let listener = phones.find(|(_, known)| known.bound.is_ipv4() == is_ipv4).or(first);
        match (listener, peer) {
            (Some((id, _)), Some(peer)) => self.advertised(id, bound, peer),
            (Some((_, ListenerAddress { external_address: Some(external), .. })), None) => *external,
            // Any address that is not ours shows the way out (RFC 5737).
            (_, None) => specific(bound, DOCUMENTATION.into()),
            (None, Some(peer)) => specific(bound, peer),
        }
    }
}

/// Whether an address that stands for us outside is one for `peer`: what is on this machine is behind no
/// NAT, unless that is on this machine too.
fn is_reached_from(external: IpAddr, peer: IpAddr) -> bool {
    !peer.to_canonical().is_loopback() || external.is_loopback()
}

/// An address that nobody has.
const DOCUMENTATION: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// `local`, or where that says nothing the address that the system would send from towards `peer`.
#[must_use]
pub fn specific(local: IpAddr, peer: IpAddr) -> IpAddr {
    if local.is_unspecified() { source_towards(peer).unwrap_or(local) } else { local.to_canonical() }
}

/// The source address of the route to `peer`. Connecting a datagram socket asks the routing table and sends nothing.
fn source_towards(peer: IpAddr) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    let any: SocketAddr = if peer.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    // The port is never written to; 9 is the discard service.
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn listener(kind: TransportKind, bound: &str, external: Option<&str>) -> ListenerAddress {
        ListenerAddress {
            name: "test".into(),
            kind,
            bound: bound.parse().expect("an address"),
            external_address: external.map(ip),
            local_networks: vec!["10.0.0.0/8".parse().expect("a range")],
        }
    }

    #[test]
    fn peers_outside_the_local_networks_get_the_external_address() {
        let addresses =
            Addresses::new(vec![listener(TransportKind::Udp, "10.0.0.5:5060", Some("198.51.100.1"))]);
        let told = |peer| addresses.advertised(ListenerId(0), ip("10.0.0.5"), ip(peer));
        assert_eq!(told("203.0.113.9"), ip("198.51.100.1"));
        assert_eq!(told("10.9.9.9"), ip("10.0.0.5"));
    }

    #[test]
    fn who_is_on_this_machine_gets_an_address_of_this_machine() {
        let told = |external, peer| {
            let addresses =
                Addresses::new(vec![listener(TransportKind::Udp, "0.0.0.0:5060", Some(external))]);
            addresses.advertised(ListenerId(0), ip("0.0.0.0"), ip(peer))
        };
        assert_eq!(told("198.51.100.1", "127.0.0.1"), ip("127.0.0.1"));
        assert_eq!(told("198.51.100.1", "::ffff:127.0.0.1"), ip("127.0.0.1"));
        assert_eq!(told("127.0.0.9", "127.0.0.1"), ip("127.0.0.9"), "a NAT that is on this machine");
    }

    #[test]
    fn without_an_external_address_everybody_gets_the_local_one() {
        let addresses = Addresses::new(vec![listener(TransportKind::Udp, "10.0.0.5:5060", None)]);
        assert_eq!(addresses.advertised(ListenerId(0), ip("10.0.0.5"), ip("203.0.113.9")), ip("10.0.0.5"));
    }

    #[test]
    fn a_wildcard_socket_gets_the_address_of_the_route() {
        let addresses = Addresses::new(vec![listener(TransportKind::Udp, "0.0.0.0:5060", None)]);
        assert_eq!(addresses.advertised(ListenerId(0), ip("0.0.0.0"), ip("127.0.0.1")), ip("127.0.0.1"));
        assert_eq!(addresses.advertised(ListenerId(0), ip("::"), ip("::ffff:127.0.0.1")), ip("127.0.0.1"));
    }

    #[test]
    fn media_follow_the_rule_of_the_phones_listener() {
        let addresses = Addresses::new(vec![
            listener(TransportKind::Ws, "10.0.0.5:8080", None),
            listener(TransportKind::Udp, "10.0.0.5:5060", Some("198.51.100.1")),
        ]);
        let told = |peer: Option<&str>| addresses.media_address(ip("10.0.0.6"), peer.map(ip));
        assert_eq!(told(Some("203.0.113.9")), ip("198.51.100.1"));
        assert_eq!(told(Some("10.9.9.9")), ip("10.0.0.6"));
        assert_eq!(told(None), ip("198.51.100.1"));
        let bare = Addresses::new(Vec::new());
        assert_eq!(bare.media_address(ip("0.0.0.0"), Some(ip("127.0.0.1"))), ip("127.0.0.1"));
        assert_eq!(bare.media_address(ip("10.0.0.6"), None), ip("10.0.0.6"));
    }

    #[test]
    fn a_listener_is_chosen_by_transport_then_by_family() {
        let addresses = Addresses::new(vec![
            listener(TransportKind::Tcp, "0.0.0.0:5060", None),
            listener(TransportKind::Udp, "0.0.0.0:5060", None),
            listener(TransportKind::Udp, "[::]:5060", None),
        ]);
        assert_eq!(addresses.listener_for(TransportKind::Udp, ip("192.0.2.1")), Some(ListenerId(1)));
        assert_eq!(addresses.listener_for(TransportKind::Udp, ip("2001:db8::1")), Some(ListenerId(2)));
        assert_eq!(addresses.listener_for(TransportKind::Tcp, ip("2001:db8::1")), Some(ListenerId(0)));
        assert_eq!(addresses.listener_for(TransportKind::Wss, ip("192.0.2.1")), None);
    }
}
