//! How late the load tester itself was: who is late cannot blame others.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Spread;
use crate::agent::Sent;

/// How late packets left, and calls were dialled. It is no larger after a day of calls than after a minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lateness {
    packets: Spread,
    /// The latest of them.
    latest: Duration,
    dials: Spread,
}

/// How late the load tester was in all, and whether it may judge.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fitness {
    /// Packets that were looked at.
    pub packets: usize,
    /// Half of them left at most so late, in milliseconds.
    pub p50_ms: f64,
    /// One in a hundred left later than this.
    pub p99_ms: f64,
    /// The latest.
    pub max_ms: f64,
    /// Packets that left later than 20 ms, in percent.
    pub late_percent: f64,
    /// One in a hundred calls was dialled later than this after its time, in milliseconds.
    pub dial_p99_ms: f64,
    /// Whether timing may be judged: at most one packet in a hundred was late by one packet's time. Of several load
    /// testers, that each of them was on time.
    pub is_fit: bool,
    /// How late packets left.
    #[serde(default)]
    pub packets_late: Spread,
    /// How late calls were dialled.
    #[serde(default)]
    pub dials_late: Spread,
}

/// Later than this by one packet's time counts.
const LATE: Duration = Duration::from_millis(20);
/// Late packets of all, in percent, from which on the load tester was not fit. Chosen by us.
pub const LATE_PERCENT_MAX: f64 = 1.0;
/// A call that is dialled so late is not the load that was asked for.
const DIAL_MAX_MS: f64 = 500.0;

impl Lateness {
    /// How late each packet left, against the clock that the quickest of them tell.
    #[must_use]
    pub fn of_packets(sent: &Sent) -> Vec<Duration> {
        let (Some(first), Some(codec)) = (sent.packets.first(), sent.codec) else { return Vec::new() };
        let rate = f64::from(codec.clock_rate().hz());
        let offsets: Vec<f64> = sent
            .packets
            .iter()
            .map(|packet| {
                let left = match packet.at.duration_since(first.at) {
                    Ok(after) => after.as_secs_f64(),
                    Err(before) => -before.duration().as_secs_f64(),
                };
                left - f64::from(packet.timestamp.wrapping_sub(first.timestamp)) / rate
            })
            .collect();
        let least = offsets.iter().copied().fold(f64::INFINITY, f64::min);
        offsets.iter().map(|offset| Duration::from_secs_f64(offset - least)).collect()
    }

    /// Takes the packets of one end of one call; the latest of them.
    pub fn note(&mut self, sent: &Sent) -> Duration {
        let packets = Self::of_packets(sent);
        let latest = packets.iter().max().copied().unwrap_or_default();
        self.packets.merge(&Spread::of(&packets));
        self.latest = self.latest.max(latest);
        latest
    }

    /// Takes how late one call was dialled.
    pub fn note_dial(&mut self, late: Duration) {
        self.dials.merge(&Spread::of(&[late]));
    }

    /// Adds what another has seen.
    pub fn merge(&mut self, other: &Self) {
        self.packets.merge(&other.packets);
        self.latest = self.latest.max(other.latest);
        self.dials.merge(&other.dials);
    }

    /// How much of what was sent so far was late, in percent.
    #[must_use]
    pub fn late_percent(&self) -> f64 {
        self.packets.later_than(LATE) as f64 * 100.0 / self.packets.count().max(1) as f64
    }

    /// What comes of it.
    #[must_use]
    pub fn fitness(self) -> Fitness {
        let late_percent = self.late_percent();
        let dial_p99_ms = self.dials.rank_ms(99);
        Fitness {
            packets: self.packets.count() as usize,
            p50_ms: self.packets.rank_ms(50),
            p99_ms: self.packets.rank_ms(99),
            max_ms: self.latest.as_secs_f64() * 1000.0,
            late_percent,
            dial_p99_ms,
            is_fit: late_percent <= LATE_PERCENT_MAX && dial_p99_ms <= DIAL_MAX_MS,
            packets_late: self.packets,
            dials_late: self.dials,
        }
    }
}

