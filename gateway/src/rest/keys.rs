//! API keys: what a back end proves itself by. The gateway keeps a hash of each, and never the key.
//!
//! ```text
//! wk_crm_2J6i...   an id of letters, digits, - and . ; behind the next underscore 256 bits of chance in Base64
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use webtrunk_signalling::auth::issuer::customer_of;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::scope::Scope;
use crate::config::Secret;

/// What every key begins with, so that scanners of source code know one.
const MARK: &str = "wk_";

/// Octets of chance: nobody guesses 256 bits, so that a plain hash of them is as good as a slow one.
const OCTETS: usize = 32;

/// Longest id.
const ID_MAX: usize = 32;

/// SHA-256 of a key's secret.
pub type KeyHash = [u8; 32];

/// A key, as far as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name, in the log and in records.
    pub id: String,
    /// Of its secret.
    pub hash: KeyHash,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Whose it is: then it is told of nobody else. `None` is the operator's, which sees all.
    pub customer: Option<String>,
    /// When it is in force.
    pub validity: Validity,
}

/// All keys; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Arc<[ApiKey]>);

/// A key that was just made.
#[derive(Debug)]
pub struct MadeKey {
    /// What its holder sends; nobody can show it again.
    pub key: Secret,
    /// What the configuration keeps.
    pub hash: KeyHash,
}

impl ApiKeys {
    /// These keys.
    #[must_use]
    pub fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys.into())
    }

    /// Those of the operator, and those of customers of which this is true.
    #[must_use]
    pub fn of(&self, is_known: impl Fn(&str) -> bool) -> Self {
        let in_force = |key: &&ApiKey| key.customer.as_deref().is_none_or(&is_known);
        Self(self.0.iter().filter(in_force).cloned().collect())
    }

    /// These and others.
    #[must_use]
    pub fn with(&self, others: Vec<ApiKey>) -> Self {
        Self(self.0.iter().cloned().chain(others).collect())
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Whether one of them has this id.
    #[must_use]
    pub fn has_id(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Whether this key is among them as it is, and in force.
    #[must_use]
    pub fn has(&self, key: &ApiKey, now: UnixTime) -> bool {
        self.0.contains(key) && key.validity.holds(now)
    }

    /// The key that this is, where it is one that is in force. How long that takes says nothing of where it differs.
    #[must_use]
    pub fn find(&self, presented: &str, now: UnixTime) -> Option<&ApiKey> {
        let (id, secret) = presented.strip_prefix(MARK)?.split_once('_')?;
        let hash = hash_of(secret);
        let key = self.0.iter().find(|key| key.id == id)?;
        let is_it: bool = key.hash.ct_eq(&hash).into();
        Some(key).filter(|key| is_it && key.validity.holds(now))
    }
}

impl ApiKey {
    /// Whether a user is one of those that it may know of.
    #[must_use]
    pub fn sees(&self, user: &str) -> bool {
        self.customer.as_deref().is_none_or(|own| customer_of(user) == Some(own))
    }
}

impl MadeKey {
    /// One by chance; `None` where the id is none.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; OCTETS]>());
        let hash = hash_of(&secret);
        is_id(id).then(|| Self { key: Secret::new(format!("{MARK}{id}_{secret}")), hash })
    }
}

/// The id that a text has which may be a key: what is counted where it is wrong.
#[must_use]
pub fn claimed_id(presented: &str) -> &str {
    let id = presented.strip_prefix(MARK).and_then(|rest| rest.split_once('_')).map(|(id, _)| id);
    id.filter(|id| is_id(id)).unwrap_or_default()
}

/// Whether this names a key.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    !text.is_empty() && text.len() <= ID_MAX && text.bytes().all(is_allowed)
}

/// A hash, as it is written: 64 hexadecimal digits.
#[must_use]
pub fn parse_hash(text: &str) -> Option<KeyHash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (octet, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *octet = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(hash)
}

/// The same the other way.
#[must_use]
pub fn hash_text(hash: &KeyHash) -> String {
    hash.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn hash_of(secret: &str) -> KeyHash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(made: &MadeKey, customer: Option<&str>, validity: Validity) -> ApiKey {
        let id = claimed_id(made.key.expose()).to_owned();
        let customer = customer.map(str::to_owned);
        ApiKey { id, hash: made.hash, scopes: BTreeSet::new(), customer, validity }
    }

    #[test]
    fn a_key_is_known_by_its_whole_text_in_its_time_alone() {
        let [made, other] = ["crm", "crm"].map(|id| MadeKey::new(id).expect("an id"));
        let validity = Validity { not_before: Some(UnixTime(10)), not_after: Some(UnixTime(20)) };
        let keys = ApiKeys::new(vec![key(&made, None, validity)]);
        let text = made.key.expose();
        let finds = |text: &str, at| keys.find(text, UnixTime(at)).is_some();
        assert!(finds(text, 10) && finds(text, 19));
        assert!(!finds(text, 9) && !finds(text, 20));
        for wrong in [
            other.key.expose(),
            &text[..text.len() - 1],
            &format!("{text}x"),
            &text.replacen("crm", "crn", 1),
            &text["wk_".len()..],
            "wk_crm_",
            "wk_crm",
            "",
        ] {
            assert!(!finds(wrong, 10), "{wrong}");
        }
        assert_eq!(parse_hash(&hash_text(&made.hash)), Some(made.hash));
        assert!(parse_hash("zz").is_none() && parse_hash(&"g".repeat(64)).is_none());
        assert!(MadeKey::new("a_b").is_none() && MadeKey::new("").is_none());
        assert!(!format!("{made:?}").contains(text), "it is never shown");
    }

    #[test]
    fn a_customers_key_sees_its_own_users_alone() {
        let made = MadeKey::new("acme-crm").expect("an id");
        let of_acme = key(&made, Some("acme"), Validity::default());
        assert!(of_acme.sees("acme+alice"));
        for other in ["beta+alice", "alice", "acmes+alice", "acme", "+acme"] {
            assert!(!of_acme.sees(other), "{other}");
        }
        assert!(key(&made, None, Validity::default()).sees("beta+alice"));
    }
}
