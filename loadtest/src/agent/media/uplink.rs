//! A network that loses audio on its way from an agent: at random, and the same every time. Or a NAT that forgets it.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::Weather;
use super::weather::Sky;

/// What becomes of the audio packets that an agent sends. By default all of them leave at once.
#[derive(Debug, Clone, Default)]
pub struct Uplink {
    losses: Option<Box<Losses>>,
    sky: Option<Box<Sky>>,
    rebinds: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Losses {
    kind: Kind,
    random: StdRng,
}

#[derive(Debug, Clone)]
enum Kind {
    Rows {
        /// Probability that the next packet is the first of some that are lost in a row.
        begins: f64,
        in_a_row: u32,
        /// How many more of the row are to be lost.
        left: u32,
    },
    /// Good and bad times (Gilbert 1960, Elliott 1963).
    Times { times: BadTimes, is_bad: bool },
}

/// Times in which a network loses much, and others in which it loses nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BadTimes {
    /// Probability that a bad time begins with the next packet, 0 to 1.
    pub begin: f64,
    /// Probability that it ends with the next packet, 0 to 1.
    pub end: f64,
    /// The share of packets that is lost in it, 0 to 1.
    pub loss: f64,
}

impl Uplink {
    /// Loses this share of the packets, one by one; the same packets for the same seed. To the agent they are
    /// sent.
    #[must_use]
    pub fn losing(share: f64, seed: u64) -> Self {
        Self::losing_in_a_row(share, 1, seed)
    }

    /// Loses this share of the packets, so many in a row each time.
    #[must_use]
    pub fn losing_in_a_row(share: f64, in_a_row: u32, seed: u64) -> Self {
        let (share, length) = (share.clamp(0.0, 1.0), f64::from(in_a_row.max(1)));
        // Rows of n packets that begin with probability p at each packet between them are np / (np + 1 - p) of all.
        let begins = share / (length - (length - 1.0) * share);
        Self::losing_by(Kind::Rows { begins, in_a_row: in_a_row.max(1), left: 0 }, seed)
    }

    /// Loses packets in bad times.
    #[must_use]
    pub fn losing_at_times(times: BadTimes, seed: u64) -> Self {
        Self::losing_by(Kind::Times { times, is_bad: false }, seed)
    }

    /// The same, and holds packets back.
    #[must_use]
    pub fn with_weather(mut self, weather: Weather, seed: u64) -> Self {
        self.sky = (weather != Weather::default()).then(|| Box::new(Sky::new(weather, seed)));
        self
    }

    /// The same behind a NAT that forgets each so long: from then on packets come from another port, and what is sent to the one
    /// before goes nowhere. Nobody is told.
    #[must_use]
    pub fn rebinding(mut self, every: Duration) -> Self {
        self.rebinds = Some(every);
        self
    }

    /// How often the NAT forgets, if it does.
    pub(super) const fn rebinds(&self) -> Option<Duration> {
        self.rebinds
    }

    fn losing_by(kind: Kind, seed: u64) -> Self {
        let losses = Losses { kind, random: StdRng::seed_from_u64(seed) };
        Self { losses: Some(Box::new(losses)), ..Self::default() }
    }

    /// When a packet that gets through leaves, and its double; `None` where it leaves at once.
    pub(super) fn departures(&mut self, now: Instant) -> Option<(Instant, Option<Instant>)> {
        self.sky.as_deref_mut().map(|sky| sky.departures(now))
    }

    /// Whether the next packet gets through.
    pub(crate) fn carries(&mut self) -> bool {
        let Some(losses) = self.losses.as_deref_mut() else { return true };
        let random = &mut losses.random;
        let is_lost = match &mut losses.kind {
            Kind::Rows { begins, in_a_row, left } => {
                if *left == 0 && random.random_bool(*begins) {
                    *left = *in_a_row;
                }
                let is_lost = *left > 0;
                *left = left.saturating_sub(1);
                is_lost
            }
            Kind::Times { times, is_bad } => {
                let turns = if *is_bad { times.end } else { times.begin };
                *is_bad ^= random.random_bool(turns.clamp(0.0, 1.0));
                *is_bad && random.random_bool(times.loss.clamp(0.0, 1.0))
            }
        };
        !is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(mut uplink: Uplink) -> Vec<bool> {
        (0..10_000).map(|_| uplink.carries()).collect()
    }

    fn lost(fates: &[bool]) -> usize {
        fates.iter().filter(|carried| !**carried).count()
    }

    #[test]
    fn the_share_is_kept_and_a_seed_loses_the_same_packets() {
        let seeded = |seed| fates(Uplink::losing(0.05, seed));
        assert!((400..600).contains(&lost(&seeded(7))), "{}", lost(&seeded(7)));
        assert_eq!(seeded(7), seeded(7));
        assert_ne!(seeded(7), seeded(8));
        assert_eq!(lost(&fates(Uplink::default())), 0);
    }

    #[test]
    fn rows_have_their_length_and_the_share_is_kept() {
        let fates = fates(Uplink::losing_in_a_row(0.05, 3, 7));
        assert!((400..600).contains(&lost(&fates)), "{}", lost(&fates));
        let rows = fates.chunk_by(|one, other| one == other).filter(|row| !row[0]);
        let lengths: Vec<_> = rows.map(<[bool]>::len).collect();
        assert!(lengths.iter().all(|length| length % 3 == 0), "{lengths:?}");
    }

    #[test]
    fn bad_times_have_their_length_and_their_losses() {
        let times = BadTimes { begin: 0.01, end: 0.1, loss: 0.5 };
        let fates = fates(Uplink::losing_at_times(times, 7));
        // An eleventh of all packets are in bad times, and half of those are lost.
        assert!((300..620).contains(&lost(&fates)), "{}", lost(&fates));
        let rows = fates.chunk_by(|one, other| one == other).filter(|row| !row[0] && row.len() > 1);
        assert!(rows.count() > 50);
    }
}
