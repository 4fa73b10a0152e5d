//! Whom the store knows: users, customers and keys, as its rows have them.

use std::collections::BTreeMap;

use webtrunk_signalling::auth::issuer::{CUSTOMER_MARK, customer_of};
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::terms::{CustomerTerms, KeyKind, KeyTerms, UpstreamTerms, UserTerms};

/// All of them, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    /// Users.
    pub users: BTreeMap<String, StoredUser>,
    /// Customers.
    pub customers: BTreeMap<String, StoredCustomer>,
    /// Keys.
    pub keys: BTreeMap<String, StoredKey>,
    /// Keys of back ends.
    pub api_keys: BTreeMap<String, StoredApiKey>,
    /// Accounts of users at trunks, by the two.
    pub upstream: BTreeMap<UserAtTrunk, StoredUpstream>,
    /// Passwords that tokens name.
    pub account_passwords: BTreeMap<String, StoredAccountPassword>,
}

/// A user, and a trunk at which it has an account.
pub type UserAtTrunk = (String, String);

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// What its password is checked by, as `webtrunk password` prints it: MD5, and SHA-256.
    pub ha1: [SecretText; 2],
    /// What it may do.
    pub terms: UserTerms,
}

/// A customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredCustomer {
    /// Its policy.
    pub terms: CustomerTerms,
}

/// A key that names or tokens are made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// What it is of.
    pub kind: KeyKind,
    /// As the configuration would have it.
    pub secret: SecretText,
    /// Whose it is, and how far it goes.
    pub terms: KeyTerms,
    /// When it is in force.
    pub validity: Validity,
    /// Since when it is of no use any more, whatever was made by it.
    pub revoked: Option<UnixTime>,
}

/// A key that a back end proves itself by, as far as we know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiKey {
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// What it may do, in the words of the REST API.
    pub scopes: Vec<String>,
    /// Whose it is; `None` is the operator's.
    pub customer: Option<String>,
    /// When it was made.
    pub created: UnixTime,
    /// When it is in force.
    pub validity: Validity,
    /// Since when it is of no use any more.
    pub revoked: Option<UnixTime>,
}

/// A user's account at a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUpstream {
    /// Who it is there.
    pub terms: UpstreamTerms,
    /// Its password.
    pub password: SecretText,
}

/// A password of an account at a provider, which tokens name that everybody can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAccountPassword {
    /// Whose tokens may name it; `None`, those of no customer.
    pub customer: Option<String>,
    /// The password.
    pub password: SecretText,
}

/// A row that comes in the place of what there was by its name, or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A user.
    User(String, Option<StoredUser>),
    /// A customer.
    Customer(String, Option<StoredCustomer>),
    /// A key.
    Key(String, Option<StoredKey>),
    /// A back end's key.
    ApiKey(String, Option<StoredApiKey>),
    /// A user's account at a trunk.
    Upstream(UserAtTrunk, Option<StoredUpstream>),
    /// A password that tokens name.
    AccountPassword(String, Option<StoredAccountPassword>),
}

impl Roll {
    /// The users that are enabled, and whose customer is not disabled.
    pub(crate) fn users_in_force(&self) -> impl Iterator<Item = (&String, &StoredUser)> {
        self.users.iter().filter(move |(name, user)| user.terms.enabled && !self.is_of_disabled(name))
    }

    /// The others.
    pub(crate) fn disabled_users(&self) -> impl Iterator<Item = &String> {
        self.users.keys().filter(move |name| self.has_disabled(name))
    }

    /// Whether a user is one of these.
    pub(super) fn has_disabled(&self, name: &str) -> bool {
        self.users.get(name).is_some_and(|user| !user.terms.enabled || self.is_of_disabled(name))
    }

    /// Whether a user's customer is disabled.
    fn is_of_disabled(&self, name: &str) -> bool {
        let owner = customer_of(name).and_then(|owner| self.customers.get(owner));
        owner.is_some_and(|customer| !customer.terms.enabled)
    }

