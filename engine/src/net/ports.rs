//! The pool of RTP/RTCP port pairs of one shard, with a quarantine after use.
//!
//! A port that was just given back still draws packets of its last peer; it rests before the next
//! call gets it, so nobody hears the end of somebody else's conversation.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a port pair rests. Chosen by us: longer than any peer goes on sending after its BYE.
pub const QUARANTINE: Duration = Duration::from_secs(10);

/// Even RTP ports whose odd neighbours carry RTCP (RFC 3550 11).
#[derive(Debug)]
pub struct PortPool {
    free: VecDeque<u16>,
    resting: VecDeque<(Instant, u16)>,
    in_use: usize,
}

impl PortPool {
    /// Every pair within `from..=to`.
    #[must_use]
    pub fn new(from: u16, to: u16) -> Self {
        let first_even = from.saturating_add(from % 2);
        let free = (first_even..to).step_by(2).collect();
        Self { free, resting: VecDeque::new(), in_use: 0 }
    }

    /// Takes the RTP port of the pair that was unused for longest; `None` when all are in use or resting.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        while self.resting.front().is_some_and(|(until, _)| *until <= now) {
            let (_, port) = self.resting.pop_front().expect("front was just seen");
            self.free.push_back(port);
        }
        let port = self.free.pop_front()?;
        self.in_use += 1;
        Some(port)
    }

    /// Gives a pair back; it rests before it is taken again.
    pub fn release(&mut self, port: u16, now: Instant) {
        self.in_use -= 1;
        self.resting.push_back((now + QUARANTINE, port));
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
    fn a_released_pair_rests() {
        let mut pool = PortPool::new(10_000, 10_001);
        let now = Instant::now();
        let port = pool.take(now).expect("one pair");
        assert_eq!(pool.in_use(), 1);
        pool.release(port, now);
        assert_eq!(pool.in_use(), 0);
        assert_eq!(pool.take(now + QUARANTINE / 2), None);
        assert_eq!(pool.take(now + QUARANTINE), Some(port));
    }
}
