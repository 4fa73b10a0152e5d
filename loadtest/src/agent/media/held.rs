//! Packets that a slow network has not brought yet.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Instant;

/// Packets on their way, each with the time at which it leaves.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: BinaryHeap<Reverse<Packet>>,
    /// Packets that are due at one time leave in the order in which they came.
    count: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Instant,
    number: u64,
    to: SocketAddr,
    datagram: Vec<u8>,
}

/// Packets on their way at most: far more than a call sends within any delay that there may be.
const HELD_MAX: usize = 1000;

impl Held {
    pub(super) fn push(&mut self, due: Instant, to: SocketAddr, datagram: Vec<u8>) {
        if self.queue.len() < HELD_MAX {
            self.count += 1;
            self.queue.push(Reverse(Packet { due, number: self.count, to, datagram }));
        }
    }

    /// When the next leaves.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.queue.peek().map(|next| next.0.due)
    }

    /// The next that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        if self.next_at()? > now {
            return None;
        }
        self.queue.pop().map(|next| (next.0.to, next.0.datagram))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn packets_leave_when_they_are_due_and_in_their_order() {
        let (now, to) = (Instant::now(), SocketAddr::from(([127, 0, 0, 1], 9)));
        let mut held = Held::default();
        for (after_ms, octet) in [(30, 1), (10, 2), (30, 3)] {
            held.push(now + Duration::from_millis(after_ms), to, vec![octet]);
        }
        assert_eq!(held.pop(now), None);
        assert_eq!(held.next_at(), Some(now + Duration::from_millis(10)));
        let late = now + Duration::from_millis(30);
        let order: Vec<_> = std::iter::from_fn(|| held.pop(late)).map(|(_, datagram)| datagram[0]).collect();
        assert_eq!(order, [2, 1, 3]);
    }
}
