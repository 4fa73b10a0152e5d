//! Whose machines a load may be put on without a word: this one, and those of a private network.

use std::net::{IpAddr, ToSocketAddrs};

use super::Scenario;

/// The targets of a scenario that are neither loopback nor private, by name: who puts a load on them must own them.
#[must_use]
pub fn strangers(scenario: &Scenario) -> Vec<String> {
    let mut strangers: Vec<_> = scenario
        .populations
        .iter()
        .filter_map(|population| population.server.as_deref())
        .filter(|server| is_stranger(server))
        .map(str::to_owned)
        .collect();
    strangers.sort_unstable();
    strangers.dedup();
    strangers
}

/// Whether this target, `address:port` or a URL, is neither loopback nor private.
#[must_use]
pub fn is_stranger(target: &str) -> bool {
    let (host, port) = host_and_port(target);
    !is_near(&host, port)
}

/// The host and port of `address:port` or of a URL.
fn host_and_port(server: &str) -> (String, u16) {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
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

    #[test]
    fn only_near_targets_need_no_word() {
        for (target, expected) in [
            ("127.0.0.1:5060", false),
            ("[::1]:5060", false),
            ("10.1.2.3:5060", false),
            ("172.32.0.1:5060", true),
            ("[2001:db8::1]:5060", true),
            ("ws://192.168.1.4:8080/sip", false),
            ("wss://8.8.8.8/sip", true),
            ("ws://[fd00::1]:8080/", false),
            ("ws://127.0.0.1", false),
        ] {
            assert_eq!(is_stranger(target), expected, "{target}");
        }
    }
}
