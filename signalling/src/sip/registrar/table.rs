//! All bindings, findable by key, user, connection and expiry.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use super::Binding;
use crate::sip::flow::{ConnectionId, Flow};

#[derive(Default)]
pub(super) struct Table {
    bindings: HashMap<u64, Binding>,
    by_user: HashMap<String, Vec<u64>>,
    by_connection: HashMap<ConnectionId, Vec<u64>>,
    /// Of datagrams that came through no proxy.
    by_source: HashMap<SocketAddr, Vec<u64>>,
    by_expiry: BTreeSet<(Instant, u64)>,
}

impl Table {
    /// Adds a binding, or replaces the one of the same key, which stays in its place.
    pub(super) fn set(&mut self, binding: Binding) {
        let key = binding.key;
        if let Some(old) = self.bindings.get(&key) {
            self.by_expiry.remove(&(old.expires_at, key));
            forget(&mut self.by_connection, old.flow.connection.as_ref(), key);
            forget(&mut self.by_source, source(old).as_ref(), key);
        } else {
            self.by_user.entry(binding.user.clone()).or_default().push(key);
        }
        self.by_expiry.insert((binding.expires_at, key));
        if let Some(connection) = binding.flow.connection {
            self.by_connection.entry(connection).or_default().push(key);
        }
        if let Some(source) = source(&binding) {
            self.by_source.entry(source).or_default().push(key);
        }
        self.bindings.insert(key, binding);
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<Binding> {
        let binding = self.bindings.remove(&key)?;
        self.by_expiry.remove(&(binding.expires_at, key));
        forget(&mut self.by_user, Some(&binding.user), key);
        forget(&mut self.by_connection, binding.flow.connection.as_ref(), key);
        forget(&mut self.by_source, source(&binding).as_ref(), key);
        Some(binding)
    }

    pub(super) fn get(&self, key: u64) -> Option<&Binding> {
        self.bindings.get(&key)
    }

    /// All bindings, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.values()
    }

    /// The bindings of a user, oldest first.
    pub(super) fn of_user(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.by_user.get(user).into_iter().flatten().filter_map(|key| self.bindings.get(key))
    }

    /// Who has a binding.
    pub(super) fn users(&self) -> impl Iterator<Item = &str> {
        self.by_user.keys().map(String::as_str)
    }

    /// The keys of what was registered over a connection.
    pub(super) fn of_connection(&self, connection: ConnectionId) -> Vec<u64> {
        self.by_connection.get(&connection).cloned().unwrap_or_default()
    }

    /// What was registered by datagrams from where a flow comes from.
    pub(super) fn of_source(&self, flow: &Flow) -> impl Iterator<Item = &Binding> {
        let keys = self.by_source.get(&flow.remote).filter(|_| flow.connection.is_none());
        keys.into_iter().flatten().filter_map(|key| self.bindings.get(key))
    }

    /// The binding that ends first, and when.
    pub(super) fn first_to_expire(&self) -> Option<(Instant, u64)> {
        self.by_expiry.first().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether the indexes say what the bindings say.
    #[cfg(test)]
    pub(super) fn is_consistent(&self) -> bool {
        let sizes = |index: usize| index == self.bindings.len();
        sizes(self.by_expiry.len())
            && sizes(self.by_user.values().map(Vec::len).sum())
            && self.by_user.values().all(|keys| !keys.is_empty())
            && self.by_connection.values().all(|keys| !keys.is_empty())
            && self.by_source.values().all(|keys| !keys.is_empty())
            && self.bindings.values().all(|binding| {
                self.by_expiry.contains(&(binding.expires_at, binding.key))
                    && self.by_user[&binding.user].contains(&binding.key)
                    && binding.flow.connection.is_none_or(|c| self.by_connection[&c].contains(&binding.key))
                    && source(binding).is_none_or(|source| self.by_source[&source].contains(&binding.key))
            })
    }
}

/// From where it was registered, where that was by datagrams and not through a proxy.
fn source(binding: &Binding) -> Option<SocketAddr> {
    (binding.flow.connection.is_none() && binding.is_direct).then_some(binding.flow.remote)
}

/// Takes a key out of an index, and the entry with it where it was the last.
fn forget<K: Eq + std::hash::Hash>(index: &mut HashMap<K, Vec<u64>>, name: Option<&K>, key: u64) {
    let Some(name) = name else { return };
    if let Some(keys) = index.get_mut(name) {
        keys.retain(|other| *other != key);
        if keys.is_empty() {
            index.remove(name);
        }
    }
}
