//! The configuration with whom the store knows: one roster, of which the file has the first word.
//!
//! ```text
//! the file, as it is written --+
//!                              +--> checked as one text --> Config
//! [[users]], [[customers]] ----+                              ^
//! keys ---------- checked as the file's are ------------------+
//! ```
//!
//! What stands in the file goes before what the store has by the same name. What the store has and cannot be, since the file has
//! changed say, is left out and told: nobody else waits for it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use serde::Deserialize;
use webtrunk_signalling::auth::ephemeral::EphemeralKeys;
use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::auth::token::TokenKey;
use webtrunk_signalling::json::{AccountPassword, AccountPasswords};

use super::document::Document;
use super::ephemeral_keys::{self, EphemeralKeySection};
use super::error::{ConfigError, Fault};
use super::faults::Faults;
use super::left_out::{LeftOut, shared_numbers, take_out, told, twice, without_customer};
use super::{Config, Entry, Webhook, load, structure, token_keys};
use crate::people::{KeyKind, Named, Roll, StoredAccountPassword, StoredApiKey, StoredKey, render};
use crate::rest::calls::bare;
use crate::rest::keys::ApiKey;
use crate::rest::scope::Scope;

/// A configuration with people of the store.
pub(crate) struct Peopled {
    pub(crate) config: Config,
    /// Whom the file names.
    pub(crate) named: Named,
    /// Whom the store names in vain.
    pub(crate) left_out: Vec<LeftOut>,
}

/// Reads `text`, which is what the file says, with whom the roll names. `alone` is what the file says by itself.
///
/// # Errors
/// The file is faulty, whomever the store knows.
pub(crate) fn with_roll(
    file: &Path,
    text: &str,
    alone: &Config,
    roll: &Roll,
) -> Result<Peopled, ConfigError> {
    let named = named_in(alone);
    let has_customers = !roll.customers.is_empty();
    let mut roll = roll.clone();
    let mut left_out = twice(&mut roll, &named);
    left_out.extend(shared_numbers(&mut roll, &named));
    let config = loop {
        left_out.extend(without_customer(&mut roll, &named));
        let (whole, lines) = (format!("{text}\n{}", render::sections(&roll)), text.lines().count());
        let faults = match load::parse_at(file, whole) {
            Ok(config) => break config,
            Err(ConfigError::Faulty(faults)) => faults,
            Err(unreadable) => return Err(unreadable),
        };
        let found = left_out.len();
        left_out.extend(take_out(&mut roll, &faults, lines, alone));
        if left_out.len() == found {
            return Err(ConfigError::Faulty(faults));
        }
    };
    let of_customers = roll.users_in_force().map(|(name, _)| name).filter(|name| customer_of(name).is_some());
    let user_limits = config.user_limits.clone().within_usual(of_customers);
    let mut config = with_keys(Config { user_limits, ..config }, &roll, &mut left_out);
    config.entry.has_customers |= has_customers;
    config.users.disable(roll.disabled_users().cloned().collect());
    Ok(Peopled { config, named, left_out })
}

/// The names that the file has.
pub(crate) fn named_in(alone: &Config) -> Named {
    let own = |name: &str| name.to_owned();
    let customers = alone.entry.customers.iter();
    let of_customers = customers.clone().flat_map(|customer| customer.issuer.keys.ids());
    let numbers = customers.clone().flat_map(|customer| {
        customer.numbers.iter().map(|number| (bare(number).to_owned(), customer.issuer.name.clone()))
    });
    let json = alone.json.as_ref();
    let of_pages = json.into_iter().flat_map(|json| json.keys.ephemeral.ids());
    let tokens = json.into_iter().flat_map(|json| json.keys.tokens.keys().iter().map(|key| key.id.as_str()));
    Named {
        users: alone.users.iter().map(|(name, _)| own(name)).collect(),
        numbers: numbers.collect(),
        customers: customers.map(|customer| customer.issuer.name.clone()).collect(),
        keys: alone.entry.keys.ids().chain(of_customers).chain(of_pages).chain(tokens).map(own).collect(),
        api_keys: alone.api_keys.ids().map(own).collect(),
        account_passwords: json.into_iter().flat_map(|json| json.keys.passwords.keys().cloned()).collect(),
    }
}

