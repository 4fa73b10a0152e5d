//! Accounts that pages phone by: taken up and left while calls go on.

use std::time::Instant;

use tracing::{info, warn};

use super::Task;
use crate::accounts::{ACCOUNT_EXPIRES, AccountId, AccountStanding, AccountWish, HeldAccount};
use crate::sip::trunk::{TrunkCredentials, Trunks};
use crate::sip::upstream::RegistrationConfig;

impl Task {
    /// Does what is wanted of accounts.
    pub(super) fn obey_wishes(&mut self) {
        let now = Instant::now();
        for wish in self.desk.take_wishes() {
            match wish {
                AccountWish::Hold(id, account) => self.hold(id, *account, now),
                AccountWish::Leave(id) => self.leave_account(id, now),
            }
        }
    }

    /// After other trunks were taken up: accounts that have a place there still go on, others are told to be refused.
    pub(super) fn hold_again(&mut self, trunks: &mut Trunks, now: Instant) {
        for (id, account) in std::mem::take(&mut self.held) {
            if trunks.add_account(&account.trunk, registration(&account)) {
                if account.registers && !self.upstream.holds(id) {
                    self.upstream.hold(id, &account.trunk, &registration(&account), now);
                }
                self.held.insert(id, account);
            } else {
                self.refuse(id, &account);
                self.upstream.let_go(id, &mut self.agent, now);
            }
        }
    }

    fn hold(&mut self, id: AccountId, account: HeldAccount, now: Instant) {
        let registered = registration(&account);
        if !self.routes.trunks_mut().add_account(&account.trunk, registered.clone()) {
            return self.refuse(id, &account);
        }
        self.agent.doorkeeper_mut().trunks_mut().add_account(&account.trunk, registered.clone());
        if let (Some(trunk), Some(credentials)) =
            (self.routes.trunks_mut().named(&account.trunk), &registered.credentials)
        {
            let name = trunk.account(&registered);
            self.agent.keyring_mut().add(&name, credentials);
        }
        info!(
            trunk = account.trunk,
            user = account.user,
            of_user = account.of_user,
            "account of a page is held"
        );
        if account.registers {
            self.upstream.hold(id, &account.trunk, &registered, now);
        } else {
            self.desk.tell(id, AccountStanding::OutboundOnly);
        }
        self.held.insert(id, account);
    }

    fn leave_account(&mut self, id: AccountId, now: Instant) {
        let Some(account) = self.held.remove(&id) else { return };
        info!(
            trunk = account.trunk,
            user = account.user,
            of_user = account.of_user,
            "account of a page is left"
        );
        let name =
            self.routes.trunks_mut().named(&account.trunk).map(|it| it.account(&registration(&account)));
        self.routes.trunks_mut().remove_account(&account.trunk, &account.user);
        self.agent.doorkeeper_mut().trunks_mut().remove_account(&account.trunk, &account.user);
        if account.registers {
            // Its password is needed once more.
            self.upstream.let_go(id, &mut self.agent, now);
        } else if let Some(name) = name {
            self.agent.keyring_mut().remove(&name);
        }
    }

    fn refuse(&self, id: AccountId, account: &HeldAccount) {
        let HeldAccount { trunk, user, of_user, .. } = account;
        warn!(
            trunk,
            user,
            of_user,
            "account of a page cannot be held: the trunk takes none, or has this address or an account of this user"
        );
        self.desk.tell(id, AccountStanding::Refused);
    }
}

fn registration(account: &HeldAccount) -> RegistrationConfig {
    RegistrationConfig {
        user: account.user.clone(),
        expires: ACCOUNT_EXPIRES,
        credentials: Some(TrunkCredentials {
            username: account.auth_name.clone(),
            password: account.password.expose().to_owned(),
            realm: None,
        }),
        of_user: Some(account.of_user.clone()),
    }
}
