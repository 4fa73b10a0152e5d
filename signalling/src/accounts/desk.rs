//! The desk between the adapter whose pages have accounts and the one that registers them. Nobody waits at it: what is
//! wanted lies there in its order, and of each account the latest news.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{AccountId, AccountStanding, AccountWish, HeldAccount};

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
    /// What is wanted in all.
    held: BTreeMap<AccountId, HeldAccount>,
    last: AccountId,
    news: BTreeMap<AccountId, AccountStanding>,
}

impl AccountDesk {
    /// Wants something.
    pub fn wish(&self, wish: AccountWish) {
        let mut papers = self.papers();
        match &wish {
            AccountWish::Hold(id, account) => {
                papers.last = papers.last.max(*id);
                papers.held.insert(*id, (**account).clone());
            }
            AccountWish::Leave(id) => {
                papers.news.remove(id);
                papers.held.remove(id);
            }
        }
        papers.wishes.push_back(wish);
        self.inner.wished.notify_one();
    }

    /// The last one that was wanted: names are not used again.
    pub(crate) fn last(&self) -> AccountId {
        self.papers().last
    }

    /// Wants nothing any more of what was wanted: whoever wanted it is gone.
    pub(crate) fn leave_all(&self) {
        let held: Vec<_> = self.papers().held.keys().copied().collect();
        held.into_iter().for_each(|id| self.wish(AccountWish::Leave(id)));
    }

    /// Wants all of it anew that is wanted: whoever held it is gone.
    pub(crate) fn wish_again(&self) {
        let mut papers = self.papers();
        let again = papers.held.iter().map(|(id, it)| AccountWish::Hold(*id, Box::new(it.clone())));
        papers.wishes = again.collect();
        if !papers.wishes.is_empty() {
            self.inner.wished.notify_one();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::secret::SecretText;

    fn hold(id: u64) -> AccountWish {
        let account = HeldAccount {
            trunk: "provider".into(),
            user: format!("user{id}"),
            auth_name: "alice".into(),
            password: SecretText::new("secret".to_owned()),
            of_user: "alice".into(),
            registers: true,
        };
        AccountWish::Hold(AccountId(id), Box::new(account))
    }

    #[test]
    fn whoever_holds_accounts_anew_is_wanted_all_that_is_wanted_and_nothing_else() {
        let desk = AccountDesk::default();
        for wish in [hold(1), hold(2), AccountWish::Leave(AccountId(1))] {
            desk.wish(wish);
        }
        // Two of them it has seen, and broke.
        assert_eq!(desk.take_wishes().len(), 3);
        desk.wish(hold(3));
        desk.wish_again();
        assert_eq!(desk.take_wishes(), [hold(2), hold(3)]);
    }

    #[test]
    fn of_who_is_gone_nothing_is_wanted_and_no_name_is_used_again() {
        let desk = AccountDesk::default();
        [hold(1), hold(2)].into_iter().for_each(|wish| desk.wish(wish));
        desk.tell(AccountId(2), AccountStanding::Registered);
        assert_eq!(desk.take_wishes().len(), 2);
        desk.leave_all();
        assert_eq!(desk.take_wishes(), [1, 2].map(|id| AccountWish::Leave(AccountId(id))));
        assert!(desk.take_news().is_empty(), "its news is nobody's");
        assert_eq!(desk.last(), AccountId(2));
        desk.wish_again();
        assert!(desk.take_wishes().is_empty());
    }
}
