//! What a key may do.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// See calls and their records.
    #[serde(rename = "calls:read")]
    CallsRead,
    /// Make calls, and end them.
    #[serde(rename = "calls:write")]
    CallsWrite,
    /// See where users are reached.
    #[serde(rename = "registrations:read")]
    RegistrationsRead,
    /// List and fetch recordings.
    #[serde(rename = "recordings:read")]
    RecordingsRead,
    /// Remove recordings.
    #[serde(rename = "recordings:delete")]
    RecordingsDelete,
    /// Hear what happens.
    #[serde(rename = "events")]
    Events,
    /// See users.
    #[serde(rename = "users:read")]
    UsersRead,
    /// Add, change and remove users.
    #[serde(rename = "users:write")]
    UsersWrite,
    /// See customers.
    #[serde(rename = "customers:read")]
    CustomersRead,
    /// Add, change and remove customers.
    #[serde(rename = "customers:write")]
    CustomersWrite,
    /// Make tokens for users.
    #[serde(rename = "tokens:write")]
    TokensWrite,
    /// See which passwords of accounts are kept, and not what they are.
    #[serde(rename = "account_passwords:read")]
    AccountPasswordsRead,
    /// Add, change and remove passwords of accounts.
    #[serde(rename = "account_passwords:write")]
    AccountPasswordsWrite,
    /// Have logins of the edge made for users.
    #[serde(rename = "logins:write")]
    LoginsWrite,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::CallsRead,
        Self::CallsWrite,
        Self::RegistrationsRead,
        Self::RecordingsRead,
        Self::RecordingsDelete,
        Self::Events,
        Self::UsersRead,
        Self::UsersWrite,
        Self::CustomersRead,
        Self::CustomersWrite,
        Self::TokensWrite,
        Self::AccountPasswordsRead,
        Self::AccountPasswordsWrite,
        Self::LoginsWrite,
    ];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallsRead => "calls:read",
            Self::CallsWrite => "calls:write",
            Self::RegistrationsRead => "registrations:read",
            Self::RecordingsRead => "recordings:read",
            Self::RecordingsDelete => "recordings:delete",
            Self::Events => "events",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::CustomersRead => "customers:read",
            Self::CustomersWrite => "customers:write",
            Self::TokensWrite => "tokens:write",
            Self::AccountPasswordsRead => "account_passwords:read",
            Self::AccountPasswordsWrite => "account_passwords:write",
            Self::LoginsWrite => "logins:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or(UnknownScope)
    }
}

/// There is no such scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no scope")]
pub struct UnknownScope;
