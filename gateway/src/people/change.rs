//! A change of whom the store knows, and what rows come of it: pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use webtrunk_signalling::auth::digest::Algorithm;
use webtrunk_signalling::auth::secret::SecretText;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::PeopleError;
use super::roll::{Roll, Row, StoredApiKey, StoredCustomer, StoredKey, StoredUser};
use super::secret_change::SecretChange;
use super::terms::{CustomerTerms, KeyKind, KeyTerms, UserTerms};
use crate::config::hashes;
use crate::rest::calls::bare;
use crate::rest::keys::MadeKey;
use crate::rest::scope::Scope;

/// What is wanted.
#[derive(Debug, Clone)]
pub enum Change {
    /// Another user. Without a password it is given one.
    AddUser {
        /// Its name.
        name: String,
        /// Its password.
        password: Option<SecretText>,
        /// What it may do.
        terms: UserTerms,
    },
    /// A user is to be otherwise.
    ChangeUser {
        /// Its name.
        name: String,
        /// Its new password.
        password: Option<SecretText>,
        /// What is other of its terms (RFC 7396).
        patch: Value,
    },
    /// A user is to go; its registrations, sessions and calls' credentials go with it.
    RemoveUser(String),
    /// Another customer.
    AddCustomer {
        /// Its name.
        name: String,
        /// Its policy.
        terms: CustomerTerms,
    },
    /// A customer's policy is to be otherwise.
    ChangeCustomer {
        /// Its name.
        name: String,
        /// What is other of its terms (RFC 7396).
        patch: Value,
    },
    /// A customer is to go, and its users and keys with it.
    RemoveCustomer(String),
    /// Another key. Without a secret it is given one.
    AddKey {
        /// Its name.
        id: String,
        /// What it is of.
        kind: KeyKind,
        /// Its secret.
        secret: Option<SecretText>,
        /// How far it goes.
        terms: KeyTerms,
        /// When it is in force.
        validity: Validity,
    },
    /// A key is to be followed by another of the same terms, and ends itself after so long.
    RotateKey {
        /// The key that there is.
        id: String,
        /// How long what was made by it is good yet.
        keep: Duration,
    },
    /// A key is to be of no use from now on.
    RevokeKey(String),
    /// Another key of a back end, which is told once: we have a hash of it.
    AddApiKey {
        /// Its name.
        id: String,
        /// What it may do.
        scopes: BTreeSet<Scope>,
        /// Whose it is; `None` is the operator's.
        customer: Option<String>,
        /// When it is in force.
        validity: Validity,
    },
    /// A back end's key is to be of no use from now on.
    RevokeApiKey(String),
    /// Of passwords that are shown others.
    Secret(SecretChange),
}

/// What was made, and is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The name of what was changed, or made.
    pub name: String,
    /// The password or secret that it was given by us.
    pub secret: Option<SecretText>,
}

/// What the change meets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'g> {
    /// Whom the store knows.
    pub(crate) roll: &'g Roll,
    /// Whom the file names.
    pub(crate) named: &'g Named,
    /// The customer whose back end asks; `None` is the operator.
    pub(crate) by: Option<&'g str>,
    /// What passwords are hashed with.
    pub(crate) realm: &'g str,
    pub(crate) now: UnixTime,
}

/// The names of what the file has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) users: HashSet<String>,
    pub(crate) customers: HashSet<String>,
    /// The customers that own numbers, by these without a plus.
    pub(crate) numbers: HashMap<String, String>,
    pub(crate) keys: HashSet<String>,
    pub(crate) api_keys: HashSet<String>,
    pub(crate) account_passwords: HashSet<String>,
}

/// How many there may be. Chosen by us: all of them are in memory, and read at each change.
const USERS_MAX: usize = 20_000;
const CUSTOMERS_MAX: usize = 5_000;
const KEYS_MAX: usize = 10_000;

