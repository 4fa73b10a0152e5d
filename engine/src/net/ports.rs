//! The pool of RTP/RTCP port pairs of one shard, with a quarantine after use.
//!
//! A port that was just given back still draws packets of its last peer; it rests before the next
//! call gets it, so nobody hears the end of somebody else's conversation. One to which nobody ever sent
//! anything, as of a call that was not answered, rests for less: else calls that are refused would use up
//! the range.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a port pair rests. Chosen by us: longer than any peer goes on sending after its BYE.
pub const QUARANTINE: Duration = Duration::from_secs(10);

/// How long one rests to which nobody sent anything. Chosen by us: who was about to begin hears of the call's end in this time,
/// though its BYE is lost twice.
const SHORT_QUARANTINE: Duration = Duration::from_secs(3);

/// Even RTP ports whose odd neighbours carry RTCP (RFC 3550 11).
#[derive(Debug)]
pub struct PortPool {
    free: VecDeque<u16>,
    /// Until when those rest that a peer sent to.
    resting: VecDeque<(Instant, u16)>,
    /// And those that nobody sent to.
    resting_unheard: VecDeque<(Instant, u16)>,
    in_use: usize,
    pairs: usize,
    /// Whether it was empty, and has not recovered since.
    is_dry: bool,
}

impl PortPool {
    /// Every pair within `from..=to`.
    #[must_use]
    pub fn new(from: u16, to: u16) -> Self {
        let first_even = from.saturating_add(from % 2);
        let free: VecDeque<u16> = (first_even..to).step_by(2).collect();
        let (resting, resting_unheard) = (VecDeque::new(), VecDeque::new());
        Self { pairs: free.len(), free, resting, resting_unheard, in_use: 0, is_dry: false }
    }

    /// Takes the RTP port of the pair that was unused for longest; `None` when all are in use or resting.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        self.take_back_rested(now);
        // One pair that comes back under load is not the end of the shortage.
        if self.free.len() > self.pairs / 8 {
            self.is_dry = false;
        }
        let port = self.free.pop_front()?;
        self.in_use += 1;
        Some(port)
    }

    /// Pairs that could be taken at `now`.
    pub fn free(&mut self, now: Instant) -> usize {
        self.take_back_rested(now);
        self.free.len()
    }

    fn take_back_rested(&mut self, now: Instant) {
        for resting in [&mut self.resting, &mut self.resting_unheard] {
            while resting.front().is_some_and(|(until, _)| *until <= now) {
                let (_, port) = resting.pop_front().expect("front was just seen");
                self.free.push_back(port);
            }
        }
    }

    /// Gives a pair back; it rests before it is taken again, for longer where somebody sent to it.
    pub fn release(&mut self, port: u16, is_heard: bool, now: Instant) {
        self.in_use -= 1;
        if is_heard {
            self.resting.push_back((now + QUARANTINE, port));
        } else {
            self.resting_unheard.push_back((now + SHORT_QUARANTINE, port));
        }
    }

    /// Puts a pair back that nobody got: the next one who takes some gets it.
    pub fn put_back(&mut self, port: u16) {
        self.in_use -= 1;
        self.free.push_front(port);
    }

    /// Notes that nothing could be taken; whether that is news: it is again once an eighth was free.
    pub fn note_dry(&mut self) -> bool {
        !std::mem::replace(&mut self.is_dry, true)
    }

    /// Pairs that rest, as of the last take.
    #[must_use]
    pub fn resting(&self) -> usize {
        self.resting.len() + self.resting_unheard.len()
    }

    /// Pairs in use now.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_begin_even_and_stay_inside_the_range() {
        let mut pool = PortPool::new(10_001, 10_006);
        let now = Instant::now();
        assert_eq!(pool.take(now), Some(10_002));
        assert_eq!(pool.take(now), Some(10_004));
        assert_eq!(pool.take(now), None, "10006 has no neighbour inside the range");
    }

    #[test]
    fn a_pair_that_was_put_back_is_the_next() {
        let mut pool = PortPool::new(10_000, 10_003);
        let now = Instant::now();
        let port = pool.take(now).expect("a pair");
        pool.put_back(port);
        assert_eq!((pool.in_use(), pool.resting(), pool.take(now)), (0, 0, Some(port)));
    }

    #[test]
    fn a_released_pair_rests() {
        let mut pool = PortPool::new(10_000, 10_001);
        let now = Instant::now();
        let port = pool.take(now).expect("one pair");
        assert_eq!(pool.in_use(), 1);
        pool.release(port, true, now);
        assert_eq!(pool.in_use(), 0);
        assert_eq!(pool.take(now + QUARANTINE / 2), None);
        assert_eq!(pool.take(now + QUARANTINE), Some(port));
    }

    #[test]
    fn a_pair_that_nobody_sent_to_rests_for_less_and_waits_for_no_other() {
        let mut pool = PortPool::new(10_000, 10_003);
        let now = Instant::now();
        let [heard, unheard] = [(); 2].map(|()| pool.take(now).expect("a pair"));
        pool.release(heard, true, now);
        pool.release(unheard, false, now);
        assert_eq!((pool.resting(), pool.free(now)), (2, 0));
        assert_eq!(pool.take(now + SHORT_QUARANTINE / 2), None);
        let later = now + SHORT_QUARANTINE;
        assert_eq!((pool.take(later), pool.take(later), pool.resting()), (Some(unheard), None, 1));
        assert_eq!(pool.take(now + QUARANTINE), Some(heard));
    }

    #[test]
    fn a_shortage_is_news_once_until_it_is_over() {
        let mut pool = PortPool::new(10_000, 10_031);
        let start = Instant::now();
        let taken: Vec<u16> = std::iter::from_fn(|| pool.take(start)).collect();
        assert_eq!((taken.len(), pool.note_dry(), pool.note_dry()), (16, true, false));
        pool.release(taken[0], true, start);
        assert_eq!((pool.take(start), pool.resting(), pool.note_dry()), (None, 1, false));
        let later = start + QUARANTINE;
        assert!(pool.take(later).is_some() && pool.take(later).is_none());
        assert!(!pool.note_dry(), "one pair came back, and it goes on");
        taken.iter().for_each(|port| pool.release(*port, true, later));
        assert_eq!(std::iter::from_fn(|| pool.take(later + QUARANTINE)).count(), 16);
        assert!(pool.note_dry(), "it was over, and begins again");
    }
}
