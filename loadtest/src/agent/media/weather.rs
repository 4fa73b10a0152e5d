//! What a network does to packets besides losing them: it holds them back, unevenly, and brings some twice.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What a network does to packets besides losing them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weather {
    /// Each packet is held back by this.
    pub delay: Duration,
    /// And by any time up to this.
    pub jitter: Duration,
    /// A packet may come before one that was sent earlier; otherwise it waits for that.
    pub reorders: bool,
    /// The share of packets that come twice, 0 to 1.
    pub duplicates: f64,
}

/// The weather, packet by packet; the same for the same seed.
#[derive(Debug, Clone)]
pub(super) struct Sky {
    weather: Weather,
    random: StdRng,
    /// When the latest packet leaves.
    latest: Option<Instant>,
}

/// The second of two comes so much later.
const AGAIN: Duration = Duration::from_millis(1);

impl Sky {
    pub(super) fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, random: StdRng::seed_from_u64(seed), latest: None }
    }

    /// When the packet that is sent now leaves, and its double.
    pub(super) fn departures(&mut self, now: Instant) -> (Instant, Option<Instant>) {
        let Weather { delay, jitter, reorders, duplicates } = self.weather;
        let share: f64 = self.random.random();
        let mut due = now + delay + jitter.mul_f64(share);
        if !reorders && let Some(latest) = self.latest {
            due = due.max(latest);
        }
        self.latest = Some(self.latest.map_or(due, |latest| latest.max(due)));
        let is_double = self.random.random_bool(duplicates.clamp(0.0, 1.0));
        (due, is_double.then_some(due + AGAIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each of many packets, 20 ms apart, for how long it is held.
    fn held(weather: Weather) -> (Vec<Duration>, usize, usize) {
        let (began_at, mut sky) = (Instant::now(), Sky::new(weather, 7));
        let mut dues = Vec::new();
        let mut doubles = 0;
        let held = (0..2000_u32).map(|at| {
            let now = began_at + Duration::from_millis(20) * at;
            let (due, double) = sky.departures(now);
            dues.push(due);
            doubles += usize::from(double.is_some());
            due - now
        });
        let held: Vec<_> = held.collect();
        let overtaken = dues.windows(2).filter(|pair| pair[1] < pair[0]).count();
        (held, overtaken, doubles)
    }

    #[test]
    fn packets_are_held_back_unevenly_and_overtake_only_where_they_may() {
        let ms = Duration::from_millis;
        let weather = Weather { delay: ms(50), jitter: ms(60), reorders: true, duplicates: 0.1 };
        let (times, overtaken, doubles) = held(weather);
        assert!(times.iter().all(|it| (ms(50)..=ms(110)).contains(it)));
        assert!(overtaken > 200, "{overtaken}");
        assert!((150..250).contains(&doubles), "{doubles}");
        let (times, overtaken, _) = held(Weather { reorders: false, ..weather });
        assert_eq!(overtaken, 0);
        assert!(times.iter().any(|it| *it > ms(100)));
        assert_eq!(held(Weather::default()), (vec![Duration::ZERO; 2000], 0, 0));
    }
}