    /// The same with those of these rows enabled that are not in force, so that they can be checked; `None` where all of them are.
    pub(crate) fn with_enabled(&self, rows: &[Row]) -> Option<Self> {
        let mut all = self.clone();
        let mut is_other = false;
        let mut enable = |enabled: &mut bool| is_other |= !std::mem::replace(enabled, true);
        for row in rows {
            let owner = match row {
                Row::User(name, Some(_)) | Row::Upstream((name, _), Some(_)) => {
                    all.users.get_mut(name).into_iter().for_each(|user| enable(&mut user.terms.enabled));
                    customer_of(name)
                }
                Row::Customer(name, Some(_)) => Some(name.as_str()),
                _ => None,
            };
            let owner = owner.and_then(|owner| all.customers.get_mut(owner));
            owner.into_iter().for_each(|customer| enable(&mut customer.terms.enabled));
        }
        is_other.then_some(all)
    }

    /// A customer's users.
    pub(crate) fn users_of(&self, customer: &str) -> impl Iterator<Item = &String> {
        let start = format!("{customer}{CUSTOMER_MARK}");
        self.users
            .range(start.clone()..)
            .map(|(name, _)| name)
            .take_while(move |name| name.starts_with(&start))
    }

    /// A user's accounts, by their trunks.
    pub(crate) fn upstream_of(&self, user: &str) -> impl Iterator<Item = (&String, &StoredUpstream)> {
        let from = (user.to_owned(), String::new());
        let own = self.upstream.range(from..).take_while(move |((owner, _), _)| owner == user);
        own.map(|((_, trunk), account)| (trunk, account))
    }

    /// Takes rows in.
    pub fn take(&mut self, rows: &[Row]) {
        for row in rows {
            match row.clone() {
                Row::User(name, row) => put(&mut self.users, name, row),
                Row::Customer(name, row) => put(&mut self.customers, name, row),
                Row::Key(name, row) => put(&mut self.keys, name, row),
                Row::ApiKey(name, row) => put(&mut self.api_keys, name, row),
                Row::Upstream(name, row) => put(&mut self.upstream, name, row),
                Row::AccountPassword(name, row) => put(&mut self.account_passwords, name, row),
            }
        }
    }
}

fn put<K: Ord, T>(all: &mut BTreeMap<K, T>, name: K, row: Option<T>) {
    match row {
        Some(row) => drop(all.insert(name, row)),
        None => drop(all.remove(&name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_disabled_is_made_ready_to_be_checked() {
        let (mut roll, off) = (Roll::default(), UserTerms { enabled: false, ..UserTerms::default() });
        let user = |terms| StoredUser { ha1: ["a", "b"].map(|hash| SecretText::new(hash.to_owned())), terms };
        roll.users.insert("acme+alice".to_owned(), user(off.clone()));
        roll.users.insert("acme+bob".to_owned(), user(off));
        roll.users.insert("carol".to_owned(), user(UserTerms::default()));
        let terms = CustomerTerms { enabled: false, ..CustomerTerms::default() };
        roll.customers.insert("acme".to_owned(), StoredCustomer { terms });
        let row = |name: &str| Row::User(name.to_owned(), roll.users.get(name).cloned());
        assert_eq!(roll.with_enabled(&[row("carol"), Row::User("acme+bob".to_owned(), None)]), None);
        let all = roll.with_enabled(&[row("acme+alice")]).expect("she is disabled");
        assert!(all.users["acme+alice"].terms.enabled && all.customers["acme"].terms.enabled);
        assert!(!all.users["acme+bob"].terms.enabled, "nobody looks at him");
        assert!(all.has_disabled("acme+bob") && !all.has_disabled("acme+alice") && !all.has_disabled("dora"));
        assert!(roll.has_disabled("acme+alice") && !roll.has_disabled("carol"));
        assert_eq!(
            all.users_in_force().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["acme+alice", "carol"]
        );
    }
}