/// Users that the back ends of one customer may add, and those for whom the operator has room when all customers' have as many as they may.
/// Chosen by us.
const USERS_OF_CUSTOMER_MAX: usize = 2_000;
const USERS_OF_OPERATOR: usize = 2_000;

/// Keys that are revoked and told yet; the one that was revoked first goes before that.
const REVOKED_MAX: usize = 1_000;

/// Octets of chance of what we make: nobody guesses 256 bits, nor 144 of a password at the doors that count.
const SECRET_OCTETS: usize = 32;
const PASSWORD_OCTETS: usize = 18;

impl Change {
    /// The rows that come of it, and what was made.
    ///
    /// # Errors
    /// [`PeopleError`], as far as names go and what is patched; whether the terms can be is another question.
    pub(crate) fn rows(self, ground: Ground<'_>) -> Result<(Vec<Row>, Made), PeopleError> {
        let Ground { roll, named, now, .. } = ground;
        match self {
            Self::AddUser { name, password, terms } => {
                let is_known = roll.users.contains_key(&name);
                is_free("user", &name, is_known, &named.users)?;
                has_room_for_user(ground)?;
                let made = password.is_none().then(|| chance(PASSWORD_OCTETS));
                let ha1 = ha1(&name, ground.realm, password.as_ref().or(made.as_ref()))?;
                let row = Row::User(name.clone(), Some(StoredUser { ha1, terms }));
                Ok((vec![row], Made { name, secret: made }))
            }
            Self::ChangeUser { name, password, patch } => {
                let known = find("user", &name, roll.users.get(&name), &named.users)?;
                let terms = patched(&known.terms, patch)?;
                let ha1 = match &password {
                    Some(_) => ha1(&name, ground.realm, password.as_ref())?,
                    None => known.ha1.clone(),
                };
                let row = Row::User(name.clone(), Some(StoredUser { ha1, terms }));
                Ok((vec![row], Made { name, secret: None }))
            }
            Self::RemoveUser(name) => {
                find("user", &name, roll.users.get(&name), &named.users)?;
                Ok((without_user(roll, &name).collect(), Made { name, secret: None }))
            }
            Self::AddCustomer { name, terms } => {
                is_free("customer", &name, roll.customers.contains_key(&name), &named.customers)?;
                has_room("customers", roll.customers.len(), CUSTOMERS_MAX)?;
                are_free(&name, &terms.numbers.iter().collect::<Vec<_>>(), ground)?;
                let row = Row::Customer(name.clone(), Some(StoredCustomer { terms }));
                Ok((vec![row], Made { name, secret: None }))
            }
            Self::ChangeCustomer { name, patch } => {
                let known = find("customer", &name, roll.customers.get(&name), &named.customers)?;
                let terms: CustomerTerms = patched(&known.terms, patch)?;
                // Who is not enabled has none.
                let has = |number: &&String| known.terms.enabled && known.terms.numbers.contains(number);
                let new = terms.numbers.iter().filter(|number| !has(number));
                are_free(&name, &new.collect::<Vec<_>>(), ground)?;
                let row = Row::Customer(name.clone(), Some(StoredCustomer { terms }));
                Ok((vec![row], Made { name, secret: None }))
            }
            Self::RemoveCustomer(name) => {
                find("customer", &name, roll.customers.get(&name), &named.customers)?;
                Ok((without_customer(roll, &name), Made { name, secret: None }))
            }
            Self::AddKey { id, kind, secret, terms, validity } => {
                is_free("key", &id, roll.keys.contains_key(&id), &named.keys)?;
                has_room("keys", in_use(&roll.keys), KEYS_MAX)?;
                check_owner(kind, &terms, ground)?;
                let made = secret.is_none().then(|| secret_of(kind));
                let secret = secret.or_else(|| made.clone()).expect("one of them is there");
                let key = StoredKey { kind, secret, terms, validity, revoked: None };
                Ok((vec![Row::Key(id.clone(), Some(key))], Made { name: id, secret: made }))
            }
            Self::RotateKey { id, keep } => rotate(&id, keep, ground),
            Self::RevokeKey(id) => {
                let known = find("key", &id, roll.keys.get(&id), &named.keys)?;
                let key = StoredKey { revoked: known.revoked.or(Some(now)), ..known.clone() };
                let forgotten = forgotten(&roll.keys).map(|id| Row::Key(id, None));
                let rows = forgotten.chain([Row::Key(id.clone(), Some(key))]).collect();
                Ok((rows, Made { name: id, secret: None }))
            }
            Self::AddApiKey { id, scopes, customer, validity } => {
                is_free("back end's key", &id, roll.api_keys.contains_key(&id), &named.api_keys)?;
                has_room("back ends' keys", in_use(&roll.api_keys), KEYS_MAX)?;
                if scopes.is_empty() {
                    return Err(PeopleError::faulty("a key without scopes may do nothing; name some"));
                }
                if let Some(customer) = &customer {
                    is_customer(customer, ground)?;
                }
                let made = MadeKey::new(&id).ok_or_else(|| {
                    PeopleError::faulty(format!(
                        "{id:?} is no id of a key; use 1 to 32 letters, digits, - and ."
                    ))
                })?;
                let scopes = scopes.into_iter().map(|scope| scope.name().to_owned()).collect();
                let key =
                    StoredApiKey { hash: made.hash, scopes, customer, created: now, validity, revoked: None };
                let secret = Some(SecretText::new(made.key.expose().to_owned()));
                Ok((vec![Row::ApiKey(id.clone(), Some(key))], Made { name: id, secret }))
            }
            Self::Secret(change) => change.rows(ground),
            Self::RevokeApiKey(id) => {
                let known = find("back end's key", &id, roll.api_keys.get(&id), &named.api_keys)?;
                let key = StoredApiKey { revoked: known.revoked.or(Some(now)), ..known.clone() };
                let forgotten = forgotten(&roll.api_keys).map(|id| Row::ApiKey(id, None));
                let rows = forgotten.chain([Row::ApiKey(id.clone(), Some(key))]).collect();
                Ok((rows, Made { name: id, secret: None }))
            }
        }
    }
}

