//! The networks from which users of customers may come, whichever adapter they come to: who has a password, or a token, is somebody
//! else elsewhere.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::auth::issuer::customer_of;
use crate::sip::transport::Network;

/// Those of all customers, and how many they kept out; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct SourceNetworks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    customers: RwLock<HashMap<String, Vec<Network>>>,
    refused: [AtomicU64; Approach::NAMES.len()],
}

/// What somebody comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approach {
    /// A phone registers.
    Registration,
    /// A phone calls, or goes on with a call.
    Call,
    /// A page connects, or comes back.
    Page,
    /// A phone writes, watches or asks for something else.
    Other,
}

/// In the log, of whom is refused.
pub(crate) const ELSEWHERE: &str = "it comes from outside of its customer's networks (customers[].networks)";

impl Approach {
    /// Each by the name that is counted.
    const NAMES: [(Self, &str); 4] = [
        (Self::Registration, "registration"),
        (Self::Call, "call"),
        (Self::Page, "page"),
        (Self::Other, "other"),
    ];
}

impl SourceNetworks {
    /// Goes by these from now on, by customer; users of those that are not named, or have none, may come from everywhere.
    pub fn set(&self, customers: HashMap<String, Vec<Network>>) {
        *self.0.customers.write().unwrap_or_else(PoisonError::into_inner) = customers;
    }

    /// Whether a user may come from there.
    #[must_use]
    pub fn admit(&self, user: &str, source: IpAddr) -> bool {
        let Some(customer) = customer_of(user) else { return true };
        let customers = self.0.customers.read().unwrap_or_else(PoisonError::into_inner);
        let holds = |own: &Vec<Network>| own.is_empty() || own.iter().any(|network| network.contains(source));
        customers.get(customer).is_none_or(holds)
    }

    /// Counts one who was refused.
    pub(crate) fn count(&self, approach: Approach) {
        let mut counters = Approach::NAMES.iter().zip(&self.0.refused);
        if let Some((_, counter)) = counters.find(|((known, _), _)| *known == approach) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were refused since the start, by the name of what they came for.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counters = Approach::NAMES.iter().zip(&self.0.refused);
        counters.map(|((_, name), counter)| (*name, counter.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_users_come_from_its_networks_and_others_from_everywhere() {
        let networks = SourceNetworks::default();
        let from = |user: &str, source: &str| networks.admit(user, source.parse().expect("an address"));
        assert!(from("acme+alice", "192.0.2.1"), "nothing is said");
        let of = |ranges: &[&str]| ranges.iter().map(|range| range.parse().expect("a range")).collect();
        networks.set(HashMap::from([
            ("acme".to_owned(), of(&["198.51.100.0/24", "2001:db8::/32"])),
            ("beta".to_owned(), of(&[])),
        ]));
        for (user, source, may) in [
            ("acme+alice", "198.51.100.7", true),
            ("acme+alice", "::ffff:198.51.100.7", true),
            ("acme+guest-7", "2001:db8::1", true),
            ("acme+alice", "192.0.2.1", false),
            ("acme+", "192.0.2.1", false),
            ("acme", "192.0.2.1", true),
            ("acmes+alice", "192.0.2.1", true),
            ("beta+bob", "192.0.2.1", true),
            ("alice", "192.0.2.1", true),
            ("+4930123", "192.0.2.1", true),
        ] {
            assert_eq!(from(user, source), may, "{user} from {source}");
        }
    }

    #[test]
    fn who_is_refused_is_counted_by_what_it_came_for() {
        let networks = SourceNetworks::default();
        for approach in [Approach::Call, Approach::Page, Approach::Call] {
            networks.clone().count(approach);
        }
        let counts: Vec<_> = networks.counts().collect();
        assert_eq!(counts, [("registration", 0), ("call", 2), ("page", 1), ("other", 0)]);
    }
}
