//! The search for the knee: the load is doubled until it breaks, then halved in between.
//!
//! ```text
//! load  1   2   4   8   16      12      14   13.1     12 again, twice
//!       ok  ok  ok  ok  broken  ok  broken  broken    ok, ok: 12 holds, 3 of 3
//! ```

use serde::{Deserialize, Serialize};

/// How a load went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Every threshold was kept.
    Held,
    /// One was not.
    Broke,
    /// The load tester was late itself, or one of several was gone: it cannot put on so much.
    Unfit,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The largest load that held, as times of the scenario's; `None` where none did.
    pub held: Option<f64>,
    /// How often it was tried.
    pub tries: usize,
    /// How often it held.
    pub times_held: usize,
    /// The smallest load that broke; `None` where none did.
    pub broke: Option<f64>,
    /// The smallest load that the load tester could not put on; the target may bear more.
    pub unfit: Option<f64>,
}

/// The search, one load after the other.
#[derive(Debug, Clone)]
pub struct Search {
    most: f64,
    tries_wanted: usize,
    notes: Vec<(f64, Held)>,
}

/// Loads nearer to each other than this are not told apart: a tenth. Chosen by us.
const NEAR: f64 = 1.1;
/// Less than this of the scenario is not tried.
const LEAST: f64 = 0.05;
/// Runs at most, whatever is found.
const RUNS_MAX: usize = 24;

impl Search {
    /// Up to so many times the scenario's load; the largest that held is tried so often in all.
    #[must_use]
    pub const fn new(most: f64, tries_wanted: usize) -> Self {
        Self { most, tries_wanted, notes: Vec::new() }
    }

    /// The load to try next; `None` when all is known.
    #[must_use]
    pub fn next_factor(&self) -> Option<f64> {
        if self.notes.len() >= RUNS_MAX {
            return None;
        }
        let found = self.found();
        let end = [found.broke, found.unfit].into_iter().flatten().fold(f64::INFINITY, f64::min);
        match found.held {
            None if self.notes.is_empty() => Some(1.0_f64.min(self.most)),
            None if end.is_finite() && end / 2.0 >= LEAST => Some(end / 2.0),
            None => None,
            Some(held) if end.is_infinite() && held < self.most => Some((held * 2.0).min(self.most)),
            Some(held) if end.is_finite() && end / held > NEAR => Some(f64::midpoint(held, end)),
            Some(held) if found.tries < self.tries_wanted => Some(held),
            Some(_) => None,
        }
    }

    /// How that load went.
    pub fn note(&mut self, factor: f64, held: Held) {
        self.notes.push((factor, held));
    }

    /// What is known so far. A load that held once and broke another time is taken as one that breaks.
    #[must_use]
    pub fn found(&self) -> Found {
        let least = |wanted: Held| {
            let those = self.notes.iter().filter(|(_, held)| *held == wanted).map(|(factor, _)| *factor);
            those.min_by(f64::total_cmp)
        };
        let (broke, unfit) = (least(Held::Broke), least(Held::Unfit));
        let end = [broke, unfit].into_iter().flatten().fold(f64::INFINITY, f64::min);
        let those = self.notes.iter().filter(|(factor, held)| *held == Held::Held && *factor < end);
        let held = those.map(|(factor, _)| *factor).max_by(f64::total_cmp);
        let of_it = |wanted: Option<Held>| {
            let is_it = |factor: f64| held.is_some_and(|held| (held - factor).abs() < 1e-9);
            self.notes
                .iter()
                .filter(|(factor, it)| is_it(*factor) && wanted.is_none_or(|held| held == *it))
                .count()
        };
        Found { held, tries: of_it(None), times_held: of_it(Some(Held::Held)), broke, unfit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(most: f64, how: impl Fn(f64, usize) -> Held) -> (Found, usize) {
        let mut search = Search::new(most, 3);
        let mut runs = 0;
        while let Some(factor) = search.next_factor() {
            search.note(factor, how(factor, runs));
            runs += 1;
        }
        (search.found(), runs)
    }

    fn breaks_above(limit: f64) -> impl Fn(f64, usize) -> Held {
        move |factor, _| if factor > limit { Held::Broke } else { Held::Held }
    }

    #[test]
    fn the_knee_is_found_to_a_tenth_and_tried_again() {
        for limit in [0.3, 1.0, 1.4, 13.7, 55.0] {
            let (found, runs) = searched(100.0, breaks_above(limit));
            let (held, broke) = (found.held.expect("some"), found.broke.expect("some"));
            assert!(held <= limit && broke > limit && broke / held <= NEAR, "{limit}: {found:?}");
            assert_eq!((found.tries, found.times_held), (3, 3));
            assert!(runs <= 16, "{limit}: {runs} runs");
        }
    }

    #[test]
    fn who_bears_all_is_tried_up_to_the_end_and_who_bears_nothing_is_left() {
        let (found, _) = searched(10.0, breaks_above(1e9));
        assert_eq!((found.held, found.broke, found.times_held), (Some(10.0), None, 3));
        let (found, runs) = searched(10.0, breaks_above(0.0));
        assert_eq!(found.held, None);
        assert!(runs < 8, "{runs}");
    }

    #[test]
    fn a_load_tester_at_its_own_end_does_not_blame_the_target() {
        let (found, _) = searched(100.0, |factor, _| if factor > 6.0 { Held::Unfit } else { Held::Held });
        assert!(found.broke.is_none() && found.unfit.is_some_and(|it| it > 6.0), "{found:?}");
        assert!(found.held.is_some_and(|it| it > 5.0 && it <= 6.0));
    }

    #[test]
    fn a_load_that_holds_by_chance_alone_is_given_up_for_a_smaller_one() {
        // 8 holds at first, and never again.
        let (found, runs) = searched(8.0, |factor, run| match factor {
            factor if factor > 7.9 && run > 3 => Held::Broke,
            _ => Held::Held,
        });
        assert!(found.held.is_some_and(|it| it < 8.0), "{found:?}");
        assert_eq!((found.times_held, found.tries), (3, 3), "after {runs}");
    }
}
