//! Which addresses this machine has.

mod followed;

use std::io;
use std::net::IpAddr;

use crate::config::Config;
pub use followed::Followed;

/// Addresses at which others may reach this machine: not loopback, and not IPv6 link-local, which is
/// worth nothing without naming an interface. Empty where there is no network, or the machine does not say.
#[must_use]
pub fn reachable() -> Vec<IpAddr> {
    looked_up().unwrap_or_default()
}

/// The same.
///
/// # Errors
/// The machine does not say which there are, for want of a descriptor for example.
fn looked_up() -> io::Result<Vec<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let mut addresses: Vec<_> =
        interfaces.into_iter().map(|interface| interface.ip()).filter(is_reachable).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// Whether browsers may call, and there is no address to tell them for their media.
#[must_use]
pub fn lack_for_browsers(config: &Config) -> bool {
    let has_browsers = config.http.is_some() || !config.sip_ws.listeners.is_empty();
    has_browsers && config.media.addresses.is_empty()
}

fn is_reachable(address: &IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !address.is_loopback() && !address.is_unspecified() && !is_link_local
}

/// What to do about a socket that cannot be bound where `key` says.
pub(crate) fn bind_cure(error: &io::Error, key: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => format!("write an address of this machine into {key}"),
        io::ErrorKind::PermissionDenied => {
            format!("take a port from 1024 on in {key}, or let the gateway have CAP_NET_BIND_SERVICE")
        }
        _ => format!("change {key}, or end what has the port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_without_an_address_are_told_of() {
        let config = |text| Config::parse("test.toml", text).expect("a good configuration");
        let phones = "[[sip.listeners]]\ntransport = \"udp\"\nbind = \"127.0.0.1:0\"\n";
        assert!(lack_for_browsers(&config("[http]\n")));
        assert!(!lack_for_browsers(&config("[http]\n[media]\naddresses = [\"192.0.2.1\"]\n")));
        assert!(!lack_for_browsers(&config(phones)));
    }

    #[test]
    fn a_socket_that_cannot_be_bound_has_the_cure_of_its_reason() {
        for (kind, expected) in [
            (io::ErrorKind::AddrNotAvailable, "write an address of this machine into http.bind"),
            (io::ErrorKind::AddrInUse, "change http.bind, or end what has the port"),
            (io::ErrorKind::PermissionDenied, "take a port from 1024 on in http.bind, or let"),
        ] {
            let told = bind_cure(&io::Error::from(kind), "http.bind");
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn loopback_and_link_local_reach_nobody() {
        for (address, expected) in [
            ("192.0.2.1", true),
            ("10.0.0.1", true),
            ("2001:db8::1", true),
            ("fd00::2", true),
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("fe80::1", false),
            ("169.254.1.1", false),
            ("0.0.0.0", false),
        ] {
            let parsed: IpAddr = address.parse().expect("an address");
            assert_eq!(is_reachable(&parsed), expected, "{address}");
        }
        assert!(reachable().iter().all(is_reachable));
    }
}
