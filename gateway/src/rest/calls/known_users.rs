//! Who there is, by whose rights calls may be made.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

/// The users that the configuration and the store have and that are not disabled; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KnownUsers(Arc<RwLock<HashSet<String>>>);

impl KnownUsers {
    /// Those from now on.
    pub fn take_up<'u>(&self, users: impl Iterator<Item = &'u str>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = users.map(str::to_owned).collect();
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, user: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(user)
    }
}
