//! What is to be written of webhooks, as far as their own room goes: what others have to be written waits beside it.
//!
//! An event that is taken before anything of it was to be written never is.

use std::collections::BTreeMap;

use crate::webhooks::{Kept, SpoolChange};

/// Changes that may wait for a disk. Chosen by us: as many as bindings and calls have.
const CHANGES_MAX: usize = 16_384;

/// What waits to be written.
#[derive(Debug, Default)]
pub(super) struct HookChanges {
    /// The latest of each event, by its place among all.
    events: BTreeMap<u64, Latest>,
    /// What is over, many at a time.
    runs: Vec<Run>,
}

/// All of a hook's from the one to the other are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) hook: String,
    pub(super) from: u64,
    pub(super) to: u64,
}

#[derive(Debug)]
enum Latest {
    /// It waits; `is_tried` where the database may have it, though it did not say so.
    Waits { kept: Kept, is_tried: bool },
    /// It is over, and the database may have it.
    Over,
}

impl HookChanges {
    /// Takes a change in; tells whether the oldest was dropped for it.
    pub(super) fn take(&mut self, change: SpoolChange) -> bool {
        match change {
            SpoolChange::Waits(kept) => {
                self.events.insert(kept.seq, Latest::Waits { kept, is_tried: false });
            }
            SpoolChange::Over(seq) => match self.events.get(&seq) {
                Some(Latest::Waits { is_tried: false, .. }) => drop(self.events.remove(&seq)),
                _ => drop(self.events.insert(seq, Latest::Over)),
            },
            SpoolChange::OverRun { hook, from, to } => {
                let is_of_run =
                    |seq: &u64, latest: &Latest| (from..=to).contains(seq) && latest.waits_for(&hook);
                self.events.retain(|seq, latest| !is_of_run(seq, latest));
                self.runs.push(Run { hook, from, to });
            }
        }
        let is_over_full = self.len() > CHANGES_MAX;
        // A run stands for many.
        if is_over_full && self.events.pop_first().is_none() {
            self.runs.remove(0);
        }
        is_over_full
    }

    /// It is to be written now: whether it was, is told later if at all.
    pub(super) fn set_tried(&mut self) {
        for latest in self.events.values_mut() {
            if let Latest::Waits { is_tried, .. } = latest {
                *is_tried = true;
            }
        }
    }

    /// All of it is written.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.runs.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.events.len() + self.runs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.runs.is_empty()
    }

    /// What waits.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Kept> {
        self.events.values().filter_map(|latest| match latest {
            Latest::Waits { kept, .. } => Some(kept),
            Latest::Over => None,
        })
    }

    /// What is over, by its place.
    pub(super) fn over(&self) -> impl Iterator<Item = u64> {
        self.events.iter().filter(|(_, latest)| matches!(latest, Latest::Over)).map(|(seq, _)| *seq)
    }

    /// What is over, many at a time.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }
}

impl Latest {
    fn waits_for(&self, hook: &str) -> bool {
        matches!(self, Self::Waits { kept, .. } if kept.hook == hook)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::webhooks::Message;

    /// An event that waits for a hook.
    pub(in crate::store) fn waits(seq: u64, hook: &str) -> Kept {
        Kept {
            seq,
            hook: hook.to_owned(),
            customer: (hook == "beta").then(|| "beta".to_owned()),
            message: Message { id: format!("5f3a91c2-{seq}"), body: format!("{{\"at\": {seq}}}").into() },
            until_ms: 1_764_400_000_000,
        }
    }

    fn seqs(changes: &HookChanges) -> (Vec<u64>, Vec<u64>) {
        (changes.waiting().map(|kept| kept.seq).collect(), changes.over().collect())
    }

    #[test]
    fn what_is_over_before_it_was_to_be_written_takes_no_room() {
        let mut changes = HookChanges::default();
        for seq in 1..=3 * CHANGES_MAX as u64 {
            assert!(!changes.take(SpoolChange::Waits(waits(seq, "crm"))));
            assert!(!changes.take(SpoolChange::Over(seq)));
        }
        assert!(changes.is_empty());
        changes.take(SpoolChange::Waits(waits(1, "crm")));
        changes.set_tried();
        changes.take(SpoolChange::Waits(waits(2, "crm")));
        changes.take(SpoolChange::Over(1));
        assert_eq!(seqs(&changes), (vec![2], vec![1]), "the database may have the first");
    }

    #[test]
    fn a_run_is_one_change_and_of_its_own_hook_alone() {
        let mut changes = HookChanges::default();
        for seq in 1..=10 {
            changes.take(SpoolChange::Waits(waits(seq, if seq % 2 == 0 { "crm" } else { "beta" })));
        }
        changes.set_tried();
        changes.take(SpoolChange::OverRun { hook: "crm".to_owned(), from: 2, to: 8 });
        assert_eq!(seqs(&changes).0, [1, 3, 5, 7, 9, 10]);
        assert_eq!(changes.runs(), [Run { hook: "crm".to_owned(), from: 2, to: 8 }]);
        assert_eq!(changes.len(), 7);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut changes = HookChanges::default();
        for seq in 1..=CHANGES_MAX as u64 {
            assert!(!changes.take(SpoolChange::Over(seq)));
        }
        assert!(changes.take(SpoolChange::Waits(waits(20_000, "crm"))));
        assert_eq!((changes.len(), changes.over().next()), (CHANGES_MAX, Some(2)));
    }
}
