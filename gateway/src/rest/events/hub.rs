//! Where all that happens comes together: the latest in a ring, and to each stream as it comes.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::sync::broadcast;
use webtrunk_signalling::cdr::Stamp;
use webtrunk_signalling::lock::lock;

use super::event::Happening;
use crate::rest::shared_ring::SharedRing;

/// Events of all customers that are kept for who was away. Chosen by us: some 3 KiB each, and a minute of a busy gateway.
const KEPT: usize = 2000;

/// Events that a stream may be behind. Past it the stream is closed.
const BEHIND: usize = 1024;

/// The hub; cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    /// Tells this process's numbers from those of one before.
    epoch: u32,
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Numbered>>,
    slow: AtomicU64,
}

struct Ring {
    last: u64,
    /// By the customers that make room for more, the first of each.
    events: SharedRing<Option<String>, Arc<Numbered>>,
    /// The last that made room: of each customer that might know of it, and of all.
    gone: HashMap<String, u64>,
    gone_of_all: u64,
}

/// An event with its number.
#[derive(Debug)]
pub struct Numbered {
    /// Its number, from 1 on, without a gap.
    pub number: u64,
    /// When it happened.
    pub at: Stamp,
    /// What.
    pub happening: Happening,
    /// The customers that may know of it.
    customers: Vec<String>,
}

/// The name of an event, as `id` of a stream has it: `5f3a91c2-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    epoch: u32,
    number: u64,
}

/// Some events were missed that are kept no more, or are of a process before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed;

impl Default for Hub {
    fn default() -> Self {
        let (live, _) = broadcast::channel(BEHIND);
        let ring = Ring { last: 0, events: SharedRing::new(KEPT), gone: HashMap::new(), gone_of_all: 0 };
        let slow = AtomicU64::default();
        Self(Arc::new(Inner { epoch: rand::random(), ring: Mutex::new(ring), live, slow }))
    }
}

impl Hub {
    /// Tells everybody; the customers that may know of it are told besides the operator, and it is kept as the first one's.
    pub fn publish(&self, happening: Happening, customers: Vec<String>) {
        let owner = customers.first().cloned();
        let mut ring = lock(&self.0.ring);
        ring.last += 1;
        let at = SystemTime::now().into();
        let event = Arc::new(Numbered { number: ring.last, at, happening, customers });
        if let Some(gone) = ring.events.push(owner, Arc::clone(&event)) {
            ring.note_gone(&gone);
        }
        // Within the lock, so that numbers come in their order. Nobody may be listening.
        let _ = self.0.live.send(event);
    }

    /// What happened after an event, where that is known, and what happens from now on. A customer misses what it might have
    /// known of alone; `None` is the operator.
    #[must_use]
    pub fn listen(
        &self,
        after: Option<EventId>,
        customer: Option<&str>,
    ) -> (Vec<Arc<Numbered>>, Option<Missed>, broadcast::Receiver<Arc<Numbered>>) {
        let ring = lock(&self.0.ring);
        let live = self.0.live.subscribe();
        let Some(after) = after else { return (Vec::new(), None, live) };
        let gone = match customer {
            Some(customer) => ring.gone.get(customer).copied().unwrap_or_default(),
            None => ring.gone_of_all,
        };
        let is_ours = after.epoch == self.0.epoch && after.number <= ring.last;
        let missed = (!is_ours || after.number < gone).then_some(Missed);
        let is_wanted = |event: &&Arc<Numbered>| missed.is_some() || event.number > after.number;
        let mut events: Vec<_> = ring.events.all().filter(is_wanted).cloned().collect();
        events.sort_unstable_by_key(|event| event.number);
        (events, missed, live)
    }

    /// The name of an event.
    #[must_use]
    pub fn name(&self, number: u64) -> EventId {
        EventId { epoch: self.0.epoch, number }
    }

