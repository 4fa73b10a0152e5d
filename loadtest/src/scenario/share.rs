//! The part of a scenario that one of several load testers plays.
//!
//! ```text
//! arrivals        0  1  2  3  4  5  6  7        of the whole scenario, at their times
//! load tester 0   0        3        6           takes every third, from its own on
//! load tester 1      1        4        7
//! load tester 2         2        5
//! ```
//!
//! All have the same seed and draw the same arrivals, so that together they place the calls that one would.

use serde::{Deserialize, Serialize};

use crate::hear::Hum;

/// Which of how many load testers one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which one, from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// The only one.
    pub const WHOLE: Self = Self { index: 0, of: 1 };
    /// More have no hum that is theirs alone.
    pub const OF_MAX: usize = Hum::PAIRS;

    /// Whether it is one that there can be.
    #[must_use]
    pub const fn is_sound(self) -> bool {
        self.of >= 1 && self.of <= Self::OF_MAX && self.index < self.of
    }

    /// Whether the arrival, or agent, of this number in the whole scenario is one of its own.
    #[must_use]
    pub const fn takes(self, nth: usize) -> bool {
        nth % self.of == self.index
    }

    /// The number, in the whole scenario, of its own call of this number.
    #[must_use]
    pub const fn number(self, nth: usize) -> usize {
        nth * self.of + self.index
    }

    /// The hum of a call of its own: calls of two load testers never hum alike.
    #[must_use]
    pub const fn hum(self, call: usize) -> usize {
        let own = Hum::PAIRS / self.of;
        self.index * own + call / self.of % own
    }

    /// The numbers of its agents, in a population of so many.
    pub fn agents(self, count: usize) -> impl Iterator<Item = usize> {
        (self.index..count).step_by(self.of)
    }

    /// How many of so many are its own.
    #[must_use]
    pub const fn part(self, total: usize) -> usize {
        total / self.of + (self.index < total % self.of) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn all(of: usize) -> impl Iterator<Item = Share> {
        (0..of).map(move |index| Share { index, of })
    }

    #[test]
    fn what_one_takes_no_other_does_and_nothing_is_left() {
        for of in [1, 2, 3, 7, 70] {
            for total in [of, 100, 101, 1000] {
                let numbers =
                    || all(of).flat_map(move |it| (0..it.part(total)).map(move |nth| it.number(nth)));
                assert_eq!(numbers().collect::<HashSet<_>>(), (0..total).collect::<HashSet<_>>());
                assert_eq!(numbers().count(), total, "{of} of {total}");
                let agents: Vec<_> = all(of).flat_map(|it| it.agents(total)).collect();
                assert_eq!(agents.iter().copied().collect::<HashSet<_>>().len(), total);
                assert!(all(of).all(|it| it.agents(total).count() == it.part(total)));
                assert!(all(of).all(|it| it.agents(total).all(|agent| it.takes(agent))));
            }
        }
    }

    #[test]
    fn calls_of_two_never_hum_alike() {
        for of in [1, 2, 3, 7, 70] {
            let hums = |it: Share| (0..300).map(|nth| it.hum(it.number(nth))).collect::<HashSet<_>>();
            let heard: Vec<_> = all(of).flat_map(hums).collect();
            assert_eq!(heard.iter().copied().collect::<HashSet<_>>().len(), heard.len(), "{of}");
            assert!(heard.iter().all(|hum| *hum < Hum::PAIRS));
            assert!(all(of).all(|it| hums(it).len() == Hum::PAIRS / of), "as many as there are");
        }
        assert_eq!((Share::WHOLE.hum(69), Share::WHOLE.hum(70)), (69, 0));
    }

    #[test]
    fn a_share_of_nothing_is_not_sound() {
        for (index, of, expected) in
            [(0, 1, true), (69, 70, true), (0, 0, false), (1, 1, false), (0, 71, false)]
        {
            assert_eq!(Share { index, of }.is_sound(), expected, "{index} of {of}");
        }
    }
}
