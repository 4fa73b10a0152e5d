//! A machine of the tests' network: an address of loopback that nobody else on this machine uses, with
//! all of its ports. By their addresses trunks, phones behind NAT and strangers are told apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::gateway::PATIENCE;
use super::process::wait_until;

/// A host.
pub(crate) struct Host {
    address: IpAddr,
    /// Where its servers listen that are to be found from within, and where that is.
    door: IpAddr,
    inside: IpAddr,
    /// Bound as long as the address is taken, by which others see it.
    _marker: UdpSocket,
}

/// The port of the marker; no peer of ours uses it.
const MARKER: u16 = 4999;

/// Addresses to try. Sixteen million are there, so the first one is nearly always free.
const TRIES: usize = 100;

impl Host {
    /// Takes a free address.
    pub(crate) fn new() -> Self {
        (0..TRIES)
            .find_map(|_| Self::try_address(any_address().into()))
            .expect("an address of loopback is free")
    }

    /// Waits until the only address that IPv6's loopback has is free, and takes it.
    pub(crate) fn ipv6() -> Self {
        let mut taken = None;
        wait_until(PATIENCE, || {
            taken = Self::try_address(Ipv6Addr::LOCALHOST.into());
            taken.is_some()
        });
        taken.expect("IPv6's loopback is free")
    }

    /// The machine on which this is called, by one of its addresses, all others and loopback included.
    pub(crate) fn machine(address: &str) -> Self {
        let host = Self::named(address);
        let [door, inside]: [IpAddr; 2] = if host.address.is_ipv4() {
            [Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()]
        } else {
            [Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()]
        };
        Self { door, inside, ..host }
    }

    /// One of several hosts that the machine plays on which this is called: an address of it, and one of loopback.
    pub(crate) fn among_others(address: &str) -> Self {
        let inside = any_address().into();
        Self { door: inside, inside, ..Self::named(address) }
    }

    fn named(address: &str) -> Self {
        let address = address.parse().expect("an address");
        Self::try_address(address).expect("the machine has it, and nobody took it")
    }

    pub(crate) const fn ip(&self) -> IpAddr {
        self.address
    }

    /// One of its ports.
    pub(crate) const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(), port)
    }

    /// Where a server listens that is to be found at one of its ports: on a machine at all addresses.
    pub(crate) const fn door(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.door, port)
    }

    /// Where that server is found from within: on a machine over loopback.
    pub(crate) const fn inside(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.inside, port)
    }

    fn try_address(address: IpAddr) -> Option<Self> {
        let marker = UdpSocket::bind((address, MARKER)).ok()?;
        Some(Self { address, door: address, inside: address, _marker: marker })
    }
}

/// Away from 127.0.0.0/16, where everybody's servers are.
fn any_address() -> Ipv4Addr {
    let [second, third, fourth] = rand::random::<[u8; 3]>();
    Ipv4Addr::new(127, second | 1, third, fourth.clamp(1, 254))
}
