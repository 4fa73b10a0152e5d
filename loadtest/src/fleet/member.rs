//! One agent, as the leader knows it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::words::{Account, Second, Word};
use crate::report::{AgentsReport, CallReport, Moment};

/// One agent, as the leader knows it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) instance: u64,
    pub(super) clock: Clock,
    pub(super) heard_at: Instant,
    /// Once they are ready.
    pub(super) agents: Option<BTreeMap<String, AgentsReport>>,
    /// The newest, once it has begun.
    pub(super) second: Option<Second>,
    pub(super) curve: Vec<Moment>,
    /// What it told of calls that are over.
    pub(super) rows: BTreeMap<usize, CallReport>,
    /// Once all of its calls are over.
    pub(super) account: Option<Account>,
    pub(super) has_vanished: bool,
}

/// How an agent's clock goes against the leader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// Milliseconds by which it is ahead.
    pub(super) ahead_ms: i64,
    /// Milliseconds that the question and its answer took; the answer was made at some time between.
    pub(super) trip_ms: i64,
}

/// Rows that are asked for once more at one time.
const AGAIN_MAX: usize = 500;

impl Clock {
    /// By an answer, made at `theirs_ms`, to a question of `asked_ms`, that came at `now_ms`.
    pub(super) const fn of(asked_ms: i64, theirs_ms: i64, now_ms: i64) -> Self {
        let trip_ms = now_ms.saturating_sub(asked_ms);
        let ahead_ms = theirs_ms.saturating_sub(asked_ms.saturating_add(trip_ms / 2));
        Self { ahead_ms, trip_ms }
    }
}

impl Member {
    pub(super) const fn new(name: String, instance: u64, clock: Clock, now: Instant) -> Self {
        Self {
            name,
            instance,
            clock,
            heard_at: now,
            agents: None,
            second: None,
            curve: Vec::new(),
            rows: BTreeMap::new(),
            account: None,
            has_vanished: false,
        }
    }

    /// Takes what it says of its run.
    pub(super) fn note(&mut self, word: Word) {
        match word {
            Word::Ready { agents } => self.agents = Some(agents),
            Word::Second(second) => {
                // One that comes late is no news.
                let is_newer = |moment: &Moment| self.curve.last().is_none_or(|last| last.at_s < moment.at_s);
                let newest = second.moment.filter(is_newer);
                self.curve.extend(newest);
                self.second = Some(second);
            }
            Word::Call { row, call } => {
                self.rows.insert(row, *call);
            }
            Word::Over(account) => self.account = Some(account),
            Word::Here { .. } | Word::Refused { .. } => {}
        }
    }

    /// Takes another measure of its clock: the quickest is the most exact. One that came before it was asked for was made
    /// while our own clock was set back.
    pub(super) const fn note_clock(&mut self, clock: Clock) {
        if clock.trip_ms >= 0 && (self.clock.trip_ms < 0 || clock.trip_ms < self.clock.trip_ms) {
            self.clock = clock;
        }
    }

    /// Whether it was heard of since it was to begin.
    pub(super) const fn has_begun(&self) -> bool {
        self.second.is_some() || self.account.is_some()
    }

    /// Whether it told all that there is.
    pub(super) fn is_complete(&self) -> bool {
        self.account.as_ref().is_some_and(|account| self.rows.len() >= account.rows)
    }

    /// Rows that it told and that never came, some of them.
    pub(super) fn missing(&self) -> Vec<usize> {
        let rows = self.account.as_ref().map_or(0, |account| account.rows);
        (0..rows).filter(|row| !self.rows.contains_key(row)).take(AGAIN_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_known_to_half_the_way_there_and_back() {
        // It is 5 s ahead, and the answer took 10 ms each way.
        assert_eq!(Clock::of(1000, 6010, 1020), Clock { ahead_ms: 5000, trip_ms: 20 });
        assert_eq!(Clock::of(1000, 400, 1000), Clock { ahead_ms: -600, trip_ms: 0 });
    }

    #[test]
    fn the_quickest_answer_tells_the_clock() {
        let clock = Clock { ahead_ms: 7, trip_ms: 40 };
        let mut member = Member::new("a".to_owned(), 1, clock, Instant::now());
        member.note_clock(Clock { ahead_ms: 30, trip_ms: 90 });
        assert_eq!(member.clock, clock);
        member.note_clock(Clock { ahead_ms: 1, trip_ms: 2 });
        assert_eq!(member.clock.ahead_ms, 1);
        member.note_clock(Clock { ahead_ms: 2500, trip_ms: -5000 });
        assert_eq!(member.clock.ahead_ms, 1, "the leader's clock was set back meanwhile");
        let early = Clock { ahead_ms: 2500, trip_ms: -5000 };
        let mut member = Member::new("b".to_owned(), 1, early, Instant::now());
        member.note_clock(clock);
        assert_eq!(member.clock, clock);
    }
}