    /// A stream did not keep up.
    pub fn note_slow(&self) {
        self.0.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// How many streams were closed since they did not keep up.
    #[must_use]
    pub fn slow(&self) -> u64 {
        self.0.slow.load(Ordering::Relaxed)
    }
}

impl Ring {
    fn note_gone(&mut self, event: &Numbered) {
        let later = |before: u64| before.max(event.number);
        self.gone_of_all = later(self.gone_of_all);
        for customer in &event.customers {
            let gone = self.gone.entry(customer.clone()).or_default();
            *gone = later(*gone);
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.epoch, self.number)
    }
}

impl std::str::FromStr for EventId {
    type Err = Missed;

    /// What is no name of ours is one that we do not know.
    fn from_str(text: &str) -> Result<Self, Missed> {
        let (epoch, number) = text.split_once('-').ok_or(Missed)?;
        let epoch = u32::from_str_radix(epoch, 16).map_err(|_| Missed)?;
        Ok(Self { epoch, number: number.parse().map_err(|_| Missed)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(events: &[Arc<Numbered>]) -> Vec<u64> {
        events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn who_comes_back_is_told_what_it_missed_or_that_it_is_not_known_any_more() {
        let hub = Hub::default();
        let happen = || hub.publish(Happening::Registration("alice".into(), 1), Vec::new());
        for _ in 0..3 {
            happen();
        }
        let (later, missed, mut live) = hub.listen(Some(hub.name(1)), None);
        assert_eq!((numbers(&later), missed), (vec![2, 3], None));
        happen();
        assert_eq!(live.try_recv().map(|event| event.number).ok(), Some(4), "and it goes on without a gap");
        assert_eq!(numbers(&hub.listen(None, None).0), [0_u64; 0], "who is new begins now");
        assert_eq!(hub.listen(Some(hub.name(4)), None).1, None);
        // A number that was never given, or by another process.
        assert_eq!(hub.listen(Some(hub.name(5)), None).1, Some(Missed));
        let other = EventId { epoch: hub.0.epoch.wrapping_add(1), number: 1 };
        assert_eq!(hub.listen(Some(other), None).1, Some(Missed));
        for _ in 0..KEPT {
            happen();
        }
        let (later, missed, _live) = hub.listen(Some(hub.name(2)), None);
        assert_eq!((later.len(), missed), (KEPT, Some(Missed)));
        assert_eq!(hub.listen(Some(hub.name(4)), None).1, None, "all that follow are kept");
        let name = hub.name(17);
        assert_eq!(name.to_string().parse(), Ok(name));
        for wrong in ["", "17", "xyz-1", "0-", "1-2-3"] {
            assert_eq!(wrong.parse::<EventId>(), Err(Missed), "{wrong}");
        }
    }

    #[test]
    fn who_makes_many_things_happen_makes_no_other_customer_miss_any() {
        let hub = Hub::default();
        let happen = |customer: &str| {
            hub.publish(Happening::Registration(format!("{customer}+a"), 1), vec![customer.to_owned()]);
        };
        happen("quiet");
        happen("quiet");
        for _ in 0..3 * KEPT {
            happen("flood");
        }
        happen("quiet");
        let listen = |customer, after| hub.listen(Some(hub.name(after)), Some(customer));
        let (kept, missed, _live) = listen("quiet", 1);
        let own: Vec<_> = kept.iter().filter(|event| event.customers == ["quiet"]).collect();
        assert_eq!((own.len(), own[0].number, missed), (2, 2, None));
        assert!(kept.is_sorted_by_key(|event| event.number));
        assert_eq!(listen("flood", 3).1, Some(Missed));
        assert_eq!(hub.listen(Some(hub.name(3)), None).1, Some(Missed), "the operator is told of all");
        let last = 3 * KEPT as u64;
        assert_eq!(listen("flood", last).1, None, "all that follow are kept");
    }

    #[test]
    fn who_does_not_keep_up_learns_it() {
        let hub = Hub::default();
        let (_, _, mut live) = hub.listen(None, None);
        for _ in 0..=BEHIND {
            hub.publish(Happening::Registration("alice".into(), 1), Vec::new());
        }
        assert!(matches!(live.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
    }
}
