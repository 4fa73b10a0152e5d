//! Puts packets back in order for packet-driven consumers, waiting only where there is a gap.
//!
//! A packet in sequence is delivered at once and never copied. A packet after a gap is held, for an
//! adaptive moment in which the missing one may still come; then it is delivered together with the
//! number of packets that were lost before it, for its reader to repair. A packet of another stream, or from far away
//! in this one, is held too until the one after it shows that it has not strayed.

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use super::held_packets::HeldPackets;
use super::lent;
use super::limits::PACKET_MAX;
use crate::rtp::{DropReason, RtpPacket, SequenceNumber, Ssrc};

/// The least that is waited: a neighbour swapped on the way comes within a packet time.
const WAIT_MIN: Duration = Duration::from_millis(20);

/// The most that is waited. ITU-T G.114 leaves 150 ms for the whole way; a third is for us.
const WAIT_MAX: Duration = Duration::from_millis(60);

/// What is waited longer after a packet that came too late, beyond its lateness. Chosen by us.
const PATIENCE: Duration = Duration::from_millis(5);

/// A packet from before the cursor that comes longer after a gap is a duplicate, not the missing one.
const LATENESS_MAX: Duration = Duration::from_secs(1);

/// A jump longer than this is a restart of the sender, not loss (RFC 3550 A.1 has 3000; at 50
/// packets a second one minute of repair serves nobody).
const RESTART_JUMP: i16 = 150;

/// For so long a packet of another stream waits for the one after it, whatever others send meanwhile: of several who
/// talk at once the first is heard. Longer than a packet of 60 ms that comes late; chosen by us.
const DOUBTED_MAX: Duration = Duration::from_millis(100);

/// Reorders one RTP stream.
#[derive(Debug)]
pub struct ReorderBuffer {
    stream: Option<Stream>,
    /// Packets behind a gap, while there are such.
    held: Option<Box<HeldPackets>>,
    doubted: Option<Doubted>,
    wait: Duration,
    counters: ReorderCounters,
}

/// What happened to packets, by the glossary's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReorderCounters {
    /// Never came, as far as is known now: one that comes late after all is moved to `late`.
    pub lost: u64,
    /// Came after they had been given up.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Came out of order but in time.
    pub reordered: u64,
}

impl AddAssign for ReorderCounters {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.late += other.late;
        self.duplicate += other.duplicate;
        self.reordered += other.reordered;
    }
}

/// What became of a packet that was inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is the next one: read it now, then drain [`ReorderBuffer::next_ready`].
    Deliver,
    /// It waits behind a gap; [`ReorderBuffer::next_ready`] gives it out when its time has come.
    Held,
    /// It is of no use.
    Dropped(DropReason),
}

/// A packet given out of the buffer.
#[derive(Debug)]
pub struct Ready<'a> {
    /// The whole plain RTP packet.
    pub bytes: &'a [u8],
    /// Packets that were lost just before it.
    pub lost_before: u32,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: Ssrc,
    /// The next sequence number to give out.
    expected: SequenceNumber,
    /// When the gap at `expected` was given up, for measuring how late a late packet is.
    gave_up_at: Option<Instant>,
    /// Which of the numbers before `expected` were given up and have not come: the last of them is the lowest bit.
    missing: u64,
}

/// A packet that may have strayed, or be the first of what comes from now on.
#[derive(Debug)]
struct Doubted {
    ssrc: Ssrc,
    sequence: SequenceNumber,
    came_at: Instant,
    /// It alone.
    packet: Box<HeldPackets>,
}

impl Default for ReorderBuffer {
    fn default() -> Self {
        let counters = ReorderCounters::default();
        Self { stream: None, held: None, doubted: None, wait: WAIT_MIN, counters }
    }
}

impl ReorderBuffer {
    /// Takes one packet, `bytes` being the whole of it.
    pub fn insert(&mut self, packet: &RtpPacket<'_>, bytes: &[u8], now: Instant) -> Inserted {
        let (ssrc, sequence) = (packet.ssrc(), packet.sequence());
        let Some(stream) = self.stream else {
            self.begin_stream(ssrc, sequence.next());
            return Inserted::Deliver;
        };
        let ahead = sequence.distance_from(stream.expected);
        if ssrc != stream.ssrc || ahead.unsigned_abs() > RESTART_JUMP.unsigned_abs() {
            return self.doubt(ssrc, sequence, bytes, now);
        }
        self.forget_doubted();
        if ahead < 0 {
            return self.note_late(stream, ahead, now);
        }
        if ahead == 0 {
            self.expect(sequence.next());
            if self.held.as_ref().is_some_and(|held| !held.is_empty()) {
                self.counters.reordered += 1;
            }
            return Inserted::Deliver;
        }
        self.hold(sequence, bytes, now)
    }

