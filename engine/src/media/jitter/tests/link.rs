//! A seeded link: loses, delays, swaps and doubles packets.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use webtrunk_codecs::ClockRate;

use super::super::{Content, JitterWriter};
use crate::rtp::{PayloadType, RtpHeader, RtpPacket, SequenceNumber, Ssrc, Timestamp};

/// What happens on the way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    /// Share of packets lost, one by one.
    pub(super) loss: f64,
    /// Share of packets with which a loss of three in a row begins.
    pub(super) bursts: f64,
    /// Each packet is delayed by up to this. The order is kept unless `is_disorderly`.
    pub(super) jitter_ms: u64,
    pub(super) is_disorderly: bool,
    /// Share of packets that come twice, the second time up to 60 ms later.
    pub(super) duplicates: f64,
    /// How much faster the sender's clock runs than ours.
    pub(super) drift_ppm: i64,
}

/// A packet as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) payload: Vec<u8>,
    pub(super) content: Content,
    /// When, by the sender's clock.
    pub(super) at: Duration,
}

/// Packets on the way, the next to arrive last.
pub(super) struct Link {
    pub(super) start: Instant,
    arrivals: Vec<(Duration, Sent)>,
    /// Packets of which at least one copy comes.
    pub(super) carried: u64,
    /// Second copies.
    pub(super) doubled: u64,
    pub(super) lost: u64,
    /// Of those lost, the ones whose very next packet came.
    pub(super) repairable: u64,
}

impl Link {
    /// Sends everything through the weather.
    pub(super) fn new(sent: impl IntoIterator<Item = Sent>, weather: Weather, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut link = Self {
            start: Instant::now(),
            arrivals: Vec::new(),
            carried: 0,
            doubled: 0,
            lost: 0,
            repairable: 0,
        };
        let (mut burst, mut is_missing, mut last_arrival) = (0_u32, false, Duration::ZERO);
        let mut lost_since = 0;
        for (index, packet) in sent.into_iter().enumerate() {
            if burst == 0 && random.random_bool(weather.bursts) {
                burst = 3;
            }
            let is_lost = burst > 0 || random.random_bool(weather.loss);
            burst = burst.saturating_sub(1);
            // The first packet tells where the stream begins.
            let was_lost = std::mem::replace(&mut is_missing, is_lost && index > 0);
            if is_missing {
                lost_since += 1;
                continue;
            }
            // What is lost behind the last one that comes is missed by nobody.
            link.lost += std::mem::take(&mut lost_since);
            link.repairable += u64::from(was_lost);
            let drift = packet.at.as_micros() as i64 * weather.drift_ppm / 1_000_000;
            let sent_at = Duration::from_micros((packet.at.as_micros() as i64 - drift) as u64);
            let delay = Duration::from_micros(random.random_range(0..=weather.jitter_ms * 1000));
            let mut arrival = sent_at + Duration::from_millis(30) + delay;
            if !weather.is_disorderly {
                arrival = arrival.max(last_arrival);
            }
            last_arrival = arrival;
            link.carried += 1;
            if random.random_bool(weather.duplicates) {
                link.doubled += 1;
                let later = Duration::from_micros(random.random_range(0..60_000));
                link.arrivals.push((arrival + later, packet.clone()));
            }
            link.arrivals.push((arrival, packet));
        }
        link.arrivals.sort_by_key(|(arrival, sent)| std::cmp::Reverse((*arrival, sent.at)));
        link
    }

    /// Lets everything that comes between two moments after the start come `held_up` later instead.
    pub(super) fn stall(&mut self, from: Duration, until: Duration) {
        for (arrival, _) in &mut self.arrivals {
            if (from..until).contains(arrival) {
                *arrival = until;
            }
        }
        self.arrivals.sort_by_key(|(arrival, sent)| std::cmp::Reverse((*arrival, sent.at)));
    }

    /// Hands over what has arrived by `time` after the start.
    pub(super) fn deliver(&mut self, time: Duration, writer: &mut JitterWriter) {
        while self.arrivals.last().is_some_and(|(arrival, _)| *arrival <= time) {
            let Some((arrival, packet)) = self.arrivals.pop() else { return };
            let bytes = packet.to_bytes();
            let parsed = RtpPacket::parse(&bytes).expect("a whole packet");
            writer.insert(&parsed, packet.content, self.start + arrival).expect("there is room");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }
}

impl Sent {
    fn to_bytes(&self) -> Vec<u8> {
        let header = RtpHeader {
            payload_type: PayloadType::PCMU,
            marker: false,
            sequence: SequenceNumber(self.sequence),
            timestamp: Timestamp(self.timestamp),
            ssrc: Ssrc(self.ssrc),
        };
        let mut bytes = vec![0; RtpHeader::LEN];
        header.write_to(&mut bytes);
        bytes.extend_from_slice(&self.payload);
        bytes
    }
}

/// `packets` of 20 ms at 8 kHz whose sequence and timestamp both wrap on the way; each carries its number.
pub(super) fn talk(packets: u32) -> impl Iterator<Item = Sent> {
    let (sequence, timestamp) = (65_500_u16, u32::MAX - 160 * 60);
    (0..packets).map(move |number| Sent {
        ssrc: 1,
        sequence: sequence.wrapping_add(number as u16),
        timestamp: timestamp.wrapping_add(number * 160),
        payload: payload(number),
        content: Content::Voice,
        at: Duration::from_millis(20) * number,
    })
}

/// The payload of 20 ms that carries `number`.
pub(super) fn payload(number: u32) -> Vec<u8> {
    let mut payload = vec![0; 160];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload
}

/// The number that a payload carries.
pub(super) fn number_of(payload: &[u8]) -> u32 {
    u32::from_be_bytes(*payload.first_chunk().expect("four bytes at least"))
}

pub(super) const CLOCK: ClockRate = ClockRate::HZ_8000;
