//! The accounts that pages phone by: which are held, for which sessions, and for how long when those are gone. Pure.
//!
//! ```text
//!          a page comes in by it             its last session is over        the grace is over
//!  (none) ----------------------> used by n --------------------------> idle ----------------> (none)
//!           Hold                     ^                                   |        Leave
//!                                    `---------- a page comes back ------'
//! ```
//!
//! At one trunk an address is one user's, and a user has one address: who brings another waits until nobody uses the
//! first one any more. A user's own account with another password takes the place of the one before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use super::session::SessionKey;
use crate::accounts::{AccountId, AccountStanding, AccountWish, HeldAccount};

/// Accounts that are held at one time. Chosen by us: as many as there are connections.
const ACCOUNTS_MAX: usize = 10_000;

/// Why an account is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotHeld {
    #[error(
        "its account's address is another user's, or its user has another account at that trunk, which is in use"
    )]
    InUse,
    #[error("{ACCOUNTS_MAX} accounts are held, and there is no room for more")]
    TooMany,
}

/// All accounts that are held.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    held: BTreeMap<AccountId, Held>,
    /// By which each session phones.
    of_session: HashMap<SessionKey, AccountId>,
    last_id: u64,
}

#[derive(Debug)]
struct Held {
    account: HeldAccount,
    standing: AccountStanding,
    sessions: HashSet<SessionKey>,
    /// When it is left, where nobody uses it.
    leave_at: Option<Instant>,
}

impl Accounts {
    /// None yet; those of before have names up to this one.
    pub(super) fn after(last: AccountId) -> Self {
        Self { last_id: last.0, ..Self::default() }
    }

    /// A session phones by this account; what is wanted for that, and where the account stands.
    pub(super) fn take(
        &mut self,
        session: SessionKey,
        account: &HeldAccount,
    ) -> Result<(Vec<AccountWish>, AccountStanding), NotHeld> {
        // One that was refused is tried anew by whoever comes next: it may be right by now.
        let serves = |held: &Held| held.standing != AccountStanding::Refused && held.account.serves(account);
        let same = self.held.iter_mut().find(|(_, held)| serves(held));
        if let Some((id, held)) = same {
            held.sessions.insert(session);
            held.leave_at = None;
            self.of_session.insert(session, *id);
            return Ok((Vec::new(), held.standing));
        }
        let rivals = self.held.iter().filter(|(_, held)| held.account.rivals(account));
        let is_in_use = |held: &Held| !held.sessions.is_empty() && !held.account.is_same_place(account);
        let rivals: Vec<_> = rivals.map(|(id, held)| (*id, is_in_use(held))).collect();
        if rivals.iter().any(|(_, is_in_use)| *is_in_use) {
            return Err(NotHeld::InUse);
        }
        if self.held.len() - rivals.len() >= ACCOUNTS_MAX {
            return Err(NotHeld::TooMany);
        }
        self.last_id += 1;
        let id = AccountId(self.last_id);
        let mut sessions = HashSet::from([session]);
        let mut wishes = Vec::new();
        for (rival, _) in rivals {
            sessions.extend(self.held.remove(&rival).into_iter().flat_map(|held| held.sessions));
            wishes.push(AccountWish::Leave(rival));
        }
        sessions.iter().for_each(|session| _ = self.of_session.insert(*session, id));
        let standing = AccountStanding::Registering;
        self.held.insert(id, Held { account: account.clone(), standing, sessions, leave_at: None });
        wishes.push(AccountWish::Hold(id, Box::new(account.clone())));
        Ok((wishes, standing))
    }

    /// A session is over; its account is held until then, if nobody else phones by it.
    pub(super) fn release(&mut self, session: SessionKey, until: Instant) {
        let Some(id) = self.of_session.remove(&session) else { return };
        let Some(held) = self.held.get_mut(&id) else { return };
        held.sessions.remove(&session);
        if held.sessions.is_empty() {
            held.leave_at = Some(until);
        }
    }

    /// An account stands so; the sessions that want to hear of it.
    pub(super) fn stands(&mut self, id: AccountId, standing: AccountStanding) -> Vec<SessionKey> {
        let Some(held) = self.held.get_mut(&id).filter(|held| held.standing != standing) else {
            return Vec::new();
        };
        held.standing = standing;
        held.sessions.iter().copied().collect()
    }

    /// Leaves what nobody came back for.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<AccountWish> {
        let is_due = |held: &Held| held.leave_at.is_some_and(|at| at <= now);
        let due: Vec<_> = self.held.iter().filter(|(_, held)| is_due(held)).map(|(id, _)| *id).collect();
        due.iter().for_each(|id| _ = self.held.remove(id));
        due.into_iter().map(AccountWish::Leave).collect()
    }

    /// When one is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.held.values().filter_map(|held| held.leave_at).min()
    }
}
