//! Whose machines a load may be put on without a word: this one, and those of a private network.

use std::net::{IpAddr, ToSocketAddrs};

use super::{Kind, Scenario};

/// The targets of a scenario that are neither loopback nor private, by name: who puts a load on them must own them.
#[must_use]
pub fn strangers(scenario: &Scenario) -> Vec<String> {
    let mut strangers: Vec<_> = scenario
        .populations
        .iter()
        .filter_map(|population| population.server.as_deref().map(|server| (population.kind, server)))
        .map(|(kind, server)| (server, host_and_port(kind, server)))
        .filter(|(_, (host, port))| !is_near(host, *port))
        .map(|(server, _)| server.to_owned())
        .collect();
    strangers.sort_unstable();
    strangers.dedup();
    strangers
}

/// The host and port of `address:port` or of a URL.
fn host_and_port(kind: Kind, server: &str) -> (String, u16) {
    let rest = match kind {
        Kind::Phone(_) => server,
        Kind::Webrtc | Kind::Page => server.split_once("://").map_or(server, |(_, rest)| rest),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let default = if server.starts_with("wss:") { 443 } else { 80 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.bytes().all(|it| it.is_ascii_digit()) => {
            (host.trim_matches(['[', ']']).to_owned(), port.parse().unwrap_or(default))
        }
        _ => (authority.trim_matches(['[', ']']).to_owned(), default),
    }
}

/// Every address of it; what has none is nobody's.
fn is_near(host: &str, port: u16) -> bool {
    (host, port).to_socket_addrs().is_ok_and(|mut addresses| addresses.all(|it| is_private(it.ip())))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_loopback() || it.is_private() || it.is_link_local(),
        IpAddr::V6(it) => match it.to_ipv4_mapped() {
            Some(it) => is_private(it.into()),
            None => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::PhoneTransport;

    #[test]
    fn only_near_targets_need_no_word() {
        let phone = Kind::Phone(PhoneTransport::Udp);
        for (kind, server, expected) in [
            (phone, "127.0.0.1:5060", true),
            (phone, "[::1]:5060", true),
            (phone, "10.1.2.3:5060", true),
            (phone, "172.32.0.1:5060", false),
            (phone, "[2001:db8::1]:5060", false),
            (Kind::Webrtc, "ws://192.168.1.4:8080/sip", true),
            (Kind::Webrtc, "wss://8.8.8.8/sip", false),
            (Kind::Webrtc, "ws://[fd00::1]:8080/", true),
            (Kind::Webrtc, "ws://127.0.0.1", true),
        ] {
            let (host, port) = host_and_port(kind, server);
            assert_eq!(is_near(&host, port), expected, "{server}");
        }
    }
}
