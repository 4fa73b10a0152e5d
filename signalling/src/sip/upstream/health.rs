//! Which hops are passed over, and which are tried last (RFC 3263 4.3).
//!
//! | what a hop did | what follows |
//! |---|---|
//! | 503 with Retry-After | not tried until that is over |
//! | no answer, refused, 503 without | tried after all others for half a minute |
//! | missed two probes | not tried until it answers one |
//! | answered | nothing is held against it |

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::super::flow::TransportKind;
use super::super::hop::{Conduct, Hop, HopReport};

/// What is held against hops.
#[derive(Debug, Default)]
pub struct Health {
    resting: HashMap<Place, Instant>,
    suspected: HashMap<Place, Instant>,
    down: HashSet<Place>,
}

type Place = (TransportKind, SocketAddr);

/// How long a hop that failed once is tried last. Chosen by us: a call a minute finds out whether it is back.
const SUSPICION: Duration = Duration::from_secs(30);

/// The longest rest that a hop may ask for. Chosen by us: a slip of its clock must not switch a trunk off.
const REST_MAX: Duration = Duration::from_secs(3600);

/// How much is remembered. Hops are those of configured trunks; a zone that changes at each question fills no memory.
const PLACES_MAX: usize = 1024;

impl Health {
    /// Takes a report.
    pub fn note(&mut self, report: &HopReport, now: Instant) {
        let place = (report.kind, report.address);
        self.forget_what_is_over(now);
        match report.conduct {
            Conduct::Answered => {
                self.resting.remove(&place);
                self.suspected.remove(&place);
            }
            Conduct::Overloaded { retry_after_s: Some(seconds) } => {
                let rest = Duration::from_secs(seconds.into()).min(REST_MAX);
                if self.resting.len() < PLACES_MAX {
                    self.resting.insert(place, now + rest);
                }
            }
            Conduct::Silent | Conduct::Unreachable | Conduct::Overloaded { retry_after_s: None } => {
                if self.suspected.len() < PLACES_MAX {
                    self.suspected.insert(place, now + SUSPICION);
                }
            }
        }
    }

    /// A probe found out whether a hop lives.
    pub fn set_down(&mut self, hop: &Hop, is_down: bool) {
        let place = (hop.kind, hop.address);
        if is_down {
            self.down.insert(place);
        } else {
            self.down.remove(&place);
            self.suspected.remove(&place);
        }
    }

    /// The hops that may be tried, in their order but for those that failed a moment ago, which come last.
    #[must_use]
    pub fn sort(&self, hops: Vec<Hop>, now: Instant) -> Vec<Hop> {
        let is_until = |places: &HashMap<Place, Instant>, hop: &Hop| {
            places.get(&(hop.kind, hop.address)).is_some_and(|until| *until > now)
        };
        let may_be_tried =
            |hop: &Hop| !is_until(&self.resting, hop) && !self.down.contains(&(hop.kind, hop.address));
        let (last, mut first): (Vec<_>, Vec<_>) =
            hops.into_iter().filter(may_be_tried).partition(|hop| is_until(&self.suspected, hop));
        first.extend(last);
        first
    }

    /// The first of them for what is due in a call, which goes to one that takes no new calls where there is no other.
    #[must_use]
    pub fn first(&self, hops: Vec<Hop>, now: Instant) -> Option<Hop> {
        self.sort(hops.clone(), now).into_iter().chain(hops).next()
    }

    /// What is held against a hop, in one word.
    #[must_use]
    pub fn word(&self, hop: &Hop, now: Instant) -> &'static str {
        let place = (hop.kind, hop.address);
        if self.down.contains(&place) {
            "down"
        } else if self.resting.get(&place).is_some_and(|until| *until > now) {
            "resting"
        } else if self.suspected.get(&place).is_some_and(|until| *until > now) {
            "suspected"
        } else {
            "up"
        }
    }

    fn forget_what_is_over(&mut self, now: Instant) {
        self.resting.retain(|_, until| *until > now);
        self.suspected.retain(|_, until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(last: u8) -> Hop {
        Hop::new(TransportKind::Udp, ([192, 0, 2, last], 5060).into())
    }

    fn report(last: u8, conduct: Conduct) -> HopReport {
        HopReport { kind: TransportKind::Udp, address: hop(last).address, conduct }
    }

    fn order(health: &Health, now: Instant) -> Vec<u8> {
        let last = |hop: Hop| match hop.address.ip() {
            std::net::IpAddr::V4(v4) => v4.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        };
        health.sort(vec![hop(1), hop(2), hop(3)], now).into_iter().map(last).collect()
    }

    #[test]
    fn who_was_silent_is_tried_last_for_half_a_minute() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert_eq!(order(&health, now), [1, 2, 3]);
        health.note(&report(1, Conduct::Silent), now);
        health.note(&report(2, Conduct::Unreachable), now);
        assert_eq!(order(&health, now), [3, 1, 2]);
        health.note(&report(2, Conduct::Answered), now);
        assert_eq!(order(&health, now), [2, 3, 1]);
        assert_eq!(order(&health, now + SUSPICION), [1, 2, 3]);
    }

    #[test]
    fn who_asks_for_a_rest_gets_it_for_an_hour_at_most() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.note(&report(1, Conduct::Overloaded { retry_after_s: Some(20) }), now);
        health.note(&report(2, Conduct::Overloaded { retry_after_s: Some(u32::MAX) }), now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!((order(&health, at(19)), health.word(&hop(1), at(19))), (vec![3], "resting"));
        assert_eq!(order(&health, at(20)), [1, 3]);
        assert_eq!(order(&health, at(3600)), [1, 2, 3]);
    }

    #[test]
    fn what_is_due_in_a_call_goes_to_who_wants_a_rest_or_is_down_where_there_is_no_other() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.note(&report(1, Conduct::Overloaded { retry_after_s: Some(20) }), now);
        health.set_down(&hop(2), true);
        assert_eq!(health.first(vec![hop(1), hop(2), hop(3)], now), Some(hop(3)));
        assert_eq!(health.first(vec![hop(1), hop(2)], now), Some(hop(1)));
        assert_eq!(health.first(vec![hop(2)], now), Some(hop(2)));
        assert_eq!(health.first(Vec::new(), now), None);
    }

    #[test]
    fn who_is_down_is_passed_over_until_it_is_up() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.set_down(&hop(2), true);
        health.note(&report(2, Conduct::Silent), now);
        assert_eq!((order(&health, now), health.word(&hop(2), now)), (vec![1, 3], "down"));
        health.set_down(&hop(2), false);
        assert_eq!((order(&health, now), health.word(&hop(2), now)), (vec![1, 2, 3], "up"));
    }
}
