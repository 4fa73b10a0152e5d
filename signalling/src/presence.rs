//! What users are doing: who of them is rung, and who talks, whichever adapters they are at. Written when legs come, answer
//! and go, never on a packet's way.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use webtrunk_engine::LegId;

use crate::sip::subscription::{Package, WatchRights};

/// What a user is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// It has no call.
    #[default]
    Idle,
    /// It is called, or calls.
    Ringing,
    /// It talks.
    Talking,
}

/// All of them; clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    users: Mutex<Users>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Users {
    rights: WatchRights,
    /// The legs of each user, in the order in which they came.
    legs: HashMap<String, Vec<(LegId, Activity)>>,
    /// Whose activity has changed since somebody looked.
    changed: BTreeSet<String>,
}

/// The legs of users in one call, which go with it.
#[derive(Debug)]
pub(crate) struct Present {
    presence: Presence,
    legs: Vec<(LegId, String)>,
}

impl Presence {
    /// Who may watch whom from now on.
    pub fn set_rights(&self, rights: WatchRights) {
        self.lock().rights = rights;
    }

    /// Whether one user may know what another does.
    #[must_use]
    pub fn may_watch(&self, who: &str, of: &str) -> bool {
        self.lock().rights.allow(who, of, Package::Dialog)
    }

    /// What a user is doing.
    #[must_use]
    pub fn activity(&self, user: &str) -> Activity {
        self.lock().activity(user)
    }

    /// The leg by which a user talks; of several the latest.
    #[must_use]
    pub fn talking_leg(&self, user: &str) -> Option<LegId> {
        let users = self.lock();
        let legs = users.legs.get(user)?;
        legs.iter().rev().find(|(_, activity)| *activity == Activity::Talking).map(|(leg, _)| *leg)
    }

    /// Returns when the activity of users has changed: of whom, and what it is now. One asks at a time.
    pub async fn changes(&self) -> Vec<(String, Activity)> {
        loop {
            let changed = self.take_changes();
            if !changed.is_empty() {
                return changed;
            }
            self.0.changed.notified().await;
        }
    }

    fn take_changes(&self) -> Vec<(String, Activity)> {
        let mut users = self.lock();
        let changed = std::mem::take(&mut users.changed);
        changed.into_iter().map(|user| (user.clone(), users.activity(&user))).collect()
    }

    fn set(&self, user: &str, leg: LegId, activity: Option<Activity>) {
        let mut users = self.lock();
        let before = users.activity(user);
        let legs = users.legs.entry(user.to_owned()).or_default();
        match (activity, legs.iter_mut().find(|(own, _)| *own == leg)) {
            (Some(activity), Some(own)) => own.1 = activity,
            (Some(activity), None) => legs.push((leg, activity)),
            (None, _) => legs.retain(|(own, _)| *own != leg),
        }
        if legs.is_empty() {
            users.legs.remove(user);
        }
        if users.activity(user) != before {
            users.changed.insert(user.to_owned());
            drop(users);
            self.0.changed.notify_one();
        }
    }

    /// No statement of ours leaves it half changed.
    fn lock(&self) -> MutexGuard<'_, Users> {
        self.0.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Users {
    fn activity(&self, user: &str) -> Activity {
        let legs = self.legs.get(user).into_iter().flatten();
        legs.map(|(_, activity)| *activity).max().unwrap_or_default()
    }
}

impl Present {
    pub(crate) const fn new(presence: Presence) -> Self {
        Self { presence, legs: Vec::new() }
    }

    /// A user's leg is in the call.
    pub(crate) fn enter(&mut self, user: &str, leg: LegId) {
        self.presence.set(user, leg, Some(Activity::Ringing));
        self.legs.push((leg, user.to_owned()));
    }

    /// A leg was answered, or has answered.
    pub(crate) fn answered(&self, leg: LegId) {
        if let Some((_, user)) = self.legs.iter().find(|(own, _)| *own == leg) {
            self.presence.set(user, leg, Some(Activity::Talking));
        }
    }

    /// A leg is gone.
    pub(crate) fn leave(&mut self, leg: LegId) {
        let presence = &self.presence;
        self.legs.retain(|(own, user)| {
            if *own == leg {
                presence.set(user, leg, None);
            }
            *own != leg
        });
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.legs.iter().for_each(|(leg, user)| self.presence.set(user, *leg, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_user_does_is_the_most_of_its_calls_and_each_change_is_told_once() {
        let presence = Presence::default();
        let [phone, page] = [(); 2].map(|()| LegId::next());
        let mut call = Present::new(presence.clone());
        call.enter("alice", phone);
        call.enter("alice", page);
        assert_eq!(presence.changes().await, [("alice".to_owned(), Activity::Ringing)]);
        assert_eq!(presence.talking_leg("alice"), None);
        call.answered(page);
        call.leave(phone);
        assert_eq!(presence.changes().await, [("alice".to_owned(), Activity::Talking)]);
        assert_eq!(presence.talking_leg("alice"), Some(page));
        assert_eq!(presence.activity("bob"), Activity::Idle);
        drop(call);
        assert_eq!(presence.changes().await, [("alice".to_owned(), Activity::Idle)]);
        assert!(presence.lock().legs.is_empty() && presence.take_changes().is_empty(), "nothing is left");
    }
}
