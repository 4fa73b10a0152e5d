//! `json.account_passwords`: passwords of accounts at providers, which tokens name that everybody can read.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use serde::Deserialize;
use toml::Spanned;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::json::{AccountPassword, AccountPasswords};

use super::faults::Faults;
use super::secret::{Environment, SecretSource, fetch};

/// A password, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountPasswordSection {
    name: Spanned<String>,
    customer: Option<String>,
    password: Spanned<SecretSource>,
}

impl AccountPasswordSection {
    pub(super) fn has_inline_secret(&self) -> bool {
        self.password.get_ref().is_inline()
    }
}

/// Checks all of them; `fingerprint` differs where they do.
pub(super) fn check(
    sections: &[AccountPasswordSection],
    environment: Environment<'_>,
    fingerprint: &mut impl std::hash::Hasher,
    faults: &mut Faults<'_>,
) -> AccountPasswords {
    let mut passwords = AccountPasswords::new();
    for section in sections {
        let Some(password) = fetch(&section.password, environment, faults) else { continue };
        let (name, customer) = (section.name.get_ref(), section.customer.clone());
        (name, &customer, password.expose()).hash(fingerprint);
        match passwords.entry(name.clone()) {
            Entry::Occupied(_) => {
                faults.add(section.name.span(), "another password has this name", "rename one of them");
            }
            Entry::Vacant(free) => {
                let password = SecretText::new(password.expose().to_owned());
                free.insert(AccountPassword { customer, password });
            }
        }
    }
    passwords
}
