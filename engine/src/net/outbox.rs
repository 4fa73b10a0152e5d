//! Datagrams on their way out, collected so that many leave by one system call.
//!
//! The slots are made once and written in place: a packet is encoded, protected and sent from the
//! same bytes.

use std::net::SocketAddr;

/// Datagrams collected before a flush is due. 32 is where the system call's share stops shrinking.
pub(super) const BATCH: usize = 32;

/// Largest datagram that we send: Ethernet's payload.
pub(super) const DATAGRAM_MAX: usize = 1500;

/// One of the shard's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub usize);

impl SocketId {
    /// Not one socket but all TCP streams: the peer's address tells which.
    pub const STREAMS: Self = Self(usize::MAX);
}

/// Collects datagrams.
#[derive(Debug)]
pub struct Outbox {
    slots: Box<[[u8; DATAGRAM_MAX]]>,
    queued: Vec<Queued>,
    overflowed: u64,
}

/// A datagram that waits in a slot.
#[derive(Debug, Clone, Copy)]
struct Queued {
    socket: SocketId,
    slot: usize,
    to: SocketAddr,
    length: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            slots: vec![[0; DATAGRAM_MAX]; BATCH * 4].into_boxed_slice(),
            queued: Vec::with_capacity(BATCH * 4),
            overflowed: 0,
        }
    }
}

impl Outbox {
    /// The next free slot, to be written and then committed; `None`, and counted, when all wait.
    pub fn slot(&mut self) -> Option<&mut [u8; DATAGRAM_MAX]> {
        let free = self.slots.get_mut(self.queued.len());
        if free.is_none() {
            self.overflowed += 1;
        }
        free
    }

    /// Queues the first `length` bytes of the slot that was just written.
    pub fn commit(&mut self, length: usize, socket: SocketId, to: SocketAddr) {
        debug_assert!(length <= DATAGRAM_MAX, "a slot holds no more");
        self.queued.push(Queued { socket, slot: self.queued.len(), to, length });
    }

    /// Queues a copy of `datagram`.
    pub fn push(&mut self, datagram: &[u8], socket: SocketId, to: SocketAddr) {
        if datagram.len() > DATAGRAM_MAX {
            return;
        }
        let Some(slot) = self.slot() else { return };
        slot[..datagram.len()].copy_from_slice(datagram);
        self.commit(datagram.len(), socket, to);
    }

    /// Whether a flush is due before more is done.
    #[must_use]
    pub fn is_batch_full(&self) -> bool {
        self.queued.len() >= BATCH
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    /// What waits, in the order in which it came.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (SocketId, SocketAddr, &[u8])> {
        let slots = &self.slots;
        self.queued.iter().map(move |queued| (queued.socket, queued.to, &slots[queued.slot][..queued.length]))
    }

    /// Hands what waits to `send`, at most a batch of datagrams of one socket at a time, and forgets
    /// it. Datagrams of one socket keep their order.
    pub fn drain(&mut self, mut send: impl FnMut(SocketId, Run<'_>)) {
        self.queued.sort_unstable_by_key(|queued| (queued.socket, queued.slot));
        for run in self.queued.chunk_by(|one, next| one.socket == next.socket) {
            for queued in run.chunks(BATCH) {
                send(run[0].socket, Run { queued, slots: &self.slots });
            }
        }
        self.queued.clear();
    }

    /// Datagrams that found no slot, since the begin.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

/// Datagrams for one socket.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    queued: &'a [Queued],
    slots: &'a [[u8; DATAGRAM_MAX]],
}

impl<'a> Run<'a> {
    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.queued.len()
    }

    /// Each with where it goes.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &'a [u8])> {
        let slots = self.slots;
        self.queued.iter().map(move |queued| (queued.to, &slots[queued.slot][..queued.length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_of_one_socket_leave_together_and_in_order() {
        let to: SocketAddr = "192.0.2.1:5000".parse().expect("an address");
        let mut outbox = Outbox::default();
        for (byte, socket) in [(1, 7), (2, 3), (3, 7), (4, 3), (5, 7)] {
            outbox.push(&[byte], SocketId(socket), to);
        }
        let mut sent = Vec::new();
        outbox.drain(|socket, run| {
            sent.push((socket.0, run.iter().map(|(_, bytes)| bytes[0]).collect::<Vec<_>>()))
        });
        assert_eq!(sent, [(3, vec![2, 4]), (7, vec![1, 3, 5])]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_finds_no_slot_is_counted() {
        let to: SocketAddr = "192.0.2.1:5000".parse().expect("an address");
        let mut outbox = Outbox::default();
        for _ in 0..BATCH * 4 + 3 {
            outbox.push(&[0], SocketId(0), to);
        }
        assert_eq!(outbox.overflowed(), 3);
    }
}
