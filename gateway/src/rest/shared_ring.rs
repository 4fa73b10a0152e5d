//! A memory of bounded size that many share: when it is full, whoever has most in it makes room, so that nobody who fills it
//! drives out what is of others.

use std::collections::{BTreeMap, VecDeque};

/// Things of owners, each owner's in the order in which they came.
#[derive(Debug)]
pub(super) struct SharedRing<K, T> {
    most: usize,
    count: usize,
    of: BTreeMap<K, VecDeque<T>>,
}

impl<K: Ord + Clone, T> SharedRing<K, T> {
    /// Room for `most` things of all owners together.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, count: 0, of: BTreeMap::new() }
    }

    /// Takes one more; gives what made room for it, which is the oldest of whoever has most.
    pub(super) fn push(&mut self, owner: K, thing: T) -> Option<T> {
        self.of.entry(owner).or_default().push_back(thing);
        self.count += 1;
        if self.count <= self.most {
            return None;
        }
        let largest = self.of.iter().max_by_key(|(_, own)| own.len()).map(|(owner, _)| owner.clone())?;
        self.pop(&largest)
    }

    /// The oldest of an owner goes.
    pub(super) fn pop(&mut self, owner: &K) -> Option<T> {
        let own = self.of.get_mut(owner)?;
        let thing = own.pop_front();
        self.count -= usize::from(thing.is_some());
        if own.is_empty() {
            self.of.remove(owner);
        }
        thing
    }

    /// What is an owner's goes where this is true of it.
    pub(super) fn remove(&mut self, owner: &K, is_gone: impl Fn(&T) -> bool) {
        let Some(own) = self.of.get_mut(owner) else { return };
        let before = own.len();
        own.retain(|thing| !is_gone(thing));
        self.count -= before - own.len();
        if own.is_empty() {
            self.of.remove(owner);
        }
    }

    /// What is an owner's, the oldest first.
    pub(super) fn of(&self, owner: &K) -> impl DoubleEndedIterator<Item = &T> {
        self.of.get(owner).into_iter().flatten()
    }

    /// The same, to be changed.
    pub(super) fn of_mut(&mut self, owner: &K) -> impl Iterator<Item = &mut T> {
        self.of.get_mut(owner).into_iter().flatten()
    }

    /// All that there is.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.of.values().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fills_it_drives_out_its_own_alone() {
        let mut ring = SharedRing::new(10);
        for number in 0..4 {
            assert_eq!(ring.push("quiet", number), None);
        }
        let gone: Vec<_> = (100..200).filter_map(|number| ring.push("flood", number)).collect();
        assert_eq!(gone, Vec::from_iter(100..194), "each makes room by the oldest of the same");
        assert_eq!(ring.of(&"quiet").copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(ring.of(&"flood").copied().collect::<Vec<_>>(), Vec::from_iter(194..200));
        // Who has less than most has room until the two have the same.
        let gone: Vec<_> = (4..9).filter_map(|number| ring.push("quiet", number)).collect();
        assert_eq!(gone.len(), 5);
        assert_eq!(ring.all().count(), 10);
        ring.remove(&"flood", |_| true);
        assert_eq!((ring.of(&"flood").count(), ring.all().count()), (0, ring.of(&"quiet").count()));
        assert_eq!(ring.push("flood", 0), None, "there is room again");
        assert_eq!(ring.pop(&"nobody"), None);
    }
}