/// Since when a key is of no use.
trait Revoked {
    fn revoked(&self) -> Option<UnixTime>;
}

impl Revoked for StoredKey {
    fn revoked(&self) -> Option<UnixTime> {
        self.revoked
    }
}

impl Revoked for StoredApiKey {
    fn revoked(&self) -> Option<UnixTime> {
        self.revoked
    }
}

/// How many keys are not revoked.
fn in_use<K: Revoked>(keys: &BTreeMap<String, K>) -> usize {
    keys.values().filter(|key| key.revoked().is_none()).count()
}

/// The keys that were revoked first, as many as have to go before another is.
fn forgotten<K: Revoked>(keys: &BTreeMap<String, K>) -> impl Iterator<Item = String> + use<K> {
    let mut revoked: Vec<_> =
        keys.iter().filter_map(|(id, key)| Some((key.revoked()?, id.clone()))).collect();
    revoked.sort_unstable();
    let count = (revoked.len() + 1).saturating_sub(REVOKED_MAX);
    revoked.into_iter().take(count).map(|(_, id)| id)
}

/// Another key in the place of one, which ends when what was made by it may be forgotten.
fn rotate(id: &str, keep: Duration, ground: Ground<'_>) -> Result<(Vec<Row>, Made), PeopleError> {
    let Ground { roll, named, now, .. } = ground;
    let known = find("key", id, roll.keys.get(id), &named.keys)?;
    has_room("keys", in_use(&roll.keys), KEYS_MAX)?;
    if known.revoked.is_some() {
        return Err(PeopleError::faulty(format!("the key {id:?} is revoked; add another")));
    }
    let base = match id.rsplit_once('-') {
        Some((base, number)) if number.parse::<u32>().is_ok() => base,
        _ => id,
    };
    let is_new = |id: &String| !roll.keys.contains_key(id) && !named.keys.contains(id);
    let next = (2..).map(|number: u32| format!("{base}-{number}")).find(is_new);
    let next = next.expect("there are fewer keys than numbers");
    let ends = known.validity.not_after.map_or(now.plus(keep), |end| end.min(now.plus(keep)));
    let old = StoredKey { validity: Validity { not_after: Some(ends), ..known.validity }, ..known.clone() };
    let secret = secret_of(known.kind);
    let validity = Validity { not_before: Some(now), not_after: None };
    let new = StoredKey { secret: secret.clone(), validity, ..known.clone() };
    let rows = vec![Row::Key(id.to_owned(), Some(old)), Row::Key(next.clone(), Some(new))];
    Ok((rows, Made { name: next, secret: Some(secret) }))
}

