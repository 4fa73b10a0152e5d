//! Packets counted against the clock: sequence numbers alone cannot tell what was never sent.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;

use crate::agent::Heard;

/// How the packets of one stream came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Arrivals {
    /// Packets that came, doubles not counted.
    pub packets: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Sequence numbers that never came.
    pub lost: u64,
    /// Packets that the time from first to last would have room for, and that did not come: -1 to 1 is
    /// none.
    pub missing_by_clock: i64,
    /// Interarrival jitter at the end, in milliseconds (RFC 3550 6.4.1).
    pub jitter_ms: f64,
    /// The longest time between two packets, in milliseconds.
    pub longest_gap_ms: f64,
    /// How much timestamps ran ahead of the time of arrival from first to last, in milliseconds.
    pub timestamp_drift_ms: f64,
}

/// Our own packets, and those of everybody that we talk to.
const PTIME: Duration = Duration::from_millis(20);

impl Arrivals {
    /// Of the stream that most of the audio came in; `None` where nothing came.
    #[must_use]
    pub fn of(heard: &Heard) -> Option<Self> {
        let count = |ssrc: u32| heard.packets.iter().filter(|packet| packet.ssrc == ssrc).count();
        let ssrc = heard.ssrcs().into_iter().max_by_key(|ssrc| count(*ssrc))?;
        let packets: Vec<_> = heard.packets.iter().filter(|packet| packet.ssrc == ssrc).collect();
        let (first, last) = (packets.first()?, packets.last()?);
        let clock_rate = f64::from(first.codec.clock_rate().hz());

        let mut counter = Counter::default();
        for packet in &packets {
            counter.push(packet.sequence);
        }
        let doubles_and_late = (counter.duplicates(), counter.reordered);
        let unique = counter.unique();

        let arrival = |at: usize| packets[at].at.duration_since(first.at).unwrap_or_default().as_secs_f64();
        let media = |at: usize| {
            f64::from(packets[at].timestamp.wrapping_sub(first.timestamp).cast_signed()) / clock_rate
        };
        let mut jitter = 0.0;
        let mut longest_gap: f64 = 0.0;
        for at in 1..packets.len() {
            let gap = arrival(at) - arrival(at - 1);
            longest_gap = longest_gap.max(gap);
            let difference: f64 = gap - (media(at) - media(at - 1));
            jitter += (difference.abs() - jitter) / 16.0;
        }
        let elapsed = last.at.duration_since(first.at).unwrap_or_default();
        let room = (elapsed.as_secs_f64() / PTIME.as_secs_f64()).round() as i64 + 1;
        Some(Self {
            packets: unique,
            duplicates: doubles_and_late.0,
            reordered: doubles_and_late.1,
            lost: Counter::of_stream(heard, ssrc).lost(),
            missing_by_clock: room - unique as i64,
            jitter_ms: jitter * 1000.0,
            longest_gap_ms: longest_gap * 1000.0,
            timestamp_drift_ms: (media(packets.len() - 1) - elapsed.as_secs_f64()) * 1000.0,
        })
    }
}

/// Whether each packet of the stream that most of the audio came in was lost, from the first that came to the last.
#[must_use]
pub fn losses_in_order(heard: &Heard) -> Vec<bool> {
    let count = |ssrc: u32| heard.packets.iter().filter(|packet| packet.ssrc == ssrc).count();
    let Some(ssrc) = heard.ssrcs().into_iter().max_by_key(|ssrc| count(*ssrc)) else { return Vec::new() };
    let counter = Counter::of_stream(heard, ssrc);
    let came: HashSet<_> = counter.sequences.iter().copied().collect();
    let ends = came.iter().min().zip(came.iter().max());
    ends.map_or_else(Vec::new, |(first, last)| (*first..=*last).map(|it| !came.contains(&it)).collect())
}

/// Sequence numbers, unwrapped.
#[derive(Default)]
struct Counter {
    sequences: Vec<i64>,
    highest: Option<i64>,
    reordered: u64,
}

impl Counter {
    /// Of all that shares the numbers of a stream, digits and comfort noise too. Each is counted when it came: a number
    /// of sixteen bits means another packet twenty minutes later.
    fn of_stream(heard: &Heard, ssrc: u32) -> Self {
        let mut counter = Self::default();
        let mut asides = heard.asides.iter().filter(|aside| aside.ssrc == ssrc).peekable();
        for (at, packet) in heard.packets.iter().enumerate() {
            while let Some(aside) = asides.next_if(|aside| aside.after <= at) {
                counter.push(aside.sequence);
            }
            if packet.ssrc == ssrc {
                counter.push(packet.sequence);
            }
        }
        // How much audio came before those that are left is not known where the log had no room for it.
        if heard.beyond_log == 0 {
            asides.for_each(|aside| counter.push(aside.sequence));
        }
        counter
    }

