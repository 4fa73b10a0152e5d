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
mod tests {
    use proptest::prelude::*;

    use super::super::held_packets::SLOTS;
    use super::*;
    use crate::rtp::{PayloadType, RtpHeader, Timestamp};

    const FRAME: Duration = Duration::from_millis(20);

    struct Bench {
        buffer: ReorderBuffer,
        now: Instant,
        heard: Vec<(u16, u32)>,
    }

    impl Bench {
        fn new() -> Self {
            Self { buffer: ReorderBuffer::default(), now: Instant::now(), heard: Vec::new() }
        }

        fn packet(&mut self, sequence: u16) -> Inserted {
            self.packet_of(20, sequence)
        }

        /// A packet of `length` bytes, whose last one is its sequence number's.
        fn packet_of(&mut self, length: usize, sequence: u16) -> Inserted {
            self.packet_from(Ssrc(1), length, sequence)
        }

        fn packet_from(&mut self, ssrc: Ssrc, length: usize, sequence: u16) -> Inserted {
            let mut bytes = vec![0; length];
            bytes[length - 1] = sequence.to_be_bytes()[1];
            let header = RtpHeader {
                payload_type: PayloadType::new(0).expect("seven bits"),
                marker: false,
                sequence: SequenceNumber(sequence),
                timestamp: Timestamp(0),
                ssrc,
            };
            header.write_to(&mut bytes);
            let packet = RtpPacket::parse(&bytes).expect("a whole packet");
            let inserted = self.buffer.insert(&packet, &bytes, self.now);
            if inserted == Inserted::Deliver {
                self.heard.push((sequence, 0));
            }
            self.drain();
            inserted
        }

        fn wait(&mut self, time: Duration) {
            self.now += time;
            self.drain();
        }

        fn drain(&mut self) {
            while let Some(ready) = self.buffer.next_ready(self.now) {
                let packet = RtpPacket::parse(ready.bytes).expect("what was inserted");
                assert_eq!(ready.bytes.last(), packet.sequence().0.to_be_bytes().last());
                self.heard.push((packet.sequence().0, ready.lost_before));
            }
            assert!(self.buffer.poll_timeout().is_none_or(|at| at > self.now), "what was due came out");
        }
    }

    #[test]
    fn packets_in_order_are_delivered_at_once_through_the_wrap() {
        let mut bench = Bench::new();
        for sequence in [65_534, 65_535, 0, 1] {
            assert_eq!(bench.packet(sequence), Inserted::Deliver);
        }
        assert_eq!(bench.buffer.poll_timeout(), None);
    }

    #[test]
    fn swapped_neighbours_are_put_back_in_order() {
        let mut bench = Bench::new();
        for sequence in [1, 3, 2, 4] {
            bench.packet(sequence);
        }
        assert_eq!(bench.heard, [(1, 0), (2, 0), (3, 0), (4, 0)]);
        assert_eq!(bench.buffer.counters(), ReorderCounters { reordered: 1, ..Default::default() });
    }

    #[test]
    fn a_lost_packet_is_given_up_after_the_wait_and_named() {
        let mut bench = Bench::new();
        bench.packet(1);
        assert_eq!(bench.packet(3), Inserted::Held);
        assert_eq!(bench.heard, [(1, 0)]);
        bench.wait(WAIT_MIN);
        assert_eq!(bench.heard, [(1, 0), (3, 1)]);
        assert_eq!(bench.buffer.counters().lost, 1);
    }

    #[test]
    fn two_gaps_are_named_separately() {
        let mut bench = Bench::new();
        for sequence in [1, 3, 6] {
            bench.packet(sequence);
        }
        bench.wait(WAIT_MIN);
        assert_eq!(bench.heard, [(1, 0), (3, 1), (6, 2)]);
    }

    #[test]
    fn a_gap_is_given_up_when_the_first_behind_it_has_waited_long_enough() {
        let mut bench = Bench::new();
        for sequence in [1, 5] {
            bench.packet(sequence);
        }
        bench.wait(WAIT_MIN / 2);
        bench.packet(4);
        bench.wait(WAIT_MIN / 2);
        assert_eq!(bench.heard, [(1, 0), (4, 2), (5, 0)]);
    }

    #[test]
    fn a_late_packet_is_dropped_and_teaches_patience() {
        let mut bench = Bench::new();
        bench.packet(1);
        bench.packet(3);
        bench.wait(WAIT_MIN);
        bench.wait(FRAME / 2);
        assert_eq!(bench.packet(2), Inserted::Dropped(DropReason::Late));
        bench.packet(5);
        bench.wait(WAIT_MIN);
        assert_eq!(bench.heard.last(), Some(&(3, 1)), "5 is still waited for");
        bench.wait(FRAME);
        assert_eq!(bench.heard.last(), Some(&(5, 1)));
    }

