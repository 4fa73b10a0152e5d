//! Which nonce counts were used: a bounded table, filled by right responses alone.

use std::collections::BTreeMap;

use super::nonce::NonceId;

/// The nonces that were used, oldest first.
///
/// A nonce that leaves the table takes all older ones with it: what is not older than any that left
/// and is not in the table was never used.
#[derive(Default)]
pub(super) struct Used {
    windows: BTreeMap<NonceId, Window>,
    /// The youngest nonce that left.
    forgotten: Option<NonceId>,
}

/// The counts of one nonce: the highest, and a bit for each of the 64 up to it.
struct Window {
    highest: u32,
    seen: u64,
}

/// How many nonces are remembered. Chosen by us: 100 bytes each, some 1600 logins a second for a
/// minute.
const NONCES_MAX: usize = 100_000;

impl Used {
    /// Whether this count of this nonce is used for the first time, and remembers it.
    pub(super) fn insert(&mut self, id: NonceId, count: u32) -> bool {
        if let Some(window) = self.windows.get_mut(&id) {
            return window.insert(count);
        }
        if count == 0 || self.forgotten.is_some_and(|forgotten| id <= forgotten) {
            return false;
        }
        if self.windows.len() >= NONCES_MAX {
            match self.windows.first_key_value() {
                Some((oldest, _)) if id < *oldest => return false,
                _ => self.forgotten = self.windows.pop_first().map(|(oldest, _)| oldest),
            }
        }
        self.windows.insert(id, Window { highest: count, seen: 1 });
        true
    }

    /// Drops what `is_expired` says. Their age alone keeps those from being used again.
    pub(super) fn expire(&mut self, is_expired: impl Fn(NonceId) -> bool) {
        while let Some(entry) = self.windows.first_entry() {
            if !is_expired(*entry.key()) {
                break;
            }
            entry.remove();
        }
    }
}

impl Window {
    fn insert(&mut self, count: u32) -> bool {
        if count > self.highest {
            let ahead = count - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        // Too far behind to tell: refused.
        let Some(bit) = 1_u64.checked_shl(self.highest - count) else { return false };
        let is_new = count != 0 && self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(millis: u64) -> NonceId {
        NonceId::from_parts(millis, 0)
    }

    #[test]
    fn a_count_is_used_once() {
        let mut used = Used::default();
        for (count, is_new) in [
            (0, false),
            (1, true),
            (1, false),
            (5, true),
            (3, true),
            (3, false),
            (200, true),
            (137, true),
            (136, false),
        ] {
            assert_eq!(used.insert(id(1), count), is_new, "{count}");
        }
        assert!(used.insert(id(2), 1));
    }

    #[test]
    fn the_highest_count_ends_nothing_in_overflow() {
        let mut used = Used::default();
        assert!(used.insert(id(1), 1));
        assert!(used.insert(id(1), u32::MAX));
        assert!(!used.insert(id(1), u32::MAX));
        assert!(!used.insert(id(1), 1));
    }

    #[test]
    fn a_full_table_forgets_the_oldest_and_refuses_it_from_then_on() {
        let mut used = Used::default();
        for at in 0..NONCES_MAX as u64 {
            assert!(used.insert(id(10 + at), 1));
        }
        assert!(!used.insert(id(9), 1), "older than all that are remembered");
        assert!(used.insert(id(u64::MAX), 1));
        assert_eq!(used.windows.len(), NONCES_MAX);
        assert!(!used.insert(id(10), 1), "forgotten, so perhaps used");
        assert!(!used.insert(id(11), 1), "remembered as used");
        assert!(used.insert(id(11), 2));
    }

    #[test]
    fn expired_nonces_leave() {
        let mut used = Used::default();
        assert!(used.insert(id(1), 1) && used.insert(id(5), 1));
        used.expire(|nonce| nonce < id(5));
        assert_eq!(used.windows.len(), 1);
    }

    proptest! {
        #[test]
        fn no_count_is_ever_taken_twice(counts in prop::collection::vec(0..200_u32, 0..300)) {
            let mut used = Used::default();
            let mut taken = std::collections::HashSet::new();
            for count in counts {
                if used.insert(id(1), count) {
                    prop_assert!(taken.insert(count));
                }
            }
        }
    }
}