/// The same with the store's keys that are not revoked, and without keys and webhooks of customers that are not there or are disabled.
fn with_keys(config: Config, roll: &Roll, left_out: &mut Vec<LeftOut>) -> Config {
    let mut sound: HashMap<(KeyKind, Option<String>), EphemeralKeys> = HashMap::new();
    let mut tokens: Vec<TokenKey> = Vec::new();
    let (mut of_entry, mut of_json) = (DefaultHasher::new(), DefaultHasher::new());
    let in_force = roll.keys.iter().filter(|(_, key)| key.revoked.is_none() && is_in_force(key, &config));
    for (id, key) in in_force {
        let checked = if key.kind.is_of_tokens() { check_token(id, key) } else { check_ephemeral(id, key) };
        match checked {
            Ok(Checked::Token(key)) => tokens.extend(key),
            Ok(Checked::Ephemeral(keys)) => {
                let owner = (key.kind, key.terms.customer.clone());
                let before = sound.remove(&owner).unwrap_or_default();
                sound.insert(owner, before.with(keys));
            }
            Err(fault) => {
                left_out.push(LeftOut { what: "key", name: id.clone(), fault });
                continue;
            }
        }
        let of_page = key.kind.is_of_tokens() || key.kind == KeyKind::Page;
        let fingerprint = if of_page { &mut of_json } else { &mut of_entry };
        (id, format!("{:?} {:?} {:?}", key.kind, key.terms, key.validity), key.secret.expose())
            .hash(fingerprint);
    }
    let edge = sound.remove(&(KeyKind::Edge, None)).unwrap_or_default();
    let pages = sound.remove(&(KeyKind::Page, None)).unwrap_or_default();
    let of_customers = sound.into_iter().filter_map(|((_, owner), keys)| Some((owner?, keys))).collect();
    let passwords = account_passwords(roll, &config, &mut of_json);
    let nothing = DefaultHasher::new().finish();
    let [of_entry, of_json] = [of_entry, of_json].map(|own| own.finish() ^ nothing);
    let entry = config.entry.with(edge, of_customers, of_entry);
    let with_store = |json: super::JsonSettings| super::JsonSettings {
        keys: json.keys.with(&tokens, pages, passwords, of_json),
        ..json
    };
    let json = config.json.map(with_store);
    let mut stored = Vec::new();
    for (id, key) in roll.api_keys.iter().filter(|(_, key)| key.revoked.is_none()) {
        match api_key(id, key) {
            Ok(key) => stored.push(key),
            Err(fault) => left_out.push(LeftOut { what: "API key", name: id.clone(), fault }),
        }
    }
    let api_keys = config.api_keys.with(stored).of(|owner| is_customer(&entry, owner));
    let is_there = |hook: &Webhook| hook.customer.as_ref().is_none_or(|owner| is_customer(&entry, owner));
    let (webhooks, gone): (Vec<_>, Vec<_>) = config.webhooks.into_iter().partition(is_there);
    left_out.extend(gone.into_iter().map(LeftOut::webhook));
    Config { entry, json, api_keys, webhooks, ..config }
}

/// The store's passwords that tokens name, without those of customers that are not there or are disabled.
fn account_passwords(roll: &Roll, config: &Config, fingerprint: &mut DefaultHasher) -> AccountPasswords {
    let is_there = |owner: &String| is_customer(&config.entry, owner);
    let in_force =
        roll.account_passwords.iter().filter(|(_, own)| own.customer.as_ref().is_none_or(is_there));
    let mut passwords = AccountPasswords::new();
    for (name, StoredAccountPassword { customer, password }) in in_force {
        (name, customer, password.expose()).hash(fingerprint);
        passwords
            .insert(name.clone(), AccountPassword { customer: customer.clone(), password: password.clone() });
    }
    passwords
}

/// A back end's key, as the configuration would have it.
fn api_key(id: &str, key: &StoredApiKey) -> Result<ApiKey, String> {
    let scope = |name: &String| {
        name.parse::<Scope>().map_err(|error| format!("scopes: {name:?} {error}; revoke it, and add another"))
    };
    let scopes = key.scopes.iter().map(scope).collect::<Result<_, _>>()?;
    let (customer, validity) = (key.customer.clone(), key.validity);
    Ok(ApiKey { id: id.to_owned(), hash: key.hash, scopes, customer, validity })
}

/// A customer's key goes with its customer.
fn is_in_force(key: &StoredKey, config: &Config) -> bool {
    key.terms.customer.as_ref().is_none_or(|owner| is_customer(&config.entry, owner))
}

/// Whether there is such a customer, which is not disabled.
fn is_customer(entry: &Entry, name: &str) -> bool {
    entry.customers.iter().any(|it| it.issuer.name == name)
}

enum Checked {
    Token(Vec<TokenKey>),
    Ephemeral(EphemeralKeys),
}

fn check_token(id: &String, key: &StoredKey) -> Result<Checked, String> {
    let document = Document::new(Path::new("store"), render::token_keys(std::iter::once((id, key))));
    match token_keys::check(&document, None, &[], &|_| None) {
        Ok(keys) => Ok(Checked::Token(keys.keyring.keys().to_vec())),
        Err(ConfigError::Faulty(faults)) => Err(first(&faults)),
        Err(unreadable) => Err(unreadable.to_string()),
    }
}

#[derive(Deserialize)]
struct EphemeralFile {
    ephemeral_keys: Vec<EphemeralKeySection>,
}

fn check_ephemeral(id: &String, key: &StoredKey) -> Result<Checked, String> {
    let document = Document::new(Path::new("store"), render::ephemeral_keys(std::iter::once((id, key))));
    let mut faults = Faults::new(&document);
    let read = structure::read::<EphemeralFile>(&mut faults);
    let keys = read.map(|file| {
        ephemeral_keys::check(&file.ephemeral_keys, &|_| None, &mut DefaultHasher::new(), &mut faults)
    });
    let faults = faults.into_list();
    match keys {
        Some(keys) if faults.is_empty() => Ok(Checked::Ephemeral(keys)),
        _ => Err(first(&faults)),
    }
}

fn first(faults: &[Fault]) -> String {
    let own = |fault: &Fault| told(fault.key.split_once("].").map_or("", |(_, key)| key), fault);
    faults.first().map(own).unwrap_or_default()
}

#[cfg(test)]
mod tests;
