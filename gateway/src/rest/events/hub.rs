//! Where all that happens comes together: the latest in a ring, and to each stream as it comes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::sync::broadcast;
use webtrunk_signalling::cdr::Stamp;
use webtrunk_signalling::lock::lock;

use super::event::Happening;

/// Events that are kept for who was away. Chosen by us: some 3 KiB each, and a minute of a busy gateway.
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

#[derive(Default)]
struct Ring {
    last: u64,
    events: VecDeque<Arc<Numbered>>,
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
        let (ring, slow) = Default::default();
        Self(Arc::new(Inner { epoch: rand::random(), ring, live, slow }))
    }
}

impl Hub {
    /// Tells everybody.
    pub fn publish(&self, happening: Happening) {
        let mut ring = lock(&self.0.ring);
        ring.last += 1;
        let event = Arc::new(Numbered { number: ring.last, at: SystemTime::now().into(), happening });
        if ring.events.len() >= KEPT {
            ring.events.pop_front();
        }
        ring.events.push_back(Arc::clone(&event));
        // Within the lock, so that numbers come in their order. Nobody may be listening.
        let _ = self.0.live.send(event);
    }

    /// What happened after an event, where that is known, and what happens from now on.
    #[must_use]
    pub fn listen(
        &self,
        after: Option<EventId>,
    ) -> (Vec<Arc<Numbered>>, Option<Missed>, broadcast::Receiver<Arc<Numbered>>) {
        let ring = lock(&self.0.ring);
        let live = self.0.live.subscribe();
        let Some(after) = after else { return (Vec::new(), None, live) };
        let oldest = ring.events.front().map_or(ring.last + 1, |event| event.number);
        let is_ours = after.epoch == self.0.epoch && after.number <= ring.last;
        if !is_ours || after.number + 1 < oldest {
            return (ring.events.iter().cloned().collect(), Some(Missed), live);
        }
        let later = ring.events.iter().filter(|event| event.number > after.number);
        (later.cloned().collect(), None, live)
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

    /// How many streams there are.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.0.live.receiver_count()
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
        let happen = || hub.publish(Happening::Registration("alice".into(), 1));
        for _ in 0..3 {
            happen();
        }
        let (later, missed, mut live) = hub.listen(Some(hub.name(1)));
        assert_eq!((numbers(&later), missed), (vec![2, 3], None));
        happen();
        assert_eq!(live.try_recv().map(|event| event.number).ok(), Some(4), "and it goes on without a gap");
        assert_eq!(numbers(&hub.listen(None).0), [0_u64; 0], "who is new begins now");
        assert_eq!(hub.listen(Some(hub.name(4))).1, None);
        // A number that was never given, or by another process.
        assert_eq!(hub.listen(Some(hub.name(5))).1, Some(Missed));
        let other = EventId { epoch: hub.0.epoch.wrapping_add(1), number: 1 };
        assert_eq!(hub.listen(Some(other)).1, Some(Missed));
        for _ in 0..KEPT {
            happen();
        }
        let (later, missed, _live) = hub.listen(Some(hub.name(2)));
        assert_eq!((later.len(), missed), (KEPT, Some(Missed)));
        assert_eq!(hub.listen(Some(hub.name(4))).1, None, "all that follow are kept");
        let name = hub.name(17);
        assert_eq!(name.to_string().parse(), Ok(name));
        for wrong in ["", "17", "xyz-1", "0-", "1-2-3"] {
            assert_eq!(wrong.parse::<EventId>(), Err(Missed), "{wrong}");
        }
    }

    #[test]
    fn who_does_not_keep_up_learns_it() {
        let hub = Hub::default();
        let (_, _, mut live) = hub.listen(None);
        for _ in 0..=BEHIND {
            hub.publish(Happening::Registration("alice".into(), 1));
        }
        assert!(matches!(live.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
    }
}
