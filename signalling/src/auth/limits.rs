//! How often a password may be guessed.
//!
//! Failures are counted for a minute, by source and user together and by source alone: who guesses is
//! shut out, the user at another address is not, and neither are the neighbours behind one NAT of a
//! single phone with a wrong password.
//!
//! A guess that answers no challenge of ours may have a forged source. Those are counted apart, so
//! that a forger shuts out no one who answers challenges.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How long failures count, from the first one on.
const WINDOW: Duration = Duration::from_secs(60);

/// Wrong passwords of one user from one source. Chosen by us: a human tries a few, a program thousands.
const PER_USER_MAX: u32 = 10;

/// Wrong passwords of all users from one source. Chosen by us: an office with a bad day stays below.
const PER_SOURCE_MAX: u32 = 100;

/// Sources, and pairs of source and user, that are counted at one time; past it the oldest is forgotten.
const ENTRIES_MAX: usize = 10_000;

/// Counts failed logins.
#[derive(Debug, Default)]
pub struct FailureLimits {
    reached: Failures,
    unproven: Failures,
}

/// Failures of one kind of sources. Forgers have a count of their own: they make none of the others forgotten.
#[derive(Debug, Default)]
struct Failures {
    by_pair: Window<(IpAddr, String)>,
    by_source: Window<IpAddr>,
}

/// Whether the source of a guess is sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It answers a challenge that was sent there.
    Reached,
    /// It may come from anywhere.
    None,
}

/// From now on nothing is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutOut {
    /// To whom.
    pub whom: Whom,
    /// For how long.
    pub time: Duration,
}

/// Whom a source may not try for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The user whose password was wrong.
    User,
    /// Any user.
    Everybody,
}

/// Counts that end together with their window.
#[derive(Debug)]
struct Window<K> {
    /// How many, and when the first came.
    counts: HashMap<K, (u32, Instant)>,
    /// In the order of their beginnings.
    begun: VecDeque<(Instant, K)>,
}

impl FailureLimits {
    /// Whether `source` has to wait before it may try `user` again, right or wrong.
    pub fn must_wait(&mut self, source: IpAddr, user: &str, proof: Proof, now: Instant) -> bool {
        let source = counted_as(source);
        let failures = self.of(proof);
        failures.by_source.count(&source, now) >= PER_SOURCE_MAX
            || failures.by_pair.count(&(source, user.to_owned()), now) >= PER_USER_MAX
    }

    /// Notes a wrong password; who has to wait from now on, if it is one too many.
    pub fn failed(&mut self, source: IpAddr, user: &str, proof: Proof, now: Instant) -> Option<ShutOut> {
        let source = counted_as(source);
        let failures = self.of(proof);
        let of_source = failures.by_source.add(source, now);
        let of_user = failures.by_pair.add((source, user.to_owned()), now);
        let shut_out = |whom, begun: Instant| ShutOut { whom, time: (begun + WINDOW).duration_since(now) };
        match (of_source, of_user) {
            ((PER_SOURCE_MAX, begun), _) => Some(shut_out(Whom::Everybody, begun)),
            (_, (PER_USER_MAX, begun)) => Some(shut_out(Whom::User, begun)),
            _ => None,
        }
    }

    fn of(&mut self, proof: Proof) -> &mut Failures {
        match proof {
            Proof::Reached => &mut self.reached,
            Proof::None => &mut self.unproven,
        }
    }
}

impl<K: Hash + Eq + Clone> Window<K> {
    fn count(&mut self, key: &K, now: Instant) -> u32 {
        self.expire(now);
        self.counts.get(key).map_or(0, |(count, _)| *count)
    }

    /// How many there are with this one, and when the first came.
    fn add(&mut self, key: K, now: Instant) -> (u32, Instant) {
        self.expire(now);
        if let Some((count, begun)) = self.counts.get_mut(&key) {
            *count = count.saturating_add(1);
            return (*count, *begun);
        }
        if self.begun.len() >= ENTRIES_MAX {
            self.forget_oldest();
        }
        self.begun.push_back((now, key.clone()));
        self.counts.insert(key, (1, now));
        (1, now)
    }

