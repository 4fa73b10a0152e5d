//! A range of addresses, written as CIDR (RFC 4632 3.1, RFC 4291 2.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// The text is not a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// What stands before the slash is no address.
    #[error("{0:?} is no IP address")]
    Address(String),
    /// What stands after the slash is no length of a prefix for this kind of address.
    #[error("{0:?} is no prefix length (0-32 for IPv4, 0-128 for IPv6)")]
    Prefix(String),
    /// Bits are set behind the prefix, so the writer meant something else.
    #[error("{0} has bits set behind its prefix; did you mean {1}?")]
    HostBits(String, Network),
}

impl Network {
    /// The range that holds `address` alone.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        let base = address.to_canonical();
        Self { base, prefix: width(base) }
    }

    /// Whether `address` lies in the range. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.prefix) == self.base
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address(address.to_owned()))?;
        let Some(prefix) = prefix else { return Ok(Self::host(address)) };
        let prefix = prefix
            .parse()
            .ok()
            .filter(|bits| *bits <= width(address))
            .ok_or_else(|| NetworkError::Prefix(prefix.to_owned()))?;
        let network = Self { base: masked(address, prefix), prefix };
        if network.base == address {
            Ok(network)
        } else {
            Err(NetworkError::HostBits(text.to_owned(), network))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// The bits of an address of this family.
const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with all bits behind the prefix cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let cleared = u32::from(width(address).saturating_sub(prefix));
    match address {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(cleared).unwrap_or(0)).into()
        }
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(cleared).unwrap_or(0)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("a range")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::ffff:128.0.0.1"),
        ] {
            assert!(network(range).contains(address(inside)), "{inside} in {range}");
            assert!(!network(range).contains(address(outside)), "{outside} in {range}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_reason() {
        assert_eq!("ten/8".parse::<Network>(), Err(NetworkError::Address("ten".into())));
        assert_eq!("10.0.0.0/33".parse::<Network>(), Err(NetworkError::Prefix("33".into())));
        assert_eq!("::/129".parse::<Network>(), Err(NetworkError::Prefix("129".into())));
        assert_eq!(
            "10.1.0.0/8".parse::<Network>().map_err(|error| error.to_string()),
            Err("10.1.0.0/8 has bits set behind its prefix; did you mean 10.0.0.0/8?".into())
        );
    }
}