    #[test]
    fn a_packet_is_lost_or_late_and_never_both() {
        let mut bench = Bench::new();
        bench.packet(1);
        bench.packet(4);
        bench.wait(WAIT_MIN);
        let counters = |bench: &Bench| {
            let ReorderCounters { lost, late, duplicate, .. } = bench.buffer.counters();
            [lost, late, duplicate]
        };
        assert_eq!(counters(&bench), [2, 0, 0]);
        bench.packet(2);
        assert_eq!(counters(&bench), [1, 1, 0]);
        // What was given out is no late one, nor is what has come late already.
        for again in [1, 2, 4] {
            assert_eq!(bench.packet(again), Inserted::Dropped(DropReason::Duplicate));
        }
        bench.packet(5);
        bench.packet(3);
        assert_eq!(counters(&bench), [0, 2, 3]);
    }

    #[test]
    fn duplicates_are_dropped_whether_given_out_or_held() {
        let mut bench = Bench::new();
        bench.packet(1);
        assert_eq!(bench.packet(1), Inserted::Dropped(DropReason::Duplicate));
        bench.packet(3);
        assert_eq!(bench.packet(3), Inserted::Dropped(DropReason::Duplicate));
    }

    #[test]
    fn a_full_buffer_gives_the_gap_up_at_once() {
        let mut bench = Bench::new();
        bench.packet(1);
        for sequence in 3..3 + u16::try_from(SLOTS).expect("few") {
            bench.packet(sequence);
        }
        assert_eq!(bench.heard[1], (3, 1));
        assert_eq!(bench.heard.len(), 1 + SLOTS);
    }

    #[test]
    fn large_packets_fill_the_buffer_sooner_and_none_is_lost() {
        let mut bench = Bench::new();
        bench.packet(1);
        bench.packet_of(PACKET_MAX, 3);
        assert_eq!(bench.heard.len(), 1);
        bench.packet_of(PACKET_MAX, 4);
        assert_eq!(bench.heard[1..], [(3, 1), (4, 0)]);
    }

    #[test]
    fn what_is_given_out_makes_room_again() {
        let mut bench = Bench::new();
        bench.packet(1);
        for (sequence, length) in
            [(6, 700), (3, 600), (2, 100), (8, 700), (4, 100), (5, 100), (9, 600), (7, 20)]
        {
            bench.packet_of(length, sequence);
        }
        assert_eq!(bench.heard, (1..10).map(|sequence| (sequence, 0)).collect::<Vec<_>>());
    }

    #[test]
    fn a_sender_that_restarts_is_followed_without_repair() {
        let mut bench = Bench::new();
        bench.packet(1);
        assert_eq!(bench.packet(30_000), Inserted::Held);
        assert_eq!(bench.packet(30_001), Inserted::Held);
        assert_eq!(bench.packet(30_002), Inserted::Deliver);
        assert_eq!(bench.heard, [(1, 0), (30_000, 0), (30_001, 0), (30_002, 0)]);
    }

    #[test]
    fn another_stream_is_followed_and_its_first_packet_is_not_lost() {
        let mut bench = Bench::new();
        bench.packet(1);
        for sequence in [7, 8, 9] {
            bench.packet_from(Ssrc(2), PACKET_MAX, sequence);
        }
        assert_eq!(bench.heard, [(1, 0), (7, 0), (8, 0), (9, 0)]);
    }

    #[test]
    fn a_packet_that_strayed_disturbs_nothing() {
        let mut bench = Bench::new();
        bench.packet(1);
        bench.packet(3);
        for (ssrc, sequence) in [(1, 30_000), (1, 900), (1, 40_000)] {
            assert_eq!(bench.packet_from(Ssrc(ssrc), 20, sequence), Inserted::Held);
        }
        let anothers = Inserted::Dropped(DropReason::UnknownSsrc);
        assert_eq!(bench.packet_from(Ssrc(2), 20, 7), anothers, "one is waited for already");
        assert_eq!(bench.packet(2), Inserted::Deliver);
        assert_eq!(bench.packet_from(Ssrc(2), 20, 10), Inserted::Held, "one of ours came between");
        assert_eq!(bench.packet(4), Inserted::Deliver);
        assert_eq!(bench.heard, [(1, 0), (2, 0), (3, 0), (4, 0)]);
        assert_eq!(bench.buffer.counters(), ReorderCounters { reordered: 1, ..Default::default() });
    }

    /// As of a party that was moved while several talk to it.
    #[test]
    fn of_several_that_talk_at_once_the_first_is_heard_when_the_one_before_has_ended() {
        let mut bench = Bench::new();
        bench.packet(1);
        for number in 0..10 {
            for ssrc in [2, 3, 4] {
                bench.packet_from(Ssrc(ssrc), 20, 7000 + number);
            }
            bench.wait(FRAME);
        }
        assert_eq!(bench.heard.len(), 11, "{:?}", bench.heard);
        assert_eq!(bench.buffer.counters(), ReorderCounters::default());
    }

    proptest! {
        /// `drain` holds that nothing stays due.
        #[test]
        fn whatever_comes_is_given_out_in_order_and_in_time(
            arrivals in proptest::collection::vec((0u16..40, 20..=PACKET_MAX, 0u64..40), 1..100),
        ) {
            let mut bench = Bench::new();
            for (sequence, length, pause_ms) in arrivals {
                bench.wait(Duration::from_millis(pause_ms));
                bench.packet_of(length, sequence);
            }
            bench.wait(WAIT_MAX);
            prop_assert!(bench.heard.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert_eq!(bench.buffer.poll_timeout(), None);
        }
    }
}
