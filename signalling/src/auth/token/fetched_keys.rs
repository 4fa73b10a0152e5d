//! A set of public keys that somebody fetches ([`RemoteKeys`](super::remote_keys::RemoteKeys) says when): what there is of it
//! now, and whoever misses a key in it says so.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::jwks::Jwks;
use crate::lock::lock;

/// A set that is fetched; all clones of it are the same one.
#[derive(Debug, Clone, Default)]
pub struct FetchedKeys(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    keys: Mutex<Option<Arc<Jwks>>>,
    missed: Notify,
}

impl FetchedKeys {
    /// What is there; `None` where it was not fetched yet, or not for too long.
    #[must_use]
    pub fn keys(&self) -> Option<Arc<Jwks>> {
        lock(&self.0.keys).clone()
    }

    /// This is there from now on.
    pub fn set(&self, keys: Option<Arc<Jwks>>) {
        *lock(&self.0.keys) = keys;
    }

    /// Whether this is the other one's clone.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A token names a key that is not there.
    pub(super) fn miss(&self) {
        self.0.missed.notify_one();
    }

    /// Waits until a key is missed; one that was missed while nobody waited counts.
    pub async fn missed(&self) {
        self.0.missed.notified().await;
    }
}
