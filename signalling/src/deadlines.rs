//! Who wants to be woken when: one ordered set for any number of timers.

use std::collections::BTreeSet;
use std::time::Instant;

/// At most one deadline for each key. Every operation costs O(log n), also with 100 000 keys, and what
/// is rescheduled leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    ordered: BTreeSet<(Instant, K)>,
}

impl<K: Copy + Ord> Deadlines<K> {
    pub(crate) const fn new() -> Self {
        Self { ordered: BTreeSet::new() }
    }

    /// Moves a key from its `old` deadline, which the caller keeps beside what it times, to a new one.
    pub(crate) fn reschedule(&mut self, key: K, old: Option<Instant>, new: Option<Instant>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.ordered.remove(&(old, key));
        }
        if let Some(new) = new {
            self.ordered.insert((new, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.ordered.first().map(|(at, _)| *at)
    }

    /// A key whose deadline has come, the longest overdue first. It stays until it is rescheduled.
    pub(crate) fn first_due(&self, now: Instant) -> Option<K> {
        self.ordered.first().filter(|(at, _)| *at <= now).map(|(_, key)| *key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_longest_overdue_comes_first_and_rescheduling_leaves_nothing_behind() {
        let start = Instant::now();
        let at = |seconds| Some(start + Duration::from_secs(seconds));
        let mut deadlines = Deadlines::new();
        deadlines.reschedule('a', None, at(3));
        deadlines.reschedule('b', None, at(2));
        deadlines.reschedule('a', at(3), at(1));
        assert_eq!(deadlines.first_due(start), None);
        assert_eq!(deadlines.first_due(start + Duration::from_secs(5)), Some('a'));
        deadlines.reschedule('a', at(1), None);
        assert_eq!(
            (deadlines.next(), deadlines.first_due(start + Duration::from_secs(2))),
            (at(2), Some('b'))
        );
        deadlines.reschedule('b', at(2), None);
        assert_eq!(deadlines.next(), None);
    }
}
