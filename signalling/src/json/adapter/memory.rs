//! The tokens that were used, for a task that follows one that broke; and past the process, where somebody keeps them.

use std::sync::{Arc, Mutex};

use crate::auth::token::{TokenKeeper, UsedToken};
use crate::auth::validity::UnixTime;
use crate::calendar;
use crate::lock::lock;

/// Fewer are never looked through for those that are over.
const LOOKED_THROUGH_MIN: usize = 1024;

/// Remembers, and hands on to who keeps. As many are remembered as the list has that lets them in, and at most as many again
/// that are over.
#[derive(Default)]
pub(super) struct TokenMemory {
    used: Mutex<Used>,
    keeper: Option<Arc<dyn TokenKeeper>>,
}

#[derive(Default)]
struct Used {
    tokens: Vec<UsedToken>,
    /// With so many, those that are over are forgotten.
    full_at: usize,
}

impl TokenMemory {
    /// With what was kept of the process before, and who keeps.
    pub(super) fn new(kept: Vec<UsedToken>, keeper: Option<Arc<dyn TokenKeeper>>) -> Self {
        Self { used: Mutex::new(Used { tokens: kept, full_at: 0 }), keeper }
    }

    /// All of them.
    pub(super) fn tokens(&self) -> Vec<UsedToken> {
        lock(&self.used).tokens.clone()
    }
}

impl TokenKeeper for TokenMemory {
    fn keep(&self, used: UsedToken) {
        lock(&self.used).add(used, UnixTime::from(calendar::now()));
        if let Some(keeper) = &self.keeper {
            keeper.keep(used);
        }
    }
}

impl Used {
    fn add(&mut self, used: UsedToken, now: UnixTime) {
        if self.tokens.len() >= self.full_at {
            self.tokens.retain(|used| used.until > now);
            self.full_at = (self.tokens.len() * 2).max(LOOKED_THROUGH_MIN);
        }
        self.tokens.push(used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_before_and_since_is_remembered() {
        let used = |id| UsedToken { id: [id; 16], until: UnixTime(u64::MAX), is_forgeable: false };
        let memory = TokenMemory::new(vec![used(1)], None);
        memory.keep(used(2));
        assert_eq!(memory.tokens(), [used(1), used(2)]);
    }

    #[test]
    fn those_that_are_over_are_forgotten_before_others_take_more_room() {
        let used = |until| UsedToken { id: [0; 16], until: UnixTime(until), is_forgeable: false };
        let mut memory = Used::default();
        (0..LOOKED_THROUGH_MIN).for_each(|_| memory.add(used(10), UnixTime(1)));
        memory.add(used(30), UnixTime(20));
        assert_eq!(memory.tokens, [used(30)]);
        (0..3 * LOOKED_THROUGH_MIN).for_each(|_| memory.add(used(30), UnixTime(20)));
        assert_eq!(memory.tokens.len(), 3 * LOOKED_THROUGH_MIN + 1, "all that are good are remembered");
    }
}
