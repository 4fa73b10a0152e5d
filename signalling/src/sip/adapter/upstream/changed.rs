//! Accounts of the configuration that come and go while their trunk stays: of thousands of users that have one there, the others' are
//! not registered anew for one more.

use std::collections::HashMap;
use std::time::Instant;

use tracing::info;

use super::held::AFTER_FAREWELL;
use super::{Account, Upstream};
use crate::sip::adapter::door::Door;
use crate::sip::agent::Agent;
use crate::sip::trunk::{TrunkConfig, Trunks};
use crate::sip::upstream::{Health, RegistrationConfig};

impl Upstream {
    /// Leaves the accounts at a trunk that are no more, or are otherwise, and registers those that are new.
    pub(super) fn change_accounts(
        &mut self,
        index: usize,
        new: &TrunkConfig,
        trunks: &Trunks,
        health: &Health,
        agent: &mut Agent<Door>,
        now: Instant,
    ) {
        let old = std::mem::replace(&mut self.trunks[index].config, new.clone());
        let [before, after] = [&old, new].map(|trunk| by_user(&trunk.registrations));
        let stays = |user: &str| before.get(user).is_some_and(|own| after.get(user) == Some(own));
        let is_gone = |account: &Account| {
            let registration = &account.registration;
            let is_own = account.trunk == index && account.held.is_none();
            is_own && !registration.is_leaving() && !stays(registration.user())
        };
        let gone = self.accounts.iter().filter(|(_, account)| is_gone(account));
        let host = new.uri_host();
        // What is made anew, at another trunk there perhaps, is not removed: the removal could come later than that.
        let gone = gone.map(|(key, account)| (*key, !trunks.registers(account.registration.user(), &host)));
        let gone: Vec<_> = gone.collect();
        let added: Vec<_> = new.registrations.iter().filter(|own| !stays(&own.user)).collect();
        info!(trunk = new.name, left = gone.len(), added = added.len(), "the trunk's accounts are others");
        for (account, is_removed) in gone {
            self.leave_registration(account, is_removed, agent, now);
        }
        for own in added {
            let name = new.account(own);
            let is_leaving = |other: &Account| other.name == name && other.registration.is_leaving();
            let from = if self.accounts.values().any(is_leaving) { now + AFTER_FAREWELL } else { now };
            self.add_account(index, own, new, None, from);
        }
        if new.registrations.is_empty() {
            self.board.forget(&new.name);
        }
        self.publish(index, health, now);
    }
}

fn by_user(registrations: &[RegistrationConfig]) -> HashMap<&str, &RegistrationConfig> {
    registrations.iter().map(|own| (own.user.as_str(), own)).collect()
}
