//! Which dialog belongs to which leg.

use std::collections::HashMap;

use webtrunk_engine::LegId;

use crate::sip::dialog::DialogId;

/// All dialogs of all legs; a forked call has several.
#[derive(Debug, Default)]
pub(in crate::sip) struct DialogIndex {
    by_id: HashMap<DialogId, LegId>,
    by_leg: HashMap<LegId, Vec<DialogId>>,
}

impl DialogIndex {
    pub(in crate::sip) fn leg(&self, id: &DialogId) -> Option<LegId> {
        self.by_id.get(id).copied()
    }

    pub(in crate::sip) fn insert(&mut self, leg: LegId, id: &DialogId) {
        if self.by_id.insert(id.clone(), leg).is_none() {
            self.by_leg.entry(leg).or_default().push(id.clone());
        }
    }

    pub(in crate::sip) fn remove_leg(&mut self, leg: LegId) {
        for id in self.by_leg.remove(&leg).unwrap_or_default() {
            self.by_id.remove(&id);
        }
    }

    pub(in crate::sip) fn len(&self) -> usize {
        self.by_id.len()
    }
}
