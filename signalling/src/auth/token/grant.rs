//! What a token that was let in lets its page do.

use super::claims::{Claims, Destination};
use super::key::{Format, TokenKey};

/// What a page may do, by the token that it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The key that made the token.
    pub key: String,
    /// The token's format.
    pub format: Format,
    /// Whose it is: the key's customer, or the one that the token names.
    pub customer: Option<String>,
    /// What the token says.
    pub claims: Claims,
    /// What the key lets its tokens call.
    destinations: Option<Vec<Destination>>,
}

impl Grant {
    pub(super) fn new(key: &TokenKey, format: Format, claims: Claims) -> Self {
        Self {
            key: key.id.clone(),
            format,
            customer: key.terms.customer.clone().or_else(|| claims.customer.clone()),
            destinations: key.terms.destinations.clone(),
            claims,
        }
    }

    /// Whether both the token and its key let `number` be called. What the dial plan says comes after.
    #[must_use]
    pub fn may_call(&self, number: &str) -> bool {
        let lets = |list: &Option<Vec<Destination>>| {
            list.as_ref().is_none_or(|list| list.iter().any(|own| own.allows(number)))
        };
        lets(&self.claims.destinations) && lets(&self.destinations)
    }
}
