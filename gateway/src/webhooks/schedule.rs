//! When what waits for one receiver is sent: one after the other, in its order.
//!
//! ```text
//!          add, poll              taken: the next, at once
//! Open ------------> Sending -------------------------------> Open
//!  ^                  | |
//!  |    failed        | '--- gone (410) ---> Gone --- reopen, a reload ---> Open
//!  '- after 1 s, -----'
//!     doubled up to 5 min, less up to a half by chance;
//!     at once, where a reload came between the two
//! ```
//!
//! What has waited too long is given up, and where there is no room the oldest makes some.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::message::Message;

/// The wait after a first failure.
const RETRY_FIRST: Duration = Duration::from_secs(1);

/// The longest wait after failures. Chosen by us: who mends a receiver sees soon that it is mended.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Messages that may wait for one receiver. Chosen by us: half an hour of one call a second.
pub(super) const WAITING_MAX: usize = 10_000;

/// How long they may be together, in octets. Chosen by us: some 3 KiB each.
pub(super) const OCTETS_MAX: usize = 32 << 20;

/// What waits for one receiver, and when it is sent.
#[derive(Debug)]
pub(super) struct Schedule {
    waiting: VecDeque<Waiting>,
    octets: usize,
    state: State,
    /// In a row.
    failures: u32,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) seq: u64,
    pub(super) message: Message,
    /// When it is given up.
    pub(super) until: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first that waits is sent, not before then.
    Open { from: Instant },
    /// The first that waits is on its way.
    Sending,
    /// The receiver has said that it is gone.
    Gone,
}

impl Schedule {
    pub(super) const fn new(now: Instant) -> Self {
        Self { waiting: VecDeque::new(), octets: 0, state: State::Open { from: now }, failures: 0 }
    }

    /// Adds one behind all others; those that made room for it are returned.
    pub(super) fn add(&mut self, waiting: Waiting) -> Vec<u64> {
        self.octets += waiting.message.body.len();
        self.waiting.push_back(waiting);
        let mut dropped = Vec::new();
        while self.waiting.len() > WAITING_MAX || self.octets > OCTETS_MAX && self.waiting.len() > 1 {
            // What is on its way is not called back.
            let oldest = usize::from(self.state == State::Sending);
            let Some(one) = self.remove(oldest) else { break };
            dropped.push(one);
        }
        dropped
    }

    /// What is to be sent now. How that ended has to be told.
    pub(super) fn poll(&mut self, now: Instant) -> Option<&Waiting> {
        let is_due = matches!(self.state, State::Open { from } if from <= now);
        let first = self.waiting.front().filter(|_| is_due)?;
        self.state = State::Sending;
        Some(first)
    }

