//! What a network does to packets that leave every 20 ms, in virtual time and by a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// How long a packet lasts.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// A network.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Share of packets that are lost.
    pub(crate) loss: f64,
    /// How many of them in a row; zero is one.
    pub(crate) burst: u32,
    /// Each packet is late by up to this.
    pub(crate) jitter_ms: u64,
    /// Packets overtake each other; else what is late holds up what comes after it.
    pub(crate) is_disorderly: bool,
    /// Share of packets that come twice, the second time up to 60 ms later.
    pub(crate) duplicates: f64,
    /// Once, after four seconds, nothing comes for so long, and then all of it.
    pub(crate) stall_ms: u64,
}

/// When which packet comes, in the order in which they do.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) arrivals: Vec<(Duration, usize)>,
    /// Packets that never come.
    pub(crate) lost: usize,
}

/// When the stall begins.
pub(crate) const STALL_AT: Duration = Duration::from_secs(4);

impl Link {
    /// Sends so many packets.
    pub(crate) fn new(packets: usize, weather: Weather, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut link = Self { arrivals: Vec::new(), lost: 0 };
        let (mut burst, mut last_arrival) = (0, Duration::ZERO);
        for packet in 0..packets {
            if burst == 0 && random.random_bool(weather.loss / f64::from(weather.burst.max(1))) {
                burst = weather.burst.max(1);
            }
            let is_lost = burst > 0;
            burst = burst.saturating_sub(1);
            // The first packet tells where the stream begins.
            if is_lost && packet > 0 {
                link.lost += 1;
                continue;
            }
            let sent_at = FRAME * packet as u32;
            let mut arrival =
                sent_at + Duration::from_micros(random.random_range(0..=weather.jitter_ms * 1000));
            if (STALL_AT..STALL_AT + Duration::from_millis(weather.stall_ms)).contains(&arrival) {
                arrival = STALL_AT + Duration::from_millis(weather.stall_ms);
            }
            if !weather.is_disorderly {
                arrival = arrival.max(last_arrival);
            }
            last_arrival = arrival;
            link.arrivals.push((arrival, packet));
            if random.random_bool(weather.duplicates) {
                let later = Duration::from_micros(random.random_range(0..60_000));
                link.arrivals.push((arrival + later, packet));
            }
        }
        link.arrivals.sort();
        link
    }
}
