//! Packets that wait behind a gap: copies, for the datagrams that they came in are gone by then.
//!
//! One store serves whichever stream of its thread has something that waits (`media::lent`).

use std::cell::RefCell;
use std::fmt;
use std::thread::LocalKey;
use std::time::Instant;

use super::lent::{Idle, Room};
use super::limits::PACKET_MAX;
use crate::rtp::SequenceNumber;

/// Packets that one stream may have here. Eight are 160 ms of voice, more than is ever waited for.
pub(super) const SLOTS: usize = 8;

/// Bytes of all of them: eight packets of 20 ms of G.711 and one of [`PACKET_MAX`].
const STORE: usize = 3072;

/// What waits of one stream.
pub(super) struct HeldPackets {
    slots: [Option<Held>; SLOTS],
    bytes: [u8; STORE],
}

/// A packet that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) sequence: SequenceNumber,
    /// When what is missing before it is waited for no longer.
    pub(super) give_up_at: Instant,
    /// Where in the store.
    begin: usize,
    length: usize,
}

thread_local! {
    static IDLE: Idle<HeldPackets> = const { RefCell::new(Vec::new()) };
}

impl Room for HeldPackets {
    fn idle() -> &'static LocalKey<Idle<Self>> {
        &IDLE
    }
}

impl Default for HeldPackets {
    fn default() -> Self {
        Self { slots: [None; SLOTS], bytes: [0; STORE] }
    }
}

impl HeldPackets {
    /// Puts a packet beside the others; whether there was room.
    pub(super) fn put(&mut self, sequence: SequenceNumber, bytes: &[u8], give_up_at: Instant) -> bool {
        self.compact();
        let (begin, length) = (self.stored(), bytes.len());
        let slot = self.slots.iter_mut().find(|slot| slot.is_none());
        let (Some(slot), Some(room)) = (slot, self.bytes.get_mut(begin..begin + length)) else {
            return false;
        };
        room.copy_from_slice(bytes);
        *slot = Some(Held { sequence, give_up_at, begin, length });
        true
    }

    /// The first of them from `expected` on.
    pub(super) fn first(&self, expected: SequenceNumber) -> Option<Held> {
        self.iter().min_by_key(|held| held.sequence.distance_from(expected)).copied()
    }

    /// Takes one out; its bytes stay until the next is put here.
    pub(super) fn remove(&mut self, held: &Held) -> &[u8] {
        if let Some(slot) =
            self.slots.iter_mut().find(|slot| slot.is_some_and(|it| it.sequence == held.sequence))
        {
            *slot = None;
        }
        &self.bytes[held.begin..held.begin + held.length]
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.slots = [None; SLOTS];
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.slots.iter().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether there is no room for whatever comes next.
    pub(super) fn is_full(&self) -> bool {
        self.slots.iter().all(Option::is_some) || self.stored() + PACKET_MAX > STORE
    }

    /// Bytes that are held.
    fn stored(&self) -> usize {
        self.iter().map(|held| held.length).sum()
    }

    /// Moves what is held to the front of the store.
    fn compact(&mut self) {
        self.slots.sort_unstable_by_key(|slot| slot.map_or(STORE, |held| held.begin));
        let mut end = 0;
        for held in self.slots.iter_mut().flatten() {
            self.bytes.copy_within(held.begin..held.begin + held.length, end);
            held.begin = end;
            end += held.length;
        }
    }
}

/// Without the voice.
impl fmt::Debug for HeldPackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
