//! Accounts that are registered for pages, beside those of the configuration: they come and go at any time.

use std::time::{Duration, Instant};

use super::{Account, Upstream};
use crate::accounts::{AccountDesk, AccountId, AccountStanding};
use crate::sip::adapter::door::Door;
use crate::sip::agent::Agent;
use crate::sip::upstream::{RegistrationConfig, RegistrationState};

/// How long an account waits whose address has a registration that is just being removed: the removal could come later
/// than what is made anew. A little longer than a removal may take.
pub(super) const AFTER_FAREWELL: Duration = Duration::from_millis(2500);

/// What an account is held as, and what was told of it last.
#[derive(Debug)]
pub(super) struct HeldBy {
    pub(super) id: AccountId,
    told: Option<AccountStanding>,
}

impl Upstream {
    /// Registers an account for pages at a trunk that there is.
    pub(in crate::sip::adapter) fn hold(
        &mut self,
        id: AccountId,
        trunk: &str,
        registered: &RegistrationConfig,
        now: Instant,
    ) {
        let is_there = |known: &super::Watched| !known.is_left && known.config.name == trunk;
        let Some(index) = self.trunks.iter().position(is_there) else {
            return self.desk.tell(id, AccountStanding::Refused);
        };
        let config = self.trunks[index].config.clone();
        let name = config.account(registered);
        let is_leaving = self.accounts.values().any(|other| other.name == name);
        let from = if is_leaving { now + AFTER_FAREWELL } else { now };
        self.add_account(index, registered, &config, Some(HeldBy { id, told: None }), from);
    }

    /// Ends the registration of such an account.
    pub(in crate::sip::adapter) fn let_go(&mut self, id: AccountId, agent: &mut Agent<Door>, now: Instant) {
        if let Some(index) = self.place_of(id) {
            self.leave_registration(index, true, agent, now);
        }
    }

    /// Whether it is registered, or about to be, at a trunk that there is.
    pub(in crate::sip::adapter) fn holds(&self, id: AccountId) -> bool {
        self.place_of(id).is_some_and(|index| !self.trunks[self.accounts[&index].trunk].is_left)
    }

    /// An account that was left is forgotten, and that of pages with its password; others' stay for calls that are still there.
    pub(super) fn forget_left(&mut self, index: usize, agent: &mut Agent<Door>) {
        if !self.accounts.get(&index).is_some_and(|account| account.registration.is_left()) {
            return;
        }
        let Some(account) = self.accounts.remove(&index) else { return };
        // It may have come back meanwhile.
        if account.held.is_some() && !self.accounts.values().any(|other| other.name == account.name) {
            agent.keyring_mut().remove(&account.name);
        }
    }

    fn place_of(&self, id: AccountId) -> Option<usize> {
        let is_it = |account: &Account| account.held.as_ref().is_some_and(|held| held.id == id);
        self.accounts.iter().find(|(_, account)| is_it(account)).map(|(index, _)| *index)
    }
}

/// Tells where an account of pages stands, where that is news.
pub(super) fn tell(account: &mut Account, desk: &AccountDesk) {
    let Some(held) = &mut account.held else { return };
    let standing = match account.registration.state() {
        RegistrationState::Registered { .. } => AccountStanding::Registered,
        RegistrationState::Registering => AccountStanding::Registering,
        RegistrationState::Failing => AccountStanding::Failing,
        RegistrationState::Refused => AccountStanding::Refused,
        RegistrationState::Left => return,
    };
    if held.told != Some(standing) {
        held.told = Some(standing);
        desk.tell(held.id, standing);
    }
}