/// A customer goes with all that is of it.
fn without_customer(roll: &Roll, name: &str) -> Vec<Row> {
    let keys = roll.keys.iter().filter(|(_, key)| key.terms.customer.as_deref() == Some(name));
    let keys = keys.map(|(id, _)| Row::Key(id.clone(), None));
    let api_keys = roll.api_keys.iter().filter(|(_, key)| key.customer.as_deref() == Some(name));
    let api_keys = api_keys.map(|(id, _)| Row::ApiKey(id.clone(), None));
    let users = roll.users_of(name).flat_map(|user| without_user(roll, user));
    let passwords = roll.account_passwords.iter().filter(|(_, own)| own.customer.as_deref() == Some(name));
    let passwords = passwords.map(|(password, _)| Row::AccountPassword(password.clone(), None));
    let own = users.chain(keys).chain(api_keys).chain(passwords);
    std::iter::once(Row::Customer(name.to_owned(), None)).chain(own).collect()
}

/// A user goes with its accounts.
fn without_user(roll: &Roll, name: &str) -> impl Iterator<Item = Row> {
    let row = move |(trunk, _): (&String, _)| Row::Upstream((name.to_owned(), trunk.clone()), None);
    let own = roll.upstream_of(name).map(row);
    std::iter::once(Row::User(name.to_owned(), None)).chain(own)
}

fn check_owner(kind: KeyKind, terms: &KeyTerms, ground: Ground<'_>) -> Result<(), PeopleError> {
    let Some(customer) = &terms.customer else {
        let lacks = kind == KeyKind::Customer;
        let fault = "a customer's key is some customer's; tell which";
        return if lacks { Err(PeopleError::faulty(fault)) } else { Ok(()) };
    };
    if matches!(kind, KeyKind::Edge | KeyKind::Page) {
        return Err(PeopleError::faulty(format!("a key of the kind {:?} is no customer's", kind.name())));
    }
    is_customer(customer, ground)
}

pub(super) fn is_customer(name: &str, Ground { roll, named, .. }: Ground<'_>) -> Result<(), PeopleError> {
    let is_known = roll.customers.contains_key(name) || named.customers.contains(name);
    if is_known { Ok(()) } else { Err(PeopleError::Unknown { what: "customer", name: name.to_owned() }) }
}

pub(super) fn is_free(
    what: &'static str,
    name: &str,
    is_stored: bool,
    in_file: &HashSet<String>,
) -> Result<(), PeopleError> {
    match () {
        () if is_stored => Err(PeopleError::Taken { what, name: name.to_owned() }),
        () if in_file.contains(name) => Err(PeopleError::InFile { what, name: name.to_owned() }),
        () => Ok(()),
    }
}

