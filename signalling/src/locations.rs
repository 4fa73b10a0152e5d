//! Where users can be reached now, for routing to read.
//!
//! Each adapter's task alone writes its own; whoever holds a [`Locations`] reads what was true a moment ago, without
//! asking the task.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::adapter::{MediaProfile, Target};

/// Registrations to read; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    users: Arc<RwLock<HashMap<String, Vec<ContactInfo>>>>,
    observer: Arc<OnceLock<Observer>>,
}

/// Who is told whose places have changed.
struct Observer(Box<dyn Fn(&str) + Send + Sync>);

/// One place where a user can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactInfo {
    /// The registrar's key, for [`Target::Contact`].
    pub binding: u64,
    /// The adapter that reaches it.
    pub adapter: &'static str,
    /// How it carries media.
    pub profile: MediaProfile,
    /// Where its signalling comes from.
    pub address: IpAddr,
}

impl Locations {
    /// Where a user can be reached; what was registered first comes first.
    #[must_use]
    pub fn contacts(&self, user: &str) -> Vec<ContactInfo> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).get(user).cloned().unwrap_or_default()
    }

    /// The users that can be reached, in no order.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// How many users can be reached.
    #[must_use]
    pub fn reachable_users(&self) -> usize {
        self.users.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Replaces what is known of a user: for the adapter whose locations these are.
    pub fn set(&self, user: &str, contacts: Vec<ContactInfo>) {
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = users.get(user).map_or(&[][..], Vec::as_slice) == contacts;
        if contacts.is_empty() {
            users.remove(user);
        } else {
            users.insert(user.to_owned(), contacts);
        }
        drop(users);
        if !is_same {
            self.tell(user);
        }
    }

    /// Nobody is reached any more.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut *self.users.write().unwrap_or_else(PoisonError::into_inner));
        for user in gone.keys() {
            self.tell(user);
        }
    }

    /// Tells this one from now on whose places have changed; it must not wait. There is one at most: the first stays.
    pub fn observe(&self, observe: impl Fn(&str) + Send + Sync + 'static) {
        let _ = self.observer.set(Observer(Box::new(observe)));
    }

    fn tell(&self, user: &str) {
        if let Some(Observer(observe)) = self.observer.get() {
            observe(user);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl ContactInfo {
    /// What to dial to reach it.
    #[must_use]
    pub fn target(&self, user: &str) -> Target {
        Target::Contact { user: user.to_owned(), binding: self.binding }
    }
}
