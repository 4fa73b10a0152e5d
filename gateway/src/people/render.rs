//! Whom the store knows, in the words of the configuration file: then the same rules hold for them, read by the same code.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::roll::{Roll, StoredKey, StoredUpstream};
use super::terms::KeyKind;

/// `[[users]]` and `[[customers]]`, in this order.
#[derive(Serialize)]
struct Sections<'r> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<UserSection<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    customers: Vec<CustomerSection<'r>>,
}

#[derive(Serialize)]
struct UserSection<'r> {
    name: &'r str,
    ha1_md5: &'r str,
    ha1_sha256: &'r str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    upstream: Vec<UpstreamSection<'r>>,
    #[serde(flatten)]
    terms: BTreeMap<String, toml::Value>,
}

#[derive(Serialize)]
struct UpstreamSection<'r> {
    trunk: &'r str,
    user: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_s: Option<u32>,
    credentials: CredentialsSection<'r>,
}

#[derive(Serialize)]
struct CredentialsSection<'r> {
    user: &'r str,
    password: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    realm: Option<&'r str>,
}

#[derive(Serialize)]
struct CustomerSection<'r> {
    name: &'r str,
    #[serde(flatten)]
    terms: BTreeMap<String, toml::Value>,
}

/// Users and customers that are in force, and those alone.
pub(crate) fn sections(roll: &Roll) -> String {
    let users = roll.users_in_force().map(|(name, user)| UserSection {
        name,
        ha1_md5: user.ha1[0].expose(),
        ha1_sha256: user.ha1[1].expose(),
        upstream: roll.upstream_of(name).map(|(trunk, account)| upstream(trunk, account)).collect(),
        terms: plain(&user.terms),
    });
    let customers = roll.customers.iter().filter(|(_, customer)| customer.terms.enabled);
    let customers = customers.map(|(name, customer)| CustomerSection { name, terms: plain(&customer.terms) });
    let sections = Sections { users: users.collect(), customers: customers.collect() };
    toml::to_string(&sections).expect("terms are plain")
}

fn upstream<'r>(
    trunk: &'r str,
    StoredUpstream { terms, password }: &'r StoredUpstream,
) -> UpstreamSection<'r> {
    let credentials = CredentialsSection {
        user: &terms.credentials.user,
        password: password.expose(),
        realm: terms.credentials.realm.as_deref(),
    };
    UpstreamSection { trunk, user: &terms.user, expires_s: terms.expires_s, credentials }
}

/// What is said besides being enabled, which the file says by having it.
fn plain(terms: &impl Serialize) -> BTreeMap<String, toml::Value> {
    let toml::Value::Table(table) = toml::Value::try_from(terms).expect("terms are plain") else {
        unreachable!("terms are a table")
    };
    table.into_iter().filter(|(key, _)| key != "enabled").collect()
}

#[derive(Serialize)]
struct EphemeralSections<'r> {
    ephemeral_keys: Vec<EphemeralSection<'r>>,
}

#[derive(Serialize)]
struct EphemeralSection<'r> {
    id: &'r str,
    secret: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
}

/// `ephemeral_keys`.
pub(crate) fn ephemeral_keys<'r>(keys: impl Iterator<Item = (&'r String, &'r StoredKey)>) -> String {
    let section = |(id, key): (&'r String, &'r StoredKey)| {
        let [not_before, not_after] = times(key.validity);
        EphemeralSection { id, secret: key.secret.expose(), not_before, not_after }
    };
    let sections = EphemeralSections { ephemeral_keys: keys.map(section).collect() };
    toml::to_string(&sections).expect("keys are plain")
}

#[derive(Serialize)]
struct TokenSections<'r> {
    token_keys: Vec<TokenSection<'r>>,
}

#[derive(Serialize)]
struct TokenSection<'r> {
    id: &'r str,
    kind: KeyKind,
    secret: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(flatten)]
    terms: BTreeMap<String, toml::Value>,
}

/// A file of `[[token_keys]]`.
pub(crate) fn token_keys<'r>(keys: impl Iterator<Item = (&'r String, &'r StoredKey)>) -> String {
    let section = |(id, key): (&'r String, &'r StoredKey)| {
        let [not_before, not_after] = times(key.validity);
        let (kind, secret) = (key.kind, key.secret.expose());
        TokenSection { id, kind, secret, not_before, not_after, terms: plain(&key.terms) }
    };
    let sections = TokenSections { token_keys: keys.map(section).collect() };
    toml::to_string(&sections).expect("keys are plain")
}

fn times(validity: Validity) -> [Option<String>; 2] {
    [validity.not_before, validity.not_after].map(|time| time.map(written))
}

/// As the configuration has times.
pub(crate) fn written(time: UnixTime) -> String {
    let second = i64::try_from(time.0).unwrap_or(i64::MAX);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_string()
}
