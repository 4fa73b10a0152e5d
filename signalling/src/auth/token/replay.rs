//! Tokens that were used, so that none that is good once is used twice.

use std::collections::{BTreeSet, HashMap};

use super::refusal::Refusal;
use crate::auth::validity::{CLOCK_LEEWAY, UnixTime};

/// Tokens that are remembered at one time: 6 MiB of them.
const ENTRIES_MAX: usize = 100_000;

/// What a token is known by: the begin of a SHA-256, so that long names take no more room than short ones.
pub type OnceId = [u8; 16];

/// A token that was used, to be kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedToken {
    /// What it is known by.
    pub id: OnceId,
    /// Until when it would be let in.
    pub until: UnixTime,
    /// Whether anybody may have made it, who has one.
    pub is_forgeable: bool,
}

/// Keeps what was used over a restart.
pub trait TokenKeeper: Send + Sync {
    /// Keeps one more; never waits.
    fn keep(&self, used: UsedToken);
}

/// The tokens that were used and have not expired.
///
/// When it is full, none is let in that it would have to remember: to forget one would let that in again.
#[derive(Debug)]
pub struct ReplayList {
    until: HashMap<OnceId, UnixTime>,
    /// In the order of their ends.
    ends: BTreeSet<(UnixTime, OnceId)>,
    entries_max: usize,
}

impl ReplayList {
    /// Remembers so many.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self { until: HashMap::new(), ends: BTreeSet::new(), entries_max }
    }

    /// Notes the use of a token; until when it is remembered.
    ///
    /// # Errors
    /// [`Refusal::Replayed`] where it was used before, [`Refusal::ReplayListFull`] where that cannot be known again.
    pub(super) fn note(&mut self, id: OnceId, expires: UnixTime, now: UnixTime) -> Result<UnixTime, Refusal> {
        while let Some((end, old)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.remove(&(end, old));
            self.until.remove(&old);
        }
        if self.until.contains_key(&id) {
            return Err(Refusal::Replayed);
        }
        if self.until.len() >= self.entries_max {
            return Err(Refusal::ReplayListFull);
        }
        // As long as it would be let in.
        let end = expires.plus(CLOCK_LEEWAY);
        self.until.insert(id, end);
        self.ends.insert((end, id));
        Ok(end)
    }

    /// Remembers one that was used before a restart.
    pub(super) fn restore(&mut self, id: OnceId, until: UnixTime) {
        if self.until.insert(id, until).is_none() {
            self.ends.insert((until, id));
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.until.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }
}

impl Default for ReplayList {
    fn default() -> Self {
        Self::new(ENTRIES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_remembered_for_as_long_as_it_would_be_let_in() {
        let mut list = ReplayList::default();
        let end = UnixTime(1000);
        assert_eq!(list.note([1; 16], end, UnixTime(900)), Ok(UnixTime(1030)));
        assert_eq!(list.note([1; 16], end, UnixTime(1029)), Err(Refusal::Replayed));
        assert_eq!(list.note([2; 16], UnixTime(2000), UnixTime(1030)), Ok(UnixTime(2030)));
        assert_eq!(list.len(), 1, "the first is forgotten");
    }

    #[test]
    fn a_full_list_forgets_none_that_is_still_good() {
        let mut list = ReplayList::new(2);
        let note = |list: &mut ReplayList, id, end, now| {
            list.note([id; 16], UnixTime(end), UnixTime(now)).map(|_| ())
        };
        assert_eq!(note(&mut list, 1, 100, 0), Ok(()));
        assert_eq!(note(&mut list, 2, 200, 0), Ok(()));
        assert_eq!(note(&mut list, 3, 300, 0), Err(Refusal::ReplayListFull));
        assert_eq!(note(&mut list, 1, 100, 0), Err(Refusal::Replayed));
        assert_eq!(note(&mut list, 3, 300, 130), Ok(()), "the first has ended");
    }

    #[test]
    fn a_token_that_was_used_before_a_restart_is_remembered_to_its_end() {
        let mut list = ReplayList::default();
        list.restore([1; 16], UnixTime(130));
        assert_eq!(list.note([1; 16], UnixTime(100), UnixTime(129)), Err(Refusal::Replayed));
        assert_eq!(list.note([1; 16], UnixTime(200), UnixTime(130)), Ok(UnixTime(230)));
    }

    proptest! {
        #[test]
        fn no_token_is_taken_twice_while_it_is_good(uses in prop::collection::vec((0u8..20, 0u64..200, 0u64..10), 1..200)) {
            let mut list = ReplayList::new(10);
            let mut good: BTreeMap<u8, u64> = BTreeMap::new();
            let mut now = 0;
            for (id, life, passed) in uses {
                now += passed;
                good.retain(|_, end| *end > now);
                let expected = match (good.contains_key(&id), good.len()) {
                    (true, _) => Err(Refusal::Replayed),
                    (false, 10..) => Err(Refusal::ReplayListFull),
                    (false, _) => Ok(()),
                };
                if expected.is_ok() {
                    good.insert(id, now + life + CLOCK_LEEWAY.as_secs());
                }
                prop_assert_eq!(list.note([id; 16], UnixTime(now + life), UnixTime(now)).map(|_| ()), expected);
                prop_assert_eq!(list.len(), good.len());
            }
        }
    }
}
