//! Who may watch whom, and how much.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::package::Package;

/// Limits of subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionConfig {
    /// Who may watch whom.
    pub rights: WatchRights,
    /// The shortest time that is given; who asks for less is told so (423).
    pub expires_min: Duration,
    /// The time that is given where none is asked for, and the longest.
    pub expires_max: Duration,
    /// Subscriptions of one user.
    pub per_user: usize,
    /// Subscriptions of all users.
    pub total: usize,
    /// Whether watchers of calls are told with whom somebody talks.
    pub shows_parties: bool,
    /// Whether who may watch a user's calls may pick them up while they ring, and is told what it takes.
    pub allows_pickup: bool,
    /// The trunks that tell of mailboxes; without one nobody can watch one.
    pub mailbox_trunks: BTreeSet<String>,
    /// Whose a mailbox is, by what the trunks call it.
    pub mailboxes: HashMap<String, String>,
}

/// Who may watch whom. Everybody may watch itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchRights {
    /// Who may watch others.
    pub watchers: Watchers,
    /// The groups of every user that there is.
    pub groups: HashMap<String, BTreeSet<String>>,
    /// The groups whose users each supervisor may listen to.
    pub supervised: HashMap<String, BTreeSet<String>>,
}

/// Who may watch another user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Watchers {
    /// No user.
    Nobody,
    /// Users that share a group with it.
    #[default]
    Group,
    /// Every user.
    Everybody,
}

impl Default for SubscriptionConfig {
    fn default() -> Self {
        Self {
            rights: WatchRights::default(),
            // Chosen by us, as for registrations.
            expires_min: Duration::from_secs(60),
            expires_max: Duration::from_secs(3600),
            // Chosen by us: a telephone with two panels of keys, twice.
            per_user: 200,
            // Chosen by us: with some 3 KiB each, 30 MiB.
            total: 10_000,
            shows_parties: false,
            allows_pickup: false,
            mailbox_trunks: BTreeSet::new(),
            mailboxes: HashMap::new(),
        }
    }
}

impl SubscriptionConfig {
    /// The packages that there are.
    pub fn packages(&self) -> impl Iterator<Item = Package> {
        let has_mailboxes = !self.mailbox_trunks.is_empty();
        Package::ALL.into_iter().filter(move |package| *package != Package::MessageSummary || has_mailboxes)
    }

    /// Allow-Events.
    #[must_use]
    pub fn allow_events(&self) -> String {
        self.packages().map(Package::name).collect::<Vec<_>>().join(", ")
    }

    /// The user whose mailbox has this name.
    #[must_use]
    pub fn owner<'a>(&'a self, mailbox: &'a str) -> Option<&'a str> {
        let named = self.mailboxes.get(mailbox).map_or(mailbox, String::as_str);
        self.rights.knows(named).then_some(named)
    }
}

impl WatchRights {
    /// Whether there is a user of this name.
    #[must_use]
    pub fn knows(&self, user: &str) -> bool {
        self.groups.contains_key(user)
    }

    /// Whether one user may listen to another's calls, and be heard there. Nobody supervises itself.
    #[must_use]
    pub fn may_supervise(&self, who: &str, of: &str) -> bool {
        let groups = self.groups.get(of).zip(self.supervised.get(who));
        who != of && groups.is_some_and(|(groups, supervised)| !groups.is_disjoint(supervised))
    }

    /// Whether one user may watch this of another. A mailbox is its owner's alone.
    #[must_use]
    pub fn allow(&self, watcher: &str, target: &str, package: Package) -> bool {
        if !self.knows(target) {
            return false;
        }
        if watcher == target {
            return true;
        }
        match (package, self.watchers) {
            (Package::MessageSummary, _) | (_, Watchers::Nobody) => false,
            (_, Watchers::Everybody) => true,
            (_, Watchers::Group) => {
                let groups = |user| self.groups.get(user);
                groups(watcher).zip(groups(target)).is_some_and(|(one, other)| !one.is_disjoint(other))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_a_group_watch_each_other_and_strangers_nobody() {
        let groups = [("ann", &["sales"][..]), ("bob", &["sales", "it"]), ("carol", &["it"]), ("dave", &[])];
        let groups = groups.map(|(user, groups)| {
            (user.to_owned(), groups.iter().map(|group| (*group).to_owned()).collect::<BTreeSet<_>>())
        });
        let mut rights = WatchRights { groups: HashMap::from(groups), ..WatchRights::default() };
        for (watcher, target, package, expected) in [
            ("ann", "bob", Package::Dialog, true),
            ("carol", "bob", Package::Presence, true),
            ("ann", "carol", Package::Dialog, false),
            ("dave", "ann", Package::Dialog, false),
            ("dave", "dave", Package::Dialog, true),
            ("ann", "nobody", Package::Dialog, false),
            ("nobody", "nobody", Package::Dialog, false),
            ("ann", "bob", Package::MessageSummary, false),
            ("ann", "ann", Package::MessageSummary, true),
        ] {
            assert_eq!(rights.allow(watcher, target, package), expected, "{watcher} {target} {package:?}");
        }
        rights.watchers = Watchers::Everybody;
        assert!(rights.allow("dave", "ann", Package::Dialog) && !rights.allow("dave", "x", Package::Dialog));
        rights.watchers = Watchers::Nobody;
        assert!(!rights.allow("ann", "bob", Package::Dialog) && rights.allow("ann", "ann", Package::Dialog));
    }
}