    /// The next packet whose turn or time has come; call until `None`.
    pub fn next_ready(&mut self, now: Instant) -> Option<Ready<'_>> {
        let stream = self.stream?;
        let Some(first) = self.held.as_ref()?.first(stream.expected) else {
            self.forget_held();
            return None;
        };
        let gap = first.sequence.distance_from(stream.expected);
        // Whichever packet waits behind the gap has waited for it.
        let is_due = self.poll_timeout().is_some_and(|at| at <= now);
        if gap > 0 && !is_due && !self.held.as_ref()?.is_full() {
            return None;
        }
        let lost_before = u32::try_from(gap).unwrap_or(0);
        self.counters.lost += u64::from(lost_before);
        self.expect(first.sequence.next());
        if lost_before > 0 {
            // Those given up lie before the one that is given out.
            let given_up = !u64::MAX.checked_shl(lost_before).unwrap_or(0) << 1;
            self.stream = self.stream.map(|stream| {
                let missing = stream.missing | given_up;
                Stream { gave_up_at: Some(now), missing, ..stream }
            });
        }
        Some(Ready { bytes: self.held.as_mut()?.remove(&first), lost_before })
    }

    /// When [`Self::next_ready`] has something again without a new packet.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.held.as_ref()?.iter().map(|held| held.give_up_at).min()
    }

    /// Forgets the stream: the next packet, whatever its number, begins one.
    pub fn forget_stream(&mut self) {
        self.stream = None;
        self.forget_held();
        self.forget_doubted();
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> ReorderCounters {
        self.counters
    }

    fn begin_stream(&mut self, ssrc: Ssrc, expected: SequenceNumber) {
        self.forget_held();
        self.stream = Some(Stream { ssrc, expected, gave_up_at: None, missing: 0 });
    }

    /// A packet that may have strayed. Two in a row begin a stream (RFC 3550 A.1), of which the first is not lost.
    fn doubt(&mut self, ssrc: Ssrc, sequence: SequenceNumber, bytes: &[u8], now: Instant) -> Inserted {
        if bytes.len() > PACKET_MAX {
            return Inserted::Dropped(DropReason::TooLong);
        }
        let is_anothers = |first: &Doubted| {
            first.ssrc != ssrc && now.saturating_duration_since(first.came_at) < DOUBTED_MAX
        };
        if self.doubted.as_ref().is_some_and(is_anothers) {
            return Inserted::Dropped(DropReason::UnknownSsrc);
        }
        let before = self.doubted.take();
        let is_second =
            before.as_ref().is_some_and(|first| first.ssrc == ssrc && first.sequence.next() == sequence);
        let first = before.as_ref().map_or(sequence, |first| first.sequence);
        let mut packets = before.map_or_else(lent::take, |before| before.packet);
        if is_second {
            self.begin_stream(ssrc, first);
        } else {
            packets.clear();
        }
        if !packets.put(sequence, bytes, now) {
            lent::give_back(packets);
            return Inserted::Dropped(DropReason::Overrun);
        }
        if is_second {
            self.held = Some(packets);
        } else {
            self.doubted = Some(Doubted { ssrc, sequence, came_at: now, packet: packets });
        }
        Inserted::Held
    }

    /// A packet behind the cursor: its lateness teaches how long to wait for the next one.
    fn note_late(&mut self, stream: Stream, ahead: i16, now: Instant) -> Inserted {
        let bit = 1_u64.checked_shl(u32::from(ahead.unsigned_abs()) - 1).unwrap_or(0);
        let lateness = stream.gave_up_at.map(|gave_up_at| now.saturating_duration_since(gave_up_at));
        let Some(lateness) =
            lateness.filter(|lateness| *lateness < LATENESS_MAX && stream.missing & bit != 0)
        else {
            self.counters.duplicate += 1;
            return Inserted::Dropped(DropReason::Duplicate);
        };
        self.stream = Some(Stream { missing: stream.missing & !bit, ..stream });
        self.counters.late += 1;
        self.counters.lost = self.counters.lost.saturating_sub(1);
        self.wait = (self.wait + lateness + PATIENCE).min(WAIT_MAX);
        Inserted::Dropped(DropReason::Late)
    }

    fn hold(&mut self, sequence: SequenceNumber, bytes: &[u8], now: Instant) -> Inserted {
        if bytes.len() > PACKET_MAX {
            return Inserted::Dropped(DropReason::TooLong);
        }
        let held = self.held.get_or_insert_with(lent::take);
        if held.iter().any(|held| held.sequence == sequence) {
            self.counters.duplicate += 1;
            return Inserted::Dropped(DropReason::Duplicate);
        }
        if held.put(sequence, bytes, now + self.wait) {
            Inserted::Held
        } else {
            Inserted::Dropped(DropReason::Late)
        }
    }

    /// Nothing waits any more, or need not.
    fn forget_held(&mut self) {
        if let Some(held) = self.held.take() {
            give_back(held);
        }
    }

    /// It had strayed.
    fn forget_doubted(&mut self) {
        if let Some(doubted) = self.doubted.take() {
            give_back(doubted.packet);
        }
    }

    /// Moves the cursor on; every gap closed in time lets the wait shrink a little.
    fn expect(&mut self, sequence: SequenceNumber) {
        self.stream = self.stream.map(|stream| {
            let passed = u32::from(sequence.distance_from(stream.expected).unsigned_abs());
            let missing = stream.missing.checked_shl(passed).unwrap_or(0);
            Stream { expected: sequence, missing, ..stream }
        });
        self.wait = (self.wait - self.wait / 512).max(WAIT_MIN);
    }
}

fn give_back(mut held: Box<HeldPackets>) {
    held.clear();
    lent::give_back(held);
}

#[cfg(test)]
mod tests;