impl Fitness {
    /// Of several load testers together. Ranks are to a step of [`Spread`], of the packets and dials of all; who is late
    /// makes all of them unfit, and of nobody nothing may be judged.
    #[must_use]
    pub fn merged<'f>(all: impl IntoIterator<Item = &'f Self>) -> Self {
        let mut merged = Self::default();
        let (mut others, mut fit) = (0, 0);
        for one in all {
            merged.packets += one.packets;
            merged.max_ms = merged.max_ms.max(one.max_ms);
            merged.packets_late.merge(&one.packets_late);
            merged.dials_late.merge(&one.dials_late);
            others += 1;
            fit += usize::from(one.is_fit);
        }
        let late = merged.packets_late.later_than(LATE);
        merged.late_percent = late as f64 * 100.0 / merged.packets_late.count().max(1) as f64;
        merged.p50_ms = merged.packets_late.rank_ms(50);
        merged.p99_ms = merged.packets_late.rank_ms(99);
        merged.dial_p99_ms = merged.dials_late.rank_ms(99);
        merged.is_fit = others > 0 && fit == others;
        merged
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use webtrunk_codecs::CodecId;

    use super::*;
    use crate::agent::SentPacket;

    fn sent(late_ms: impl Fn(u32) -> u64) -> Sent {
        let packets = (0..200_u32).map(|index| SentPacket {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(u64::from(index) * 20 + 1000 + late_ms(index)),
            sequence: index as u16,
            timestamp: (u32::MAX - 5000).wrapping_add(index * 160),
            index,
            is_dropped: false,
            is_silent: false,
        });
        Sent { packets: packets.collect(), codec: Some(CodecId::Pcmu), ticks: 200, ..Sent::default() }
    }

    #[test]
    fn who_is_on_time_is_fit_and_who_is_late_is_not() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.note(&sent(|_| 0)), Duration::ZERO);
        assert!(lateness.clone().fitness().is_fit);
        assert_eq!(lateness.note(&sent(|at| if at % 20 == 5 { 35 } else { 0 })), Duration::from_millis(35));
        let fitness = lateness.fitness();
        assert!(!fitness.is_fit, "{fitness:?}");
        assert_eq!((fitness.packets, fitness.max_ms), (400, 35.0));
        assert!((fitness.late_percent - 2.5).abs() < 1e-9);
    }

    #[test]
    fn several_are_as_fit_as_the_least_of_them_and_their_ranks_are_of_all_packets() {
        let fitness = |late_ms: fn(u32) -> u64| {
            let mut lateness = Lateness::default();
            lateness.note(&sent(late_ms));
            lateness.note_dial(Duration::from_millis(late_ms(5)));
            lateness.fitness()
        };
        let (good, bad) = (fitness(|_| 0), fitness(|at| if at % 2 == 1 { 35 } else { 0 }));
        let merged = Fitness::merged([&good, &good, &good, &bad]);
        // A mean of their 99th percentiles would be 8.75 ms.
        assert_eq!((merged.packets, merged.p50_ms, merged.p99_ms, merged.max_ms), (800, 0.0, 35.0, 35.0));
        assert!((merged.late_percent - 12.5).abs() < 1e-9 && !merged.is_fit, "{merged:?}");
        assert_eq!(merged.dial_p99_ms, 35.0);
        assert!(Fitness::merged([&good, &good]).is_fit && !Fitness::merged([]).is_fit);
    }

    #[test]
    fn a_day_of_calls_takes_no_more_room_than_a_minute() {
        let mut lateness = Lateness::default();
        for _ in 0..100 {
            lateness.note(&sent(|at| u64::from(at % 7)));
        }
        let room = serde_json::to_value(&lateness.packets).expect("it is JSON");
        assert_eq!(room.as_array().map(Vec::len), Some(7), "a bar for each step");
        assert_eq!(lateness.fitness().packets, 20_000);
    }

    #[test]
    fn a_first_packet_that_was_late_makes_the_others_no_earlier() {
        let late = Lateness::of_packets(&sent(|at| if at == 0 { 30 } else { 0 }));
        assert_eq!((late[0], late[1]), (Duration::from_millis(30), Duration::ZERO));
    }

    #[test]
    fn calls_that_are_dialled_late_are_no_load_that_was_asked_for() {
        let mut lateness = Lateness::default();
        lateness.note_dial(Duration::from_secs(1));
        assert!(!lateness.fitness().is_fit);
    }
}
