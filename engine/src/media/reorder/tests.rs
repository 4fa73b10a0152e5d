//! Packets in any order: what is delivered, when, and what is taken for lost.

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
    for (sequence, length) in [(6, 700), (3, 600), (2, 100), (8, 700), (4, 100), (5, 100), (9, 600), (7, 20)]
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