    fn expire(&mut self, now: Instant) {
        while self.begun.front().is_some_and(|(begun, _)| now.duration_since(*begun) >= WINDOW) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.begun.pop_front() {
            self.counts.remove(&key);
        }
    }
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self { counts: HashMap::new(), begun: VecDeque::new() }
    }
}

/// One subscriber is given at least a /64 of IPv6 (RFC 6177), so that is one source.
#[must_use]
pub fn counted_as(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_guesser_waits_and_nobody_else() {
        let mut limits = FailureLimits::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        for failure in 1..=PER_USER_MAX {
            assert!(!limits.must_wait(ip("192.0.2.1"), "alice", Proof::Reached, start));
            let at = if failure == 1 { start } else { start + second };
            let shut_out = limits.failed(ip("192.0.2.1"), "alice", Proof::Reached, at);
            let expected = ShutOut { whom: Whom::User, time: WINDOW - second };
            assert_eq!(shut_out, (failure == PER_USER_MAX).then_some(expected), "it is told once");
        }
        let mut waits =
            |source, user, after| limits.must_wait(ip(source), user, Proof::Reached, start + after);
        assert!(waits("192.0.2.1", "alice", Duration::ZERO));
        assert!(!waits("192.0.2.1", "bob", Duration::ZERO));
        assert!(!waits("192.0.2.2", "alice", Duration::ZERO));
        assert!(waits("::ffff:192.0.2.1", "alice", WINDOW - Duration::from_millis(1)));
        assert!(!waits("192.0.2.1", "alice", WINDOW));
    }

    #[test]
    fn who_tries_one_password_on_everybody_waits_too() {
        let mut limits = FailureLimits::default();
        let now = Instant::now();
        for user in 1..=PER_SOURCE_MAX {
            let shut_out = limits.failed(ip("2001:db8::1"), &user.to_string(), Proof::Reached, now);
            let expected = ShutOut { whom: Whom::Everybody, time: WINDOW };
            assert_eq!(shut_out, (user == PER_SOURCE_MAX).then_some(expected));
        }
        assert!(limits.must_wait(ip("2001:db8::2"), "alice", Proof::Reached, now), "the same /64");
        assert!(!limits.must_wait(ip("2001:db8:0:1::1"), "alice", Proof::Reached, now));
    }

    #[test]
    fn a_forger_shuts_out_forgers_only() {
        let mut limits = FailureLimits::default();
        let now = Instant::now();
        for _ in 0..PER_SOURCE_MAX {
            limits.failed(ip("192.0.2.1"), "alice", Proof::None, now);
        }
        assert!(limits.must_wait(ip("192.0.2.1"), "alice", Proof::None, now));
        assert!(!limits.must_wait(ip("192.0.2.1"), "alice", Proof::Reached, now));
    }

    #[test]
    fn a_forger_makes_nobody_forgotten() {
        let mut limits = FailureLimits::default();
        let now = Instant::now();
        for _ in 0..PER_USER_MAX {
            limits.failed(ip("192.0.2.1"), "alice", Proof::Reached, now);
        }
        for forged in 0..=u32::try_from(ENTRIES_MAX).expect("few") {
            limits.failed(Ipv4Addr::from_bits(forged).into(), "bob", Proof::None, now);
        }
        assert!(limits.must_wait(ip("192.0.2.1"), "alice", Proof::Reached, now));
    }

    #[test]
    fn the_count_is_bounded_and_forgets_the_oldest() {
        let mut window = Window::default();
        let now = Instant::now();
        for key in 0..=ENTRIES_MAX {
            window.add(key, now);
        }
        assert_eq!((window.counts.len(), window.begun.len()), (ENTRIES_MAX, ENTRIES_MAX));
        assert_eq!((window.count(&0, now), window.count(&ENTRIES_MAX, now)), (0, 1));
        assert_eq!(window.count(&ENTRIES_MAX, now + WINDOW), 0);
        assert!(window.counts.is_empty());
    }
}
