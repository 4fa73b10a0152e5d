//! Who sends how much, before anybody looks at what it is.
//!
//! ```text
//! stranger ---- as much as its address may (IPv6: its /64)
//!    |
//!    | proves itself, or is asked something by us
//!    v
//!  known ------ as much as its address and port may, ten times as much
//!
//!  host ------- a trunk's, which we call: as much as it likes, for the trunk has limits of its own
//! ```
//!
//! Sources of datagrams can be forged, so that there may be any number of them: what is known of the one that was
//! silent for long makes room. It begins anew then, and may send as much at once as the first time.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::bucket::{Bucket, Rate};
use super::limits::counted_as;

/// Addresses of each kind of which something is known at one time.
const KNOWN_MAX: usize = 20_000;

/// How much more who has proven itself may send than a stranger. Chosen by us: a telephone system that proves itself
/// by a password, with a hundred calls a second.
const PROVEN: u32 = 10;

/// What is known of all sources.
#[derive(Debug)]
pub struct Sources {
    strangers: Recent<IpAddr, Bucket>,
    known: Recent<SocketAddr, Bucket>,
    hosts: Recent<IpAddr, ()>,
}

/// What a source is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has proven nothing.
    Stranger,
    /// It has proven who it is, or we have business with it.
    Known,
}

/// A source sends too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch {
    /// What it is to us.
    pub standing: Standing,
    /// How long until the next message of it is not too much.
    pub wait: Duration,
}

/// The latest of many things: half of them are forgotten when there are too many.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { strangers: Recent::new(), known: Recent::new(), hosts: Recent::new() }
    }
}

impl Sources {
    /// Takes one more message of a source; what that source is.
    ///
    /// # Errors
    /// [`TooMuch`]: it is not to be looked at.
    pub fn take(&mut self, remote: SocketAddr, rate: Rate, now: Instant) -> Result<Standing, TooMuch> {
        if self.hosts.get(&remote.ip().to_canonical()).is_some() {
            return Ok(Standing::Known);
        }
        let (standing, taken) = match self.known.get(&remote) {
            Some(bucket) => (Standing::Known, bucket.take(rate.times(PROVEN), 0.0, now)),
            None => {
                let source = counted_as(remote.ip());
                let bucket = self.strangers.get_or_insert(source, || Bucket::full(rate));
                (Standing::Stranger, bucket.take(rate, 0.0, now))
            }
        };
        taken.map(|()| standing).map_err(|wait| TooMuch { standing, wait })
    }

    /// This address and port are somebody's whom we know from now on.
    pub fn know(&mut self, remote: SocketAddr, rate: Rate) {
        self.known.get_or_insert(remote, || Bucket::full(rate.times(PROVEN)));
    }

    /// A trunk's host is there.
    pub fn add_host(&mut self, ip: IpAddr) {
        self.hosts.get_or_insert(ip.to_canonical(), || ());
    }
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<&mut V> {
        if let Some(value) = self.old.remove(key) {
            self.insert(key.clone(), value);
        }
        self.young.get_mut(key)
    }

    fn get_or_insert(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if self.get(&key).is_none() {
            self.insert(key.clone(), make());
        }
        self.young.get_mut(&key).expect("it was found or inserted")
    }

    fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= KNOWN_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const BURST: u32 = 20;

    fn rate() -> Rate {
        Rate::new(5.0, BURST)
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// How many of so many messages are looked at.
    fn taken(sources: &mut Sources, remote: &str, count: usize, now: Instant) -> usize {
        (0..count).filter(|_| sources.take(at(remote), rate(), now).is_ok()).count()
    }

    #[test]
    fn a_stranger_sends_as_much_as_its_address_may_from_whatever_port() {
        let (mut sources, start) = (Sources::default(), Instant::now());
        assert_eq!(taken(&mut sources, "192.0.2.1:5060", 15, start), 15);
        assert_eq!(taken(&mut sources, "192.0.2.1:5061", 15, start), 5);
        assert_eq!(taken(&mut sources, "192.0.2.2:5060", 100, start), 20, "others have their own");
        assert_eq!(taken(&mut sources, "192.0.2.1:5060", 100, start + Duration::from_secs(2)), 10);
        assert_eq!(taken(&mut sources, "[2001:db8::1]:5060", 15, start), 15);
        assert_eq!(taken(&mut sources, "[2001:db8::2]:5060", 15, start), 5, "the same /64");
        assert_eq!(taken(&mut sources, "[2001:db8:0:1::1]:5060", 15, start), 15);
    }

    #[test]
    fn who_is_known_sends_more_whatever_its_neighbours_behind_the_same_address_do() {
        let (mut sources, now) = (Sources::default(), Instant::now());
        sources.know(at("192.0.2.1:5070"), rate());
        assert_eq!(taken(&mut sources, "192.0.2.1:5060", 1000, now), 20);
        assert_eq!(taken(&mut sources, "192.0.2.1:5070", 1000, now), 200);
        assert_eq!(
            sources.take(at("192.0.2.1:5070"), rate(), now).map_err(|it| it.standing),
            Err(Standing::Known)
        );
    }

    #[test]
    fn a_trunk_s_host_sends_as_much_as_it_likes_from_whatever_port() {
        let (mut sources, now) = (Sources::default(), Instant::now());
        sources.add_host([192, 0, 2, 1].into());
        assert_eq!(taken(&mut sources, "192.0.2.1:5060", 1000, now), 1000);
        assert_eq!(taken(&mut sources, "192.0.2.1:33333", 1000, now), 1000);
        assert_eq!(taken(&mut sources, "192.0.2.2:5060", 1000, now), 20);
    }

    #[test]
    fn forged_sources_take_bounded_room_and_who_goes_on_is_not_forgotten_for_them() {
        let (mut sources, now) = (Sources::default(), Instant::now());
        sources.know(at("192.0.2.1:5070"), rate());
        for forged in 0..100_000 {
            let source = SocketAddr::new(Ipv4Addr::from_bits(forged).into(), 5060);
            assert_eq!(sources.take(source, rate(), now), Ok(Standing::Stranger));
            if forged % 1000 == 0 {
                // A flood from one address beside it.
                taken(&mut sources, "198.51.100.1:5060", 30, now);
            }
        }
        assert!(sources.strangers.young.len() + sources.strangers.old.len() <= KNOWN_MAX);
        assert_eq!(taken(&mut sources, "198.51.100.1:5060", 30, now), 0, "it has not begun anew");
        assert_eq!(taken(&mut sources, "192.0.2.1:5070", 200, now), 200, "nor is who is known a stranger");
    }
}