    fn push(&mut self, sequence: u16) {
        // From the middle of the counter's room, so that stragglers do not go below zero.
        let highest = self.highest.unwrap_or(1 << 32 | i64::from(sequence));
        let step = sequence.wrapping_sub((highest & 0xffff) as u16).cast_signed();
        let unwrapped = highest + i64::from(step);
        self.reordered += u64::from(unwrapped < highest);
        self.highest = Some(highest.max(unwrapped));
        self.sequences.push(unwrapped);
    }

    fn unique(&self) -> u64 {
        self.sequences.iter().collect::<HashSet<_>>().len() as u64
    }

    fn duplicates(&self) -> u64 {
        self.sequences.len() as u64 - self.unique()
    }

    fn lost(&self) -> u64 {
        let ends = self.sequences.iter().min().zip(self.sequences.iter().max());
        ends.map_or(0, |(first, last)| (last - first + 1).cast_unsigned() - self.unique())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use webtrunk_codecs::CodecId;

    use super::*;
    use crate::agent::{Aside, HeardPacket};

    fn heard(indexes: &[u16]) -> Heard {
        let packets = indexes.iter().map(|index| HeardPacket {
            at: SystemTime::UNIX_EPOCH + PTIME * u32::from(*index),
            from: std::net::SocketAddr::from(([192, 0, 2, 1], 4000)),
            codec: CodecId::Pcmu,
            sequence: 65_533_u16.wrapping_add(*index),
            timestamp: u32::MAX.wrapping_add(160 * u32::from(*index)),
            marker: false,
            ssrc: 1,
            payload: [0; 160].into(),
        });
        Heard { packets: packets.collect(), ..Heard::default() }
    }

    /// A digit or comfort noise in the place of this packet, behind so many with audio.
    fn aside(index: u16, after: usize) -> Aside {
        Aside { ssrc: 1, sequence: 65_533_u16.wrapping_add(index), after }
    }

    #[test]
    fn a_clean_stream_over_the_wrap() {
        let indexes: Vec<_> = (0..100).collect();
        let arrivals = Arrivals::of(&heard(&indexes)).expect("some");
        assert_eq!((arrivals.packets, arrivals.lost, arrivals.missing_by_clock), (100, 0, 0));
        assert_eq!((arrivals.duplicates, arrivals.reordered), (0, 0));
        assert!(arrivals.jitter_ms < 0.001 && arrivals.timestamp_drift_ms.abs() < 0.001, "{arrivals:?}");
    }

    #[test]
    fn every_fate_is_counted() {
        let arrivals = Arrivals::of(&heard(&[0, 1, 2, 4, 3, 5, 5, 8, 9])).expect("some");
        assert_eq!((arrivals.packets, arrivals.lost, arrivals.missing_by_clock), (8, 2, 2));
        assert_eq!((arrivals.duplicates, arrivals.reordered), (1, 1));
        assert!((arrivals.longest_gap_ms - 60.0).abs() < 0.001);
        let lost = losses_in_order(&heard(&[0, 1, 2, 4, 3, 5, 5, 8, 9]));
        assert_eq!(lost, [false, false, false, false, false, false, true, true, false, false]);
    }

    #[test]
    fn digits_are_no_loss() {
        let mut digits = heard(&[0, 1, 2, 6, 7]);
        digits.asides = (3..6).map(|index| aside(index, 3)).collect();
        digits.asides.push(Aside { ssrc: 2, sequence: 9, after: 5 });
        let arrivals = Arrivals::of(&digits).expect("some");
        assert_eq!((arrivals.lost, arrivals.missing_by_clock, arrivals.reordered), (0, 3, 0));
    }

    /// Eleven minutes later its number would be that of a packet to come.
    #[test]
    fn what_came_beside_the_audio_early_in_a_long_call_is_no_loss_either() {
        let indexes: Vec<_> = (0..40_000).filter(|index| *index != 100).collect();
        let mut long = heard(&indexes);
        long.asides.push(aside(100, 100));
        assert_eq!(Arrivals::of(&long).map(|it| (it.packets, it.lost, it.reordered)), Some((39_999, 0, 0)));
        let lost = losses_in_order(&long);
        assert!(lost.len() == 40_000 && !lost.contains(&true), "{}", lost.len());
    }

    #[test]
    fn a_digit_behind_audio_for_which_the_log_had_no_room_makes_no_loss_of_that() {
        let mut full = heard(&[0, 1, 2]);
        full.beyond_log = 5000;
        full.asides = vec![aside(5003, 3)];
        assert_eq!(Arrivals::of(&full).map(|it| (it.packets, it.lost)), Some((3, 0)));
        assert_eq!(losses_in_order(&full), [false; 3]);
    }

    #[test]
    fn what_was_never_sent_is_missing_by_the_clock_alone() {
        let mut gap = heard(&[0, 1, 2, 3, 4]);
        for packet in &mut gap.packets[3..] {
            packet.at += PTIME * 10;
            packet.timestamp = packet.timestamp.wrapping_add(1600);
        }
        let arrivals = Arrivals::of(&gap).expect("some");
        assert_eq!((arrivals.lost, arrivals.missing_by_clock), (0, 10));
        assert_eq!(Arrivals::of(&Heard::default()), None);
    }
}
