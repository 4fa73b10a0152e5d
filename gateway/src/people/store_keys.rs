//! The keys of a store's secrets: the first seals, and all open, so that one is replaced while what the one before has sealed is there.

use std::fmt;

use super::seal::StoreKey;

/// The keys, the first of which seals.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKeys {
    sealing: StoreKey,
    older: Vec<StoreKey>,
}

impl StoreKeys {
    /// One that seals, and those before it.
    #[must_use]
    pub const fn new(sealing: StoreKey, older: Vec<StoreKey>) -> Self {
        Self { sealing, older }
    }

    /// The key that seals.
    #[must_use]
    pub const fn sealing(&self) -> &StoreKey {
        &self.sealing
    }

    /// The ids of all, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(StoreKey::id)
    }

    /// The keys that may have sealed what says that this one has; all of them where it does not say.
    pub(crate) fn of(&self, id: Option<&str>) -> impl Iterator<Item = &StoreKey> {
        self.all().filter(move |key| id.is_none_or(|id| key.id() == id))
    }

    fn all(&self) -> impl Iterator<Item = &StoreKey> {
        std::iter::once(&self.sealing).chain(&self.older)
    }
}

impl fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seals_and_each_is_found_by_its_id() {
        let [new, old] =
            ["0f".repeat(32), "f0".repeat(32)].map(|hex| StoreKey::from_hex(&hex).expect("a key"));
        let keys = StoreKeys::new(new.clone(), vec![old.clone()]);
        assert_eq!(keys.sealing(), &new);
        assert_eq!(keys.of(Some(old.id())).collect::<Vec<_>>(), [&old]);
        assert_eq!(keys.of(None).collect::<Vec<_>>(), [&new, &old]);
        assert_eq!(keys.of(Some("00000000")).count(), 0);
        assert_eq!(format!("{keys:?}"), format!("[{:?}, {:?}]", new.id(), old.id()), "no key is shown");
    }
}
