//! The desk between the adapter whose pages have accounts and the one that registers them. Nobody waits at it: what is
//! wanted lies there in its order, and of each account the latest news.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{AccountId, AccountStanding, AccountWish};

/// The desk; cheap to clone. What lies on it is bounded by the accounts that whoever asks may have.
#[derive(Debug, Clone, Default)]
pub struct AccountDesk {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    papers: Mutex<Papers>,
    wished: Notify,
    told: Notify,
}

#[derive(Debug, Default)]
struct Papers {
    wishes: VecDeque<AccountWish>,
    news: BTreeMap<AccountId, AccountStanding>,
}

impl AccountDesk {
    /// Wants something.
    pub fn wish(&self, wish: AccountWish) {
        let mut papers = self.papers();
        if let AccountWish::Leave(id) = &wish {
            papers.news.remove(id);
        }
        papers.wishes.push_back(wish);
        self.inner.wished.notify_one();
    }

    /// Waits until something may be wanted.
    pub async fn wished(&self) {
        self.inner.wished.notified().await;
    }

    /// What is wanted, in its order.
    #[must_use]
    pub fn take_wishes(&self) -> VecDeque<AccountWish> {
        std::mem::take(&mut self.papers().wishes)
    }

    /// Tells where an account stands.
    pub fn tell(&self, id: AccountId, standing: AccountStanding) {
        self.papers().news.insert(id, standing);
        self.inner.told.notify_one();
    }

    /// Waits until there may be news.
    pub async fn told(&self) {
        self.inner.told.notified().await;
    }

    /// Where accounts stand of which there is news.
    #[must_use]
    pub fn take_news(&self) -> BTreeMap<AccountId, AccountStanding> {
        std::mem::take(&mut self.papers().news)
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.inner.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
