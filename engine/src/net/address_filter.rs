//! Which addresses may take part in something.

use std::net::IpAddr;

use super::Network;

/// Ranges of addresses that are let in and kept out. The empty filter lets everybody in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressFilter {
    /// Who may come in; empty for everybody.
    pub allow: Vec<Network>,
    /// Who of these may not.
    pub deny: Vec<Network>,
}

impl AddressFilter {
    /// Whether an address is let in.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
        (self.allow.is_empty() || is_in(&self.allow)) && !is_in(&self.deny)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_allowed_and_not_denied_is_let_in() {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a range")).collect();
        for (allow, deny, address, is_let_in) in [
            (&[][..], &[][..], "192.0.2.1", true),
            (&["10.0.0.0/8"], &[], "10.1.2.3", true),
            (&["10.0.0.0/8"], &[], "192.0.2.1", false),
            (&["10.0.0.0/8"], &[], "::ffff:10.1.2.3", true),
            (&["10.0.0.0/8"], &[], "fd00::1", false),
            (&["10.0.0.0/8", "fd00::/8"], &["10.1.0.0/16"], "10.1.2.3", false),
            (&["10.0.0.0/8", "fd00::/8"], &["10.1.0.0/16"], "fd00::1", true),
            (&[], &["fe80::/10"], "fe80::1", false),
            (&[], &["fe80::/10"], "2001:db8::1", true),
        ] {
            let filter = AddressFilter { allow: networks(allow), deny: networks(deny) };
            assert_eq!(filter.admits(address.parse().expect("one")), is_let_in, "{address}: {filter:?}");
        }
    }
}
