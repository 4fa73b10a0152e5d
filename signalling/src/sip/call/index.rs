//! Which dialog belongs to which leg.

use std::collections::HashMap;

use webtrunk_engine::LegId;

use crate::sip::dialog::{Dialog, DialogId};
use crate::sip::message::{Replaces, SipUri};

/// What JsSIP writes for a tag that it has not learnt yet.
const UNKNOWN_TAG: &str = "null";

/// All dialogs of all legs; a forked call has several.
#[derive(Debug, Default)]
pub(in crate::sip) struct DialogIndex {
    by_id: HashMap<DialogId, LegId>,
    by_leg: HashMap<LegId, Known>,
}

/// What is known of a leg.
#[derive(Debug, Default)]
struct Known {
    ids: Vec<DialogId>,
    /// Whom its peer talks with: as whom it called us, or we called it. Empty where that is nobody.
    as_whom: String,
}

impl DialogIndex {
    pub(in crate::sip) fn leg(&self, id: &DialogId) -> Option<LegId> {
        self.by_id.get(id).copied()
    }

    /// The leg of a dialog that its peer names to somebody who calls us: the tags as in a request to us
    /// (RFC 3891 3).
    pub(in crate::sip) fn replaced(&self, replaces: &Replaces) -> Option<LegId> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        self.leg(&named(call_id, to_tag, from_tag))
    }

    /// The leg of a dialog that somebody names who watches its peer: the tags as that one has them (RFC 4235 4.1).
    pub(in crate::sip) fn watched(&self, replaces: &Replaces) -> Option<LegId> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        self.leg(&named(call_id, from_tag, to_tag))
    }

    /// The leg of a dialog that its peer names to us. Peers write the tags in the order of whoever called, or leave out
    /// ours before they have it: whose leg it is has to be asked. And whom the peer talks with.
    pub(in crate::sip) fn referred(&self, replaces: &Replaces) -> Option<(LegId, &str)> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        let known = self.replaced(replaces).or_else(|| self.watched(replaces));
        let leg = known.or_else(|| {
            let is_it = |id: &&DialogId| id.call_id == *call_id && id.remote_tag == *from_tag;
            let mut without_tag = self.by_id.keys().filter(is_it).filter(|_| to_tag == UNKNOWN_TAG);
            self.leg(without_tag.next()?)
        })?;
        Some((leg, self.by_leg.get(&leg).map_or("", |known| &known.as_whom)))
    }

    pub(in crate::sip) fn insert(&mut self, leg: LegId, dialog: &Dialog) {
        let as_whom = dialog.local().uri.as_sip().map(SipUri::dialled);
        self.insert_id(leg, dialog.id(), &as_whom.unwrap_or_default());
    }

    fn insert_id(&mut self, leg: LegId, id: &DialogId, as_whom: &str) {
        if self.by_id.insert(id.clone(), leg).is_none() {
            let known = self.by_leg.entry(leg).or_default();
            // Nearly always it has one.
            known.ids.reserve_exact(1);
            known.ids.push(id.clone());
            as_whom.clone_into(&mut known.as_whom);
        }
    }

    /// Of the dialogs of a leg this one stays: the others are those of forks that lost the call.
    pub(in crate::sip) fn keep_only(&mut self, leg: LegId, id: &DialogId) {
        let Self { by_id, by_leg } = self;
        let Some(known) = by_leg.get_mut(&leg) else { return };
        known.ids.retain(|other| {
            let stays = other == id;
            if !stays {
                by_id.remove(other);
            }
            stays
        });
    }

    pub(in crate::sip) fn remove_leg(&mut self, leg: LegId) {
        for id in self.by_leg.remove(&leg).unwrap_or_default().ids {
            self.by_id.remove(&id);
        }
    }

    pub(in crate::sip) fn len(&self) -> usize {
        self.by_id.len()
    }
}

fn named(call_id: &str, local_tag: &str, remote_tag: &str) -> DialogId {
    let (call_id, local_tag, remote_tag) = (call_id.to_owned(), local_tag.to_owned(), remote_tag.to_owned());
    DialogId { call_id, local_tag, remote_tag }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaces(call_id: &str, to_tag: &str, from_tag: &str) -> Replaces {
        let (call_id, to_tag, from_tag) = (call_id.into(), to_tag.into(), from_tag.into());
        Replaces { call_id, to_tag, from_tag, is_early_only: false }
    }

    #[test]
    fn a_dialog_is_found_by_its_tags_in_the_order_that_the_asker_may_use() {
        let leg = LegId::next();
        let mut index = DialogIndex::default();
        index.insert_id(leg, &named("a", "ours", "theirs"), "eve");
        for (call_id, to_tag, from_tag, is_replaced, is_referred) in [
            ("a", "ours", "theirs", true, true),
            ("a", "theirs", "ours", false, true),
            ("a", "null", "theirs", false, true),
            ("a", "null", "ours", false, false),
            ("a", "other", "theirs", false, false),
            ("b", "ours", "theirs", false, false),
        ] {
            let named = replaces(call_id, to_tag, from_tag);
            assert_eq!(index.replaced(&named).is_some(), is_replaced, "{named:?}");
            assert_eq!(index.referred(&named), is_referred.then_some((leg, "eve")), "{named:?}");
        }
    }
}
