//! To which addresses our own requests go: whoever can change a server's name in the DNS, or has it redirect, would have us ask
//! machines that only we can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use webtrunk_engine::net::Network;

/// Why nobody is asked where a server is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// There is no address.
    #[error("its name has no address")]
    Nowhere,
    /// It is one of a network that others do not reach.
    #[error(
        "it is at {0}, which is no public address; its networks (webhooks[].networks, token_keys[].jwks_networks) do not have it"
    )]
    Forbidden(IpAddr),
    /// It leads back to the gateway.
    #[error(
        "it is at {0}, which is the gateway's own address; its networks (webhooks[].networks, token_keys[].jwks_networks) do not have it"
    )]
    Own(IpAddr),
}

/// Those addresses that may be connected to, in their order.
///
/// # Errors
/// [`Unreachable`] where none may.
pub(super) fn allowed(
    addresses: impl IntoIterator<Item = SocketAddr>,
    networks: &[Network],
    own: &[IpAddr],
) -> Result<Vec<SocketAddr>, Unreachable> {
    let mut why = Unreachable::Nowhere;
    let mut allowed = Vec::new();
    for address in addresses {
        match refusal(address.ip(), networks, own) {
            None => allowed.push(address),
            Some(refusal) => why = refusal,
        }
    }
    if allowed.is_empty() { Err(why) } else { Ok(allowed) }
}

/// Why nobody is asked at an address, unless `networks` have it; `own` are the gateway's. `None` where somebody may be.
#[must_use]
pub fn refusal(address: IpAddr, networks: &[Network], own: &[IpAddr]) -> Option<Unreachable> {
    let ip = address.to_canonical();
    let reached = embedded(ip).map_or(ip, IpAddr::V4);
    if networks.iter().any(|network| network.contains(ip)) {
        None
    } else if !is_public(ip) {
        Some(Unreachable::Forbidden(ip))
    } else {
        own.iter().any(|own| own.to_canonical() == reached).then_some(Unreachable::Own(ip))
    }
}

/// Whether it is an address of one machine in the public internet: none of the machine itself, of its networks, of a cloud's metadata,
/// of a group, or of no meaning (the registries of special addresses of IANA, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match (address.to_canonical(), embedded(address)) {
        (IpAddr::V4(address), _) | (IpAddr::V6(_), Some(address)) => is_public_v4(address),
        (IpAddr::V6(address), None) => is_public_v6(address),
    }
}

/// The IPv4 address that is reached by way of an IPv6 one: by NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let ([0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..]) = address.segments() else {
        return None;
    };
    let [[a, b], [c, d]] = [high, low].map(u16::to_be_bytes);
    Some(Ipv4Addr::new(a, b, c, d))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        [0, ..] => true,
        // What providers of access share (RFC 6598); some clouds have their metadata there.
        [100, second, ..] => second & 0xc0 == 64,
        // Protocol assignments (RFC 6890), relays of 6to4 (RFC 7526), measurements (RFC 2544).
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => true,
        // Groups, and what is reserved.
        [first, ..] => first >= 224,
    };
    !(is_special
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocol assignments, Teredo among them (RFC 2928), and documentation (RFC 3849, RFC 9637).
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // All that is given out is here (IANA, "IPv6 Global Unicast Address Assignments").
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_not_the_public_internet_is_known_in_every_form() {
        for public in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.254",
        ] {
            assert!(is_public(ip(public)), "{public}");
            assert!(is_public(ip(&format!("::ffff:{public}"))), "{public}");
        }
        for public in ["2606:4700::1111", "2a00::1", "2001:4860::8888", "64:ff9b::1.1.1.1", "2002:101:101::1"]
        {
            assert!(is_public(ip(public)), "{public}");
        }
        for own in [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200", // metadata of a cloud
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254", // metadata of most clouds
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192", // and of another
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.5",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!is_public(ip(own)), "{own}");
            for form in ["::ffff:", "64:ff9b::", "::"] {
                assert!(!is_public(ip(&format!("{form}{own}"))), "{form}{own}");
            }
        }
        for own in [
            "::",
            "::1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254", // metadata of a cloud
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(own)), "{own}");
        }
    }

    /// What of these may be connected to.
    fn at(addresses: &[&str], networks: &[&str], own: &[&str]) -> Result<Vec<String>, Unreachable> {
        let networks: Vec<_> = networks.iter().map(|text| text.parse().expect("a range")).collect();
        let own: Vec<_> = own.iter().map(|text| ip(text)).collect();
        let addresses = addresses.iter().map(|text| SocketAddr::new(ip(text), 443));
        let allowed = allowed(addresses, &networks, &own)?;
        Ok(allowed.iter().map(|address| address.ip().to_string()).collect())
    }

    fn these(addresses: &[&str]) -> Result<Vec<String>, Unreachable> {
        Ok(addresses.iter().map(|&address| address.to_owned()).collect())
    }

    #[test]
    fn of_several_addresses_those_are_left_that_are_allowed_and_networks_allow_more() {
        assert_eq!(at(&["127.0.0.1", "1.1.1.1", "1.0.0.1"], &[], &[]), these(&["1.1.1.1", "1.0.0.1"]));
        assert_eq!(at(&["10.0.0.7"], &["10.0.0.0/29"], &[]), these(&["10.0.0.7"]));
        assert_eq!(at(&["::ffff:10.0.0.7"], &["10.0.0.0/29"], &[]), these(&["::ffff:10.0.0.7"]));
        let denied = at(&["::1", "10.0.0.8"], &["10.0.0.0/29"], &[]);
        assert_eq!(denied, Err(Unreachable::Forbidden(ip("10.0.0.8"))));
        assert_eq!(at(&[], &["0.0.0.0/0"], &[]), Err(Unreachable::Nowhere));
    }

    #[test]
    fn the_gateways_own_public_addresses_are_refused_in_every_form_unless_networks_have_them() {
        let own = ["1.1.1.1", "2606:4700::1111"];
        for form in ["1.1.1.1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::7", "2606:4700::1111"] {
            assert_eq!(at(&[form], &[], &own), Err(Unreachable::Own(ip(form).to_canonical())), "{form}");
            let network = ip(form).to_canonical().to_string();
            assert_eq!(at(&[form], &[&network], &own), these(&[&ip(form).to_string()]), "{form}");
        }
        assert_eq!(at(&["1.1.1.1", "1.0.0.1"], &[], &own), these(&["1.0.0.1"]));
    }
}