/// Whether none of these numbers is another customer's, be it disabled now, written with or without a plus.
fn are_free(name: &str, numbers: &[&String], ground: Ground<'_>) -> Result<(), PeopleError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let others = ground.roll.customers.iter().filter(|(other, _)| other.as_str() != name);
    let theirs = others.flat_map(|(other, customer)| {
        customer.terms.numbers.iter().map(move |number| (bare(number), other.as_str()))
    });
    let mut owners: HashMap<&str, &str> = theirs.collect();
    owners.extend(ground.named.numbers.iter().map(|(number, owner)| (number.as_str(), owner.as_str())));
    let taken = numbers.iter().find_map(|number| Some((*number, owners.get(bare(number))?)));
    taken.map_or(Ok(()), |(number, customer)| {
        Err(PeopleError::NumberTaken { number: number.clone(), customer: (*customer).to_owned() })
    })
}

pub(super) fn find<'r, T>(
    what: &'static str,
    name: &str,
    stored: Option<&'r T>,
    in_file: &HashSet<String>,
) -> Result<&'r T, PeopleError> {
    let name = || name.to_owned();
    match stored {
        Some(stored) => Ok(stored),
        None if in_file.contains(&name()) => Err(PeopleError::InFile { what, name: name() }),
        None => Err(PeopleError::Unknown { what, name: name() }),
    }
}

pub(super) const fn has_room(what: &'static str, count: usize, most: usize) -> Result<(), PeopleError> {
    if count < most { Ok(()) } else { Err(PeopleError::Full { what, most }) }
}

/// A customer's back ends take no more than their part, and none of the operator's.
fn has_room_for_user(Ground { roll, by, .. }: Ground<'_>) -> Result<(), PeopleError> {
    let count = roll.users.len();
    let Some(customer) = by else { return has_room("users", count, USERS_MAX) };
    has_room("the customer's users", roll.users_of(customer).count(), USERS_OF_CUSTOMER_MAX)?;
    if count < USERS_MAX - USERS_OF_OPERATOR { Ok(()) } else { Err(PeopleError::NoRoom) }
}

/// What stays is as it was, what is null goes (RFC 7396).
pub(super) fn patched<T: Serialize + DeserializeOwned>(terms: &T, patch: Value) -> Result<T, PeopleError> {
    let Value::Object(_) = patch else {
        return Err(PeopleError::faulty("what is to change is written as an object"));
    };
    let mut merged = serde_json::to_value(terms).expect("terms are plain");
    merge(&mut merged, patch);
    serde_json::from_value(merged).map_err(|error| PeopleError::faulty(error.to_string()))
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else { return *target = patch };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.remove(&key)),
            value => merge(target.entry(key).or_insert(Value::Null), value),
        }
    }
}

/// MD5 and SHA-256, in hexadecimal digits.
fn ha1(name: &str, realm: &str, password: Option<&SecretText>) -> Result<[SecretText; 2], PeopleError> {
    let password = password.map(SecretText::expose).unwrap_or_default();
    if password.trim().is_empty() || password.contains(['\r', '\n']) {
        return Err(PeopleError::faulty("a password is one line, and not white space alone"));
    }
    let hashes = hashes(name, realm, password);
    let hex = |algorithm| {
        let hash = hashes.iter().find(|hash| hash.algorithm() == algorithm);
        SecretText::new(hash.expect("there is one of each algorithm").as_hex().to_owned())
    };
    Ok([Algorithm::Md5, Algorithm::Sha256].map(hex))
}

/// A secret by chance, as a key of this kind has it.
fn secret_of(kind: KeyKind) -> SecretText {
    let octets = rand::random::<[u8; SECRET_OCTETS]>();
    match kind {
        KeyKind::Wt1 => SecretText::new(octets.iter().map(|octet| format!("{octet:02x}")).collect()),
        KeyKind::Edge | KeyKind::Customer | KeyKind::Page | KeyKind::Hs256 => {
            SecretText::new(URL_SAFE_NO_PAD.encode(octets))
        }
    }
}

fn chance(octets: usize) -> SecretText {
    let random = rand::random::<[u8; SECRET_OCTETS]>();
    SecretText::new(URL_SAFE_NO_PAD.encode(&random[..octets]))
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
