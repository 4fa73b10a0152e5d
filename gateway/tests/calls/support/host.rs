//! A machine of the tests' network: an address of loopback that nobody else on this machine uses, with
//! all of its ports. By their addresses trunks, phones behind NAT and strangers are told apart.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// A host.
pub(crate) struct Host {
    address: Ipv4Addr,
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
        (0..TRIES).find_map(|_| Self::try_address(any_address())).expect("an address of loopback is free")
    }

    pub(crate) const fn ip(&self) -> IpAddr {
        IpAddr::V4(self.address)
    }

    /// One of its ports.
    pub(crate) const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(), port)
    }

    fn try_address(address: Ipv4Addr) -> Option<Self> {
        let marker = UdpSocket::bind((address, MARKER)).ok()?;
        Some(Self { address, _marker: marker })
    }
}

/// Away from 127.0.0.0/16, where everybody's servers are.
fn any_address() -> Ipv4Addr {
    let [second, third, fourth] = rand::random::<[u8; 3]>();
    Ipv4Addr::new(127, second | 1, third, fourth.clamp(1, 254))
}
