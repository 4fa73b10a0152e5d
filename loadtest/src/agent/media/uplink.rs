//! A network that loses audio on its way from an agent: at random, and the same every time.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What becomes of the audio packets that an agent sends. By default all of them leave.
#[derive(Debug, Clone, Default)]
pub struct Uplink {
    losses: Option<Box<(f64, StdRng)>>,
}

impl Uplink {
    /// Loses each packet with this probability; the same packets for the same seed. To the agent they are
    /// sent.
    #[must_use]
    pub fn losing(share: f64, seed: u64) -> Self {
        Self { losses: Some(Box::new((share.clamp(0.0, 1.0), StdRng::seed_from_u64(seed)))) }
    }

    /// Whether the next packet gets through.
    pub(crate) fn carries(&mut self) -> bool {
        let Some((share, random)) = self.losses.as_deref_mut() else { return true };
        !random.random_bool(*share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_kept_and_a_seed_loses_the_same_packets() {
        let fates = |seed| {
            let mut uplink = Uplink::losing(0.05, seed);
            (0..10_000).map(|_| uplink.carries()).collect::<Vec<_>>()
        };
        let lost = fates(7).iter().filter(|carried| !**carried).count();
        assert!((400..600).contains(&lost), "{lost}");
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
        assert!((0..100).all(|_| Uplink::default().carries()));
    }
}
