//! Whom the store knows: users, customers and keys, as its rows have them.

use std::collections::BTreeMap;

use webtrunk_signalling::auth::issuer::CUSTOMER_MARK;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::terms::{CustomerTerms, KeyKind, KeyTerms, UserTerms};

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
}

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
}

impl Roll {
    /// The users that are enabled, and whose customer is not disabled.
    pub(crate) fn users_in_force(&self) -> impl Iterator<Item = (&String, &StoredUser)> {
        let is_of_disabled = |name: &str| {
            let owner = name.split_once(CUSTOMER_MARK).and_then(|(owner, _)| self.customers.get(owner));
            owner.is_some_and(|customer| !customer.terms.enabled)
        };
        self.users.iter().filter(move |(name, user)| user.terms.enabled && !is_of_disabled(name))
    }

    /// A customer's users.
    pub(crate) fn users_of(&self, customer: &str) -> impl Iterator<Item = &String> {
        let start = format!("{customer}{CUSTOMER_MARK}");
        self.users
            .range(start.clone()..)
            .map(|(name, _)| name)
            .take_while(move |name| name.starts_with(&start))
    }

    /// Takes rows in.
    pub fn take(&mut self, rows: &[Row]) {
        for row in rows {
            match row.clone() {
                Row::User(name, row) => put(&mut self.users, name, row),
                Row::Customer(name, row) => put(&mut self.customers, name, row),
                Row::Key(name, row) => put(&mut self.keys, name, row),
                Row::ApiKey(name, row) => put(&mut self.api_keys, name, row),
            }
        }
    }
}

fn put<T>(all: &mut BTreeMap<String, T>, name: String, row: Option<T>) {
    match row {
        Some(row) => drop(all.insert(name, row)),
        None => drop(all.remove(&name)),
    }
}
