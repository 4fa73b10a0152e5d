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

    /// Puts a packet, of which there is no other, at its place; the first one gives way if there is no room.
    pub(super) fn insert(&mut self, packet: Held) -> Option<Held> {
        let given_way = if self.held.len() == WAITING_MAX { self.held.pop_front() } else { None };
        let behind = self.held.iter().rev().take_while(|held| held.sequence > packet.sequence).count();
        self.held.insert(self.held.len() - behind, packet);
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
