//! How long calls are.

use std::time::Duration;

use rand::Rng;
use serde::Deserialize;

/// How long a call is talked in, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Length {
    /// All the same.
    Fixed(f64),
    /// Any length between two, as likely as any other.
    Uniform {
        /// The shortest.
        min: f64,
        /// The longest.
        max: f64,
    },
    /// Many short ones and few long ones, as telephone calls were always taken to be.
    Exponential {
        /// The mean of all that are not cut.
        mean: f64,
        /// The longest; longer ones are cut.
        max: f64,
    },
}

/// An hour: what is longer is no call of a load test.
pub(super) const SECONDS_MAX: f64 = 3600.0;

impl Length {
    /// The longest that there may be.
    #[must_use]
    pub const fn longest(self) -> Duration {
        let seconds = match self {
            Self::Fixed(seconds) | Self::Uniform { max: seconds, .. } => seconds,
            Self::Exponential { max, .. } => max,
        };
        Duration::from_millis((seconds * 1000.0) as u64)
    }

    /// All its figures.
    pub(super) fn figures(self) -> Vec<f64> {
        match self {
            Self::Fixed(seconds) => vec![seconds],
            Self::Uniform { min, max } => vec![min, max],
            Self::Exponential { mean, max } => vec![mean, max],
        }
    }

    /// One of them.
    pub fn draw(self, random: &mut impl Rng) -> Duration {
        let seconds = match self {
            Self::Fixed(seconds) => seconds,
            Self::Uniform { min, max } => random.random_range(min..=max),
            Self::Exponential { mean, max } => {
                let chance: f64 = random.random_range(f64::EPSILON..1.0);
                (-chance.ln() * mean).min(max)
            }
        };
        Duration::from_secs_f64(seconds)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn lengths_are_distributed_as_asked_for() {
        let draw = |length: Length| {
            let mut random = StdRng::seed_from_u64(7);
            (0..4000).map(|_| length.draw(&mut random).as_secs_f64()).collect::<Vec<_>>()
        };
        let mean = |drawn: &[f64]| drawn.iter().sum::<f64>() / drawn.len() as f64;
        assert!(draw(Length::Fixed(3.0)).iter().all(|it| (it - 3.0).abs() < 1e-9));
        let uniform = draw(Length::Uniform { min: 2.0, max: 6.0 });
        assert!((mean(&uniform) - 4.0).abs() < 0.1 && uniform.iter().all(|it| (2.0..=6.0).contains(it)));
        let exponential = draw(Length::Exponential { mean: 5.0, max: 100.0 });
        assert!((mean(&exponential) - 5.0).abs() < 0.3, "{}", mean(&exponential));
        assert!(draw(Length::Exponential { mean: 5.0, max: 8.0 }).iter().all(|it| *it <= 8.0));
        assert_eq!(Length::Exponential { mean: 5.0, max: 8.0 }.longest(), Duration::from_secs(8));
    }
}
