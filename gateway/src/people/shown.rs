//! What is told of users, customers and keys: all but their secrets.

use serde::{Deserialize, Serialize};

use super::render::written;
use super::roll::{
    StoredAccountPassword, StoredApiKey, StoredCustomer, StoredKey, StoredUpstream, StoredUser,
};
use super::terms::{CustomerTerms, KeyKind, KeyTerms, UpstreamTerms, UserTerms};

/// A user, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownUser {
    /// Its name.
    pub name: String,
    /// Whether it stands in the configuration file, where its terms are.
    pub in_file: bool,
    /// What it may do, where the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<UserTerms>,
}

/// A user's account at a trunk, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownUpstream {
    /// The trunk.
    pub trunk: String,
    /// Who the user is there.
    pub terms: UpstreamTerms,
}

/// A password that tokens name, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownAccountPassword {
    /// Its name.
    pub name: String,
    /// Whether it stands in the configuration file, where all else of it is.
    pub in_file: bool,
    /// Whose tokens may name it.
    pub customer: Option<String>,
}

/// A customer, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCustomer {
    /// Its name.
    pub name: String,
    /// Whether it stands in the configuration file, where its terms are.
    pub in_file: bool,
    /// Its policy, where the store says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<CustomerTerms>,
}

/// A key, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownKey {
    /// Its name.
    pub id: String,
    /// Whether it stands in the configuration file, where all else of it is.
    pub in_file: bool,
    /// What it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<KeyKind>,
    /// How far it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<KeyTerms>,
    /// From when on it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// Since when it is of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

/// A back end's key, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownApiKey {
    /// Its name.
    pub id: String,
    /// Whether it stands in the configuration file, where all else of it is.
    pub in_file: bool,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Whose it is; absent of the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// From when on it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// Since when it is of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

impl ShownApiKey {
    pub(super) fn in_file(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            in_file: true,
            scopes: Vec::new(),
            customer: None,
            created: None,
            not_before: None,
            not_after: None,
            revoked: None,
        }
    }

    pub(super) fn stored(id: &str, key: &StoredApiKey) -> Self {
        Self {
            id: id.to_owned(),
            in_file: false,
            scopes: key.scopes.clone(),
            customer: key.customer.clone(),
            created: Some(written(key.created)),
            not_before: key.validity.not_before.map(written),
            not_after: key.validity.not_after.map(written),
            revoked: key.revoked.map(written),
        }
    }
}

impl ShownUpstream {
    pub(super) fn stored(trunk: &str, account: &StoredUpstream) -> Self {
        Self { trunk: trunk.to_owned(), terms: account.terms.clone() }
    }
}

impl ShownAccountPassword {
    pub(super) fn in_file(name: &str) -> Self {
        Self { name: name.to_owned(), in_file: true, customer: None }
    }

    pub(super) fn stored(name: &str, own: &StoredAccountPassword) -> Self {
        Self { name: name.to_owned(), in_file: false, customer: own.customer.clone() }
    }
}

impl ShownUser {
    pub(super) fn in_file(name: &str) -> Self {
        Self { name: name.to_owned(), in_file: true, terms: None }
    }

    pub(super) fn stored(name: &str, user: &StoredUser) -> Self {
        Self { name: name.to_owned(), in_file: false, terms: Some(user.terms.clone()) }
    }
}

impl ShownCustomer {
    pub(super) fn in_file(name: &str) -> Self {
        Self { name: name.to_owned(), in_file: true, terms: None }
    }

    pub(super) fn stored(name: &str, customer: &StoredCustomer) -> Self {
        Self { name: name.to_owned(), in_file: false, terms: Some(customer.terms.clone()) }
    }
}

impl ShownKey {
    pub(super) fn in_file(id: &str) -> Self {
        let (kind, terms) = (None, None);
        Self {
            id: id.to_owned(),
            in_file: true,
            kind,
            terms,
            not_before: None,
            not_after: None,
            revoked: None,
        }
    }

    pub(super) fn stored(id: &str, key: &StoredKey) -> Self {
        Self {
            id: id.to_owned(),
            in_file: false,
            kind: Some(key.kind),
            terms: Some(key.terms.clone()),
            not_before: key.validity.not_before.map(written),
            not_after: key.validity.not_after.map(written),
            revoked: key.revoked.map(written),
        }
    }
}
