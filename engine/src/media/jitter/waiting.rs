//! Packets that wait for their time, in the order they were sent.

use std::collections::VecDeque;

use super::record::Content;
use crate::rtp::{ExtendedSequence, PayloadType};

/// Most packets that wait: more than the longest delay at the shortest packet time.
const WAITING_MAX: usize = 128;

/// A packet in the ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) sequence: ExtendedSequence,
    /// The unwrapped timestamp.
    pub(super) timestamp: i64,
    pub(super) arrived_us: i64,
    pub(super) content: Content,
    pub(super) payload_type: PayloadType,
    /// Where its payload begins in the ring.
    pub(super) position: u64,
    /// Bytes of payload.
    pub(super) length: usize,
}

/// The queue; it never grows.
#[derive(Debug)]
pub(super) struct Waiting {
    held: VecDeque<Held>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { held: VecDeque::with_capacity(WAITING_MAX) }
    }

    /// Puts a packet, of which there is no other, at its place. If there is no room the first one,
    /// which may be the packet itself, gives way and is returned.
    pub(super) fn insert(&mut self, packet: Held) -> Option<Held> {
        let behind = self.held.iter().rev().take_while(|held| held.sequence > packet.sequence).count();
        let mut place = self.held.len() - behind;
        let mut given_way = None;
        if self.held.len() == WAITING_MAX {
            if place == 0 {
                return Some(packet);
            }
            given_way = self.held.pop_front();
            place -= 1;
        }
        self.held.insert(place, packet);
        given_way
    }

    pub(super) fn front(&self) -> Option<Held> {
        self.held.front().copied()
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        self.held.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }

    /// The first position in the ring that is still needed.
    pub(super) fn first_position(&self) -> Option<u64> {
        self.held.iter().map(|held| held.position).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: i64) -> Held {
        Held {
            sequence: ExtendedSequence(sequence),
            timestamp: 0,
            arrived_us: 0,
            content: Content::Voice,
            payload_type: PayloadType::PCMU,
            position: 1000 - sequence.unsigned_abs(),
            length: 0,
        }
    }

    #[test]
    fn packets_wait_in_order_and_the_first_gives_way() {
        let mut waiting = Waiting::new();
        for sequence in [3, 1, 2].into_iter().chain(4..=128) {
            assert!(waiting.insert(packet(sequence)).is_none());
        }
        assert_eq!(waiting.first_position(), Some(1000 - 128));
        assert_eq!(waiting.insert(packet(200)).map(|held| held.sequence.0), Some(1));
        assert_eq!(waiting.insert(packet(0)).map(|held| held.sequence.0), Some(0), "it is the first itself");
        assert_eq!(waiting.insert(packet(150)).map(|held| held.sequence.0), Some(2));
        let order: Vec<i64> = std::iter::from_fn(|| waiting.pop()).map(|held| held.sequence.0).collect();
        assert!(order.is_sorted() && order.len() == 128);
        assert_eq!((order[0], order[127]), (3, 200));
    }
}
