//! How many HTTP connections there are, in all and from one address.
//!
//! A connection that has become a WebSocket is no longer counted here; SIP counts it then.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::auth::limits::counted_as;
use crate::lock::lock;

/// The way in; clones count together.
#[derive(Debug, Clone)]
pub struct Gate {
    counts: Arc<Mutex<Counts>>,
    per_address_max: usize,
    total_max: usize,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection; dropping it gives the place back.
#[derive(Debug)]
pub struct Pass {
    gate: Gate,
    source: IpAddr,
}

impl Gate {
    /// Lets `total_max` connections in, of which `per_address_max` may come from one address (IPv6: one /64).
    #[must_use]
    pub fn new(per_address_max: usize, total_max: usize) -> Self {
        Self { counts: Arc::default(), per_address_max, total_max }
    }

    /// A place for a connection from `source`, if one is left.
    #[must_use]
    pub fn admit(&self, source: IpAddr) -> Option<Pass> {
        let source = counted_as(source);
        let mut counts = self.lock();
        let from_address = counts.by_address.get(&source).copied().unwrap_or(0);
        if counts.total >= self.total_max || from_address >= self.per_address_max {
            return None;
        }
        counts.total += 1;
        counts.by_address.insert(source, from_address + 1);
        Some(Pass { gate: self.clone(), source })
    }

    /// The counts are whole between any two statements of ours, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        lock(&self.counts)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.lock();
        counts.total -= 1;
        if let Some(count) = counts.by_address.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_takes_its_share_and_gives_it_back() {
        let gate = Gate::new(2, 10);
        let first = gate.admit(ip("192.0.2.1")).expect("first place");
        let _second = gate.admit(ip("192.0.2.1")).expect("second place");
        assert!(gate.admit(ip("::ffff:192.0.2.1")).is_none(), "the same address by another spelling");
        let _other = gate.admit(ip("192.0.2.2")).expect("another address");
        drop(first);
        let again = gate.admit(ip("192.0.2.1")).expect("the place that was given back");
        drop(again);
        let counts = gate.lock();
        assert_eq!((counts.total, counts.by_address.len()), (2, 2));
    }

    #[test]
    fn many_addresses_share_one_total() {
        let gate = Gate::new(2, 2);
        let _first = gate.admit(ip("2001:db8::1")).expect("first place");
        let second = gate.admit(ip("2001:db8:0:1::1")).expect("second place");
        assert!(gate.admit(ip("2001:db8:0:2::1")).is_none());
        drop(second);
        assert!(gate.admit(ip("2001:db8:0:2::1")).is_some());
    }
}
