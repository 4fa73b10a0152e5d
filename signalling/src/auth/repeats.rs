//! Phones that answer each challenge by the same wrong password, as fast as challenges come.
//!
//! ```text
//! wrong ---- the same credentials again (the 401 was lost) ----> looked at, not counted
//!      `---- others, in the same call or registration,
//!            within 4 s ---------------------------------------> no answer, not looked at
//!      `---- others later ------------------------------------> looked at, and counted if wrong
//! ```
//!
//! What is not looked at is no guess, so that a phone in such a loop uses up no more of the guesses than somebody at
//! a keyboard would, and who has corrected its password is let in at once: that makes another Call-ID. Whatever is
//! looked at and wrong is counted, so nothing of this helps who guesses.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::limits::{Proof, counted_as};

/// How long after wrong credentials others are not looked at, in the same call or registration: T2, the longest wait
/// between two sendings of one request (RFC 3261 17.1.2.2), which is sooner than anybody types a password.
const HASTE: Duration = Duration::from_secs(4);

/// How long credentials that were wrong are known: as long as their request may be sent again (Timer F,
/// RFC 3261 17.1.2.2).
const KNOWN: Duration = Duration::from_secs(32);

/// Calls and registrations that are known at one time; past it the oldest is forgotten, and looked at as any other.
const RUNS_MAX: usize = 10_000;

/// Credentials that were wrong lately.
#[derive(Debug, Default)]
pub struct Repeats {
    seed: RandomState,
    runs: HashMap<u64, Run>,
    /// In the order of their failures; one that has failed again since stands there twice.
    failed: VecDeque<(Instant, u64)>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    at: Instant,
    answer: u64,
}

/// The credentials of one request, to be told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Of whom, and in which call or registration.
    run: u64,
    /// What they are.
    answer: u64,
}

/// How credentials compare to those that were wrong before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// They are new.
    None,
    /// They are the same.
    Same,
    /// They come too soon after others.
    Hasty,
}

impl Repeats {
    /// Tells a request's credentials, which claim to be of `claims`, from others.
    #[must_use]
    pub fn attempt<'a>(
        &self,
        source: IpAddr,
        (method, call_id): (&str, &str),
        claims: &[(String, Proof)],
        authorizations: impl Iterator<Item = &'a str>,
    ) -> Attempt {
        let answer = (method, authorizations.collect::<Vec<_>>());
        Attempt {
            run: self.seed.hash_one((counted_as(source), call_id, claims)),
            answer: self.seed.hash_one(answer),
        }
    }

    /// Compares credentials to those that were wrong before.
    pub fn judge(&mut self, attempt: Attempt, now: Instant) -> Repeat {
        self.expire(now);
        match self.runs.get(&attempt.run) {
            Some(run) if run.answer == attempt.answer => Repeat::Same,
            Some(run) if now.duration_since(run.at) < HASTE => Repeat::Hasty,
            Some(_) | None => Repeat::None,
        }
    }

    /// Notes new credentials that were wrong.
    pub fn failed(&mut self, attempt: Attempt, now: Instant) {
        self.expire(now);
        if self.failed.len() >= RUNS_MAX {
            self.forget_oldest();
        }
        self.failed.push_back((now, attempt.run));
        self.runs.insert(attempt.run, Run { at: now, answer: attempt.answer });
    }

    fn expire(&mut self, now: Instant) {
        while self.failed.front().is_some_and(|(at, _)| now.duration_since(*at) >= KNOWN) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((at, run)) = self.failed.pop_front()
            && self.runs.get(&run).is_some_and(|known| known.at == at)
        {
            self.runs.remove(&run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(repeats: &Repeats, call_id: &str, answer: &str) -> Attempt {
        let claims = [("alice".to_owned(), Proof::Reached)];
        let source = "192.0.2.1".parse().expect("an address");
        repeats.attempt(source, ("REGISTER", call_id), &claims, [answer].into_iter())
    }

    #[test]
    fn a_phone_in_a_loop_is_looked_at_every_few_seconds_and_another_registration_at_once() {
        let mut repeats = Repeats::default();
        let start = Instant::now();
        let judge = |repeats: &mut Repeats, call_id, answer, after| {
            repeats.judge(attempt(repeats, call_id, answer), start + after)
        };
        assert_eq!(judge(&mut repeats, "1", "first", Duration::ZERO), Repeat::None);
        let wrong = attempt(&repeats, "1", "first");
        repeats.failed(wrong, start);
        assert_eq!(judge(&mut repeats, "1", "first", Duration::from_secs(1)), Repeat::Same);
        assert_eq!(judge(&mut repeats, "1", "second", HASTE - Duration::from_millis(1)), Repeat::Hasty);
        assert_eq!(judge(&mut repeats, "2", "second", Duration::ZERO), Repeat::None);
        assert_eq!(judge(&mut repeats, "1", "second", HASTE), Repeat::None);
        assert_eq!(judge(&mut repeats, "1", "first", HASTE), Repeat::Same);
        let again = attempt(&repeats, "1", "second");
        repeats.failed(again, start + HASTE);
        assert_eq!(judge(&mut repeats, "1", "second", KNOWN), Repeat::Same, "it failed later than the first");
        assert_eq!(judge(&mut repeats, "1", "second", HASTE + KNOWN), Repeat::None);
        assert!(repeats.runs.is_empty() && repeats.failed.is_empty());
    }

    #[test]
    fn what_is_known_is_bounded_and_the_oldest_is_forgotten() {
        let mut repeats = Repeats::default();
        let now = Instant::now();
        for call_id in 0..=RUNS_MAX {
            let wrong = attempt(&repeats, &call_id.to_string(), "wrong");
            repeats.failed(wrong, now);
        }
        assert_eq!((repeats.runs.len(), repeats.failed.len()), (RUNS_MAX, RUNS_MAX));
        let (first, second) = (attempt(&repeats, "0", "wrong"), attempt(&repeats, "1", "wrong"));
        assert_eq!((repeats.judge(first, now), repeats.judge(second, now)), (Repeat::None, Repeat::Same));
    }
}
