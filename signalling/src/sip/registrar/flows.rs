//! Phones that have registered by several flows, of which one at a time is used (RFC 5626 5.3).

use std::cmp::Reverse;

use super::{Binding, Registrar};

impl Registrar {
    /// Where a user is called, in the order of [`bindings`](Self::bindings): of several flows of one instance by the one that was
    /// refreshed last, for a phone would ring by each.
    pub fn reached(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.bindings(user).filter(move |binding| {
            binding.instance().is_none_or(|instance| {
                let flows = self.bindings(user).filter(|other| other.instance() == Some(instance));
                flows.max_by_key(|other| other.freshness()).is_some_and(|last| last.key == binding.key)
            })
        })
    }

    /// The other flows of a phone that registered by this one, whose media is carried alike: the one that was refreshed last comes
    /// first.
    #[must_use]
    pub fn other_flows(&self, of: &Binding) -> Vec<&Binding> {
        let is_other = |other: &&Binding| {
            other.key != of.key
                && other.instance() == of.instance()
                && other.has_outbound_id()
                && other.profile == of.profile
        };
        let mut others = Vec::new();
        if of.has_outbound_id() {
            others.extend(self.bindings(&of.user).filter(is_other));
        }
        others.sort_by_key(|other| Reverse(other.freshness()));
        others
    }
}
