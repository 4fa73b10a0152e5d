//! To which addresses hooks are let: whoever can change a receiver's name in the DNS, or has its server redirect, would have us ask
//! machines that only we can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use webtrunk_engine::net::Network;

/// All addresses of a name are such as no hook is sent to, unless its `networks` say so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreachable {
    /// There is none.
    #[error("its name has no address")]
    Nowhere,
    /// There are only these.
    #[error("it is at {0}, which is no public address; webhooks[].networks does not have it")]
    Forbidden(IpAddr),
}

/// The first address that may be connected to.
///
/// # Errors
/// [`Unreachable`] where none may.
pub(super) fn chosen(
    addresses: impl IntoIterator<Item = SocketAddr>,
    networks: &[Network],
) -> Result<SocketAddr, Unreachable> {
    let mut why = Unreachable::Nowhere;
    for address in addresses {
        let ip = address.ip().to_canonical();
        if is_public(ip) || networks.iter().any(|network| network.contains(ip)) {
            return Ok(address);
        }
        why = Unreachable::Forbidden(ip);
    }
    Err(why)
}

/// Whether it is an address of one machine in the public internet: none of the machine itself, of its networks, of a cloud's metadata,
/// of a group, or of no meaning (the registries of special addresses of IANA, RFC 6890).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
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
    let segments = address.segments();
    // An IPv4 address that is reached by way of it.
    let within = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high, low].map(u16::to_be_bytes);
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 (RFC 6052), 6to4 (RFC 3056).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => within(high, low),
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

    #[test]
    fn of_several_addresses_the_first_that_is_allowed_is_taken_and_networks_allow_more() {
        let at = |addresses: &[&str], networks: &[&str]| {
            let networks: Vec<_> = networks.iter().map(|text| text.parse().expect("a range")).collect();
            let addresses = addresses.iter().map(|text| SocketAddr::new(ip(text), 443));
            chosen(addresses, &networks).map(|address| address.ip().to_string())
        };
        assert_eq!(at(&["127.0.0.1", "1.1.1.1", "1.0.0.1"], &[]).as_deref(), Ok("1.1.1.1"));
        assert_eq!(at(&["10.0.0.7"], &["10.0.0.0/29"]).as_deref(), Ok("10.0.0.7"));
        assert_eq!(at(&["::ffff:10.0.0.7"], &["10.0.0.0/29"]).as_deref(), Ok("::ffff:10.0.0.7"));
        assert_eq!(at(&["::1", "10.0.0.8"], &["10.0.0.0/29"]), Err(Unreachable::Forbidden(ip("10.0.0.8"))));
        assert_eq!(at(&[], &["0.0.0.0/0"]), Err(Unreachable::Nowhere));
    }
}
