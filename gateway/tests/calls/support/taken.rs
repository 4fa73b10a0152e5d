//! Whether an address is taken, as the kernel tells it: who tries by binding it may keep it for a moment from whom it is waiting for.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// Whether a UDP socket is bound to just this address, in the network of this thread.
pub(crate) fn is_taken(address: SocketAddr) -> bool {
    let (table, octets) = match address.ip() {
        IpAddr::V4(ip) => ("udp", ip.octets().to_vec()),
        IpAddr::V6(ip) => ("udp6", ip.octets().to_vec()),
    };
    // proc(5): in words of 32 bits, as the machine has them.
    let mut name = String::new();
    for word in octets.chunks_exact(4) {
        let word = u32::from_ne_bytes(word.try_into().expect("four octets"));
        write!(name, "{word:08X}").expect("a text takes all");
    }
    write!(name, ":{:04X}", address.port()).expect("a text takes all");
    let table = std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).expect("Linux tells it");
    table.lines().any(|line| line.split_ascii_whitespace().nth(1) == Some(name.as_str()))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::is_taken;
    use crate::support::host::Host;

    #[test]
    fn an_address_is_taken_as_long_as_a_socket_is_bound_to_it() {
        let host = Host::new();
        for address in [host.at(7000), "[::1]:4998".parse().expect("an address")] {
            assert!(!is_taken(address), "{address}");
            let socket = UdpSocket::bind(address).expect("the host is ours");
            assert!(is_taken(address), "{address}");
            drop(socket);
        }
    }
}
