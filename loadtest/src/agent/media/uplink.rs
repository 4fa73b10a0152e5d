//! A network that loses audio on its way from an agent: at random, and the same every time.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What becomes of the audio packets that an agent sends. By default all of them leave.
#[derive(Debug, Clone, Default)]
pub struct Uplink {
    losses: Option<Box<Losses>>,
}

#[derive(Debug, Clone)]
struct Losses {
    /// Probability that the next packet is the first of some that are lost in a row.
    begins: f64,
    in_a_row: u32,
    /// How many more of the row are to be lost.
    left: u32,
    random: StdRng,
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
        let random = StdRng::seed_from_u64(seed);
        Self { losses: Some(Box::new(Losses { begins, in_a_row: in_a_row.max(1), left: 0, random })) }
    }

    /// Whether the next packet gets through.
    pub(crate) fn carries(&mut self) -> bool {
        let Some(losses) = self.losses.as_deref_mut() else { return true };
        if losses.left == 0 && losses.random.random_bool(losses.begins) {
            losses.left = losses.in_a_row;
        }
        let is_lost = losses.left > 0;
        losses.left = losses.left.saturating_sub(1);
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
}