    /// When there is something to do; `None` where that is for others to say.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let first = self.waiting.front()?;
        match self.state {
            State::Open { from } => Some(from.min(first.until)),
            State::Sending => None,
            State::Gone => Some(first.until),
        }
    }

    /// Those that have waited too long, which are returned, are given up.
    pub(super) fn give_up(&mut self, now: Instant) -> Vec<u64> {
        let mut given_up = Vec::new();
        while self.state != State::Sending && self.waiting.front().is_some_and(|first| first.until <= now) {
            given_up.extend(self.remove(0));
        }
        given_up
    }

    /// The one that was on its way was taken; it is returned.
    pub(super) fn on_taken(&mut self, now: Instant) -> Option<u64> {
        self.failures = 0;
        self.state = State::Open { from: now };
        self.remove(0)
    }

    /// It was not taken; `chance` is from 0 to 1, so that not all hooks of a receiver come back at once.
    pub(super) fn on_failed(&mut self, now: Instant, chance: f64) {
        let doubled = RETRY_FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled.min(RETRY_MAX).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
        self.state = State::Open { from: now + wait };
    }

    /// The receiver has said that it is gone: nothing is sent to it any more.
    pub(super) const fn on_gone(&mut self) {
        self.state = State::Gone;
    }

    /// Whoever has changed the configuration wants it tried again, at once.
    pub(super) fn reopen(&mut self, now: Instant) {
        if self.state != State::Sending {
            self.start_over(now);
        }
    }

    /// What is on its way, if anything, failed where the receiver is no more: it is sent again at once.
    pub(super) const fn start_over(&mut self, now: Instant) {
        self.state = State::Open { from: now };
        self.failures = 0;
    }

    /// Whether something is to be sent now, or is on its way.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        match self.state {
            State::Open { from } => from <= now && !self.waiting.is_empty(),
            State::Sending => true,
            State::Gone => false,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Whether the last one was not taken.
    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// All that wait.
    pub(super) fn seqs(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().map(|waiting| waiting.seq)
    }

    fn remove(&mut self, index: usize) -> Option<u64> {
        let one = self.waiting.remove(index)?;
        self.octets -= one.message.body.len();
        Some(one.seq)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn waiting(seq: u64, until: Instant) -> Waiting {
        let message = Message { id: format!("e-{seq}"), body: Bytes::from_static(b"{}") };
        Waiting { seq, message, until }
    }

    fn sent(schedule: &mut Schedule, now: Instant) -> Option<u64> {
        schedule.poll(now).map(|waiting| waiting.seq)
    }

    #[test]
    fn one_is_sent_after_the_other_in_their_order_and_a_failed_one_before_all_others() {
        let now = Instant::now();
        let mut schedule = Schedule::new(now);
        assert_eq!((sent(&mut schedule, now), schedule.poll_timeout()), (None, None));
        for seq in 1..=3 {
            assert!(schedule.add(waiting(seq, now + DAY)).is_empty());
        }
        assert_eq!(schedule.poll_timeout(), Some(now));
        assert_eq!(sent(&mut schedule, now), Some(1));
        assert_eq!((sent(&mut schedule, now), schedule.poll_timeout()), (None, None), "one at a time");
        assert_eq!(schedule.on_taken(now), Some(1));
        assert_eq!(sent(&mut schedule, now), Some(2));
        schedule.on_failed(now, 0.0);
        assert_eq!(sent(&mut schedule, now), None);
        let again = schedule.poll_timeout().expect("it is tried again");
        assert_eq!(again, now + RETRY_FIRST);
        assert_eq!(sent(&mut schedule, again), Some(2), "the same");
        assert_eq!(schedule.on_taken(again), Some(2));
        assert_eq!(sent(&mut schedule, again), Some(3));
        assert_eq!((schedule.on_taken(again), schedule.len(), schedule.octets), (Some(3), 0, 0));
    }

    #[test]
    fn a_receiver_that_is_down_is_tried_less_and_less_often_and_by_chance() {
        let mut now = Instant::now();
        let mut schedule = Schedule::new(now);
        schedule.add(waiting(1, now + DAY));
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert_eq!(sent(&mut schedule, now), Some(1));
            schedule.on_failed(now, 0.0);
            let next = schedule.poll_timeout().expect("it is tried again");
            waits.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(sent(&mut schedule, now), Some(1));
        schedule.on_failed(now, 1.0);
        assert_eq!(schedule.poll_timeout(), Some(now + RETRY_MAX / 2), "no less than half of it");
        // Any number of failures.
        schedule.failures = u32::MAX;
        now += RETRY_MAX;
        assert_eq!(sent(&mut schedule, now), Some(1));
        schedule.on_failed(now, 0.0);
        assert_eq!(schedule.poll_timeout(), Some(now + RETRY_MAX));
        schedule.reopen(now);
        assert_eq!(sent(&mut schedule, now), Some(1));
        schedule.on_taken(now);
        assert!(!schedule.is_failing());
    }

    #[test]
    fn what_has_waited_too_long_is_given_up_and_nothing_else() {
        let now = Instant::now();
        let mut schedule = Schedule::new(now);
        schedule.add(waiting(1, now + DAY));
        schedule.add(waiting(2, now + DAY + Duration::from_secs(1)));
        assert_eq!(sent(&mut schedule, now), Some(1));
        let late = now + DAY;
        assert!(schedule.give_up(late).is_empty(), "it is on its way");
        schedule.on_failed(late, 0.0);
        assert_eq!(schedule.poll_timeout(), Some(late), "the end comes before the next try");
        assert_eq!(schedule.give_up(late), [1]);
        assert_eq!(schedule.len(), 1);
        assert_eq!(sent(&mut schedule, late), None, "the receiver is still given its time");
        schedule.on_gone();
        assert_eq!(schedule.give_up(late + Duration::from_secs(1)), [2]);
        assert_eq!(schedule.poll_timeout(), None);
    }

    #[test]
    fn the_oldest_makes_room_but_not_what_is_on_its_way() {
        let now = Instant::now();
        let mut schedule = Schedule::new(now);
        for seq in 0..WAITING_MAX as u64 {
            assert!(schedule.add(waiting(seq, now + DAY)).is_empty());
        }
        assert_eq!(schedule.add(waiting(20_000, now + DAY)), [0]);
        assert_eq!(sent(&mut schedule, now), Some(1));
        assert_eq!(schedule.add(waiting(20_001, now + DAY)), [2]);
        assert_eq!(schedule.on_taken(now), Some(1));
        let long = |seq, octets: usize| {
            let body = vec![b' '; octets].into();
            Waiting { message: Message { id: String::new(), body }, ..waiting(seq, now + DAY) }
        };
        assert_eq!(schedule.add(long(20_002, OCTETS_MAX)).len(), WAITING_MAX - 1);
        assert_eq!(schedule.seqs().collect::<Vec<_>>(), [20_002]);
        assert_eq!(schedule.add(long(20_003, 2 * OCTETS_MAX)), [20_002], "one has room, however long");
    }

    #[test]
    fn a_receiver_that_is_gone_is_left_alone_until_a_reload() {
        let now = Instant::now();
        let mut schedule = Schedule::new(now);
        schedule.add(waiting(1, now + DAY));
        assert_eq!(sent(&mut schedule, now), Some(1));
        schedule.on_gone();
        assert!(schedule.is_gone() && !schedule.is_busy(now));
        schedule.add(waiting(2, now + DAY));
        assert_eq!(sent(&mut schedule, now + RETRY_MAX), None);
        schedule.reopen(now);
        assert_eq!((sent(&mut schedule, now), schedule.len()), (Some(1), 2), "and nothing is lost");
        schedule.reopen(now);
        assert_eq!(sent(&mut schedule, now), None, "what is on its way is not sent twice");
    }
}
