//! Names and passwords that last for a while: `EXPIRY:USER:KEY`, and a MAC of that name as the password.
//!
//! ```text
//! web server                       edge
//!   name = EXPIRY[:USER[:KEY]]       name says until when, who, by which key
//!   password = BASE64(HMAC(secret, name))  ==  the same, computed
//! ```
//!
//! Whoever checks them needs to know no users: the secret alone. Without a key's id in the name, each key in force may
//! have made it, as coturn's and Kamailio's secrets are told apart.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::secret::{SecretOctets, SecretText};
use super::validity::{CLOCK_LEEWAY, UnixTime, Validity};

/// How long a name is good at most. Chosen by us: a working day, and the night that somebody forgot.
pub const LIFETIME_MAX: Duration = Duration::from_secs(86_400);

/// Longest name, in octets.
const NAME_MAX: usize = 256;

/// Fewest octets of a secret. Chosen by us: who has a name and its password can guess at it for as long as it likes.
pub const SECRET_MIN: usize = 16;

/// The hash within the MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EphemeralHash {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-1, which makers that exist have.
    Sha1,
}

/// A secret that names are made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EphemeralKey {
    id: String,
    secret: SecretOctets,
    hash: EphemeralHash,
    validity: Validity,
    /// The users whose names are taken no more, whenever they were made.
    revoked: BTreeSet<String>,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct EphemeralKeys {
    keys: Vec<EphemeralKey>,
}

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EphemeralCredential {
    /// The name, which may be shown.
    pub name: String,
    /// The password.
    pub password: SecretText,
}

/// What a name says. It is proven by its password, and by nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EphemeralName<'n> {
    /// From when on it is good for nothing.
    pub expires: UnixTime,
    /// Who it is of; `None` is anybody.
    pub user: Option<&'n str>,
    /// The key that made it; `None` is any.
    pub key: Option<&'n str>,
}

/// A name, or its password, is good for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EphemeralRefusal {
    /// It has not the form `EXPIRY:USER:KEY`.
    #[error("is no name with an expiry")]
    Malformed,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// It is good for longer than [`LIFETIME_MAX`].
    #[error("is good for more than a day")]
    LivesTooLong,
    /// There is no such key in force.
    #[error("names a key that is not there or not in force")]
    UnknownKey,
    /// Its user's names are taken no more.
    #[error("is of a user whose names are revoked")]
    Revoked,
    /// The password is another.
    #[error("has another password")]
    WrongPassword,
}

/// A key cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EphemeralKeyFault {
    /// The secret has fewer than [`SECRET_MIN`] octets.
    #[error("has fewer than 16 octets, which do not withstand guessing")]
    Short,
    /// The id cannot stand in a name.
    #[error("is no id of a key; use letters, digits and - _")]
    Id,
}

impl EphemeralKey {
    /// A secret by its name.
    ///
    /// # Errors
    /// [`EphemeralKeyFault`].
    pub fn new(
        id: String,
        secret: SecretOctets,
        hash: EphemeralHash,
        validity: Validity,
    ) -> Result<Self, EphemeralKeyFault> {
        if secret.expose().len() < SECRET_MIN {
            return Err(EphemeralKeyFault::Short);
        }
        if is_part(&id) {
            Ok(Self { id, secret, hash, validity, revoked: BTreeSet::new() })
        } else {
            Err(EphemeralKeyFault::Id)
        }
    }

    /// The same, by which names of these users are taken no more.
    #[must_use]
    pub fn without(self, revoked: BTreeSet<String>) -> Self {
        Self { revoked, ..self }
    }

    fn password(&self, name: &str) -> SecretText {
        let secret = self.secret.expose();
        let mac = match self.hash {
            EphemeralHash::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
                mac.chain_update(name).finalize().into_bytes().to_vec()
            }
            EphemeralHash::Sha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(secret).expect("a key of any length will do");
                mac.chain_update(name).finalize().into_bytes().to_vec()
            }
        };
        SecretText::new(STANDARD.encode(mac))
    }
}

impl EphemeralKeys {
    /// Holds these.
    #[must_use]
    pub const fn new(keys: Vec<EphemeralKey>) -> Self {
        Self { keys }
    }

    /// The same with others.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self
    }

    /// The ids of the keys, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there is a key of this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// Makes a name for a user, good for `lifetime`, by the key that came into force last; `None` where none is in
    /// force, or the user cannot stand in a name.
    #[must_use]
    pub fn make(&self, user: Option<&str>, lifetime: Duration, now: UnixTime) -> Option<EphemeralCredential> {
        let in_force = self.keys.iter().filter(|key| key.validity.holds(now));
        let key = in_force.max_by_key(|key| key.validity.not_before)?;
        let user = user.map_or(Some(""), |user| Some(user).filter(|user| is_part(user)))?;
        let name = format!("{}:{user}:{}", now.plus(lifetime.min(LIFETIME_MAX)).0, key.id);
        let password = key.password(&name);
        Some(EphemeralCredential { name, password })
    }

    /// The passwords that a name may have: one where it says which key made it. Digest is checked against each.
    ///
    /// # Errors
    /// The name is good for nothing, whatever its password.
    pub fn passwords(&self, name: &str, now: UnixTime) -> Result<Vec<SecretText>, EphemeralRefusal> {
        let parsed = EphemeralName::parse(name)?;
        if parsed.expires.plus(CLOCK_LEEWAY) <= now {
            return Err(EphemeralRefusal::Expired);
        }
        if parsed.expires > now.plus(LIFETIME_MAX).plus(CLOCK_LEEWAY) {
            return Err(EphemeralRefusal::LivesTooLong);
        }
        let is_meant =
            |key: &&EphemeralKey| parsed.key.is_none_or(|id| key.id == id) && key.validity.holds(now);
        let (revoked, good): (Vec<_>, Vec<_>) = self
            .keys
            .iter()
            .filter(is_meant)
            .partition(|key| parsed.user.is_some_and(|user| key.revoked.contains(user)));
        if good.is_empty() && !revoked.is_empty() {
            return Err(EphemeralRefusal::Revoked);
        }
        let passwords: Vec<_> = good.into_iter().map(|key| key.password(name)).collect();
        if passwords.is_empty() { Err(EphemeralRefusal::UnknownKey) } else { Ok(passwords) }
    }

    /// Who a name is of, where its password is told.
    ///
    /// # Errors
    /// [`EphemeralRefusal`].
    pub fn verify<'n>(
        &self,
        name: &'n str,
        password: &SecretText,
        now: UnixTime,
    ) -> Result<EphemeralName<'n>, EphemeralRefusal> {
        let passwords = self.passwords(name, now)?;
        // Each is compared, in constant time.
        let right = passwords.iter().filter(|own| *own == password).count();
        if right > 0 { EphemeralName::parse(name) } else { Err(EphemeralRefusal::WrongPassword) }
    }
}

impl<'n> EphemeralName<'n> {
    /// Reads `EXPIRY[:USER[:KEY]]`; a user or key may be empty, which is none.
    ///
    /// # Errors
    /// [`EphemeralRefusal::Malformed`].
    pub fn parse(name: &'n str) -> Result<Self, EphemeralRefusal> {
        let mut parts = name.split(':');
        let expiry = parts.next().unwrap_or_default();
        let (user, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let is_number = expiry.bytes().all(|byte| byte.is_ascii_digit());
        let is_sound = |part: &str| part.is_empty() || is_part(part);
        if name.len() > NAME_MAX || parts.next().is_some() || !is_number || !is_sound(user) || !is_sound(key)
        {
            return Err(EphemeralRefusal::Malformed);
        }
        let expires = expiry.parse().map(UnixTime).map_err(|_| EphemeralRefusal::Malformed)?;
        let named = |part: &'n str| Some(part).filter(|part| !part.is_empty());
        Ok(Self { expires, user: named(user), key: named(key) })
    }
}

/// What users and keys are made of: no colon, and nothing that SIP would have to escape or quote.
fn is_part(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixTime = UnixTime(1_764_288_000);

    fn key(id: &str, secret: &str, hash: EphemeralHash, not_before: Option<u64>) -> EphemeralKey {
        let validity = Validity { not_before: not_before.map(UnixTime), not_after: None };
        EphemeralKey::new(id.to_owned(), SecretOctets::new(secret.into()), hash, validity).expect("a key")
    }

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    /// printf %s NAME | openssl dgst -sha1 -hmac SECRET -binary | base64, and with -sha256.
    #[test]
    fn passwords_are_those_of_openssl() {
        let name = "1764291600:alice";
        for (hash, expected) in [
            (EphemeralHash::Sha1, "9wFomFJCsbbQgQ6dBf6c5VirdA4="),
            (EphemeralHash::Sha256, "yhL72d08aShD3q5br4pTgkrLilfiyAfVhubAebYqmuw="),
        ] {
            let keys = EphemeralKeys::new(vec![key("k1", "north wind and sun", hash, None)]);
            assert_eq!(keys.passwords(name, NOW), Ok(vec![text(expected)]), "{hash:?}");
            let login = keys.verify(name, &text(expected), NOW).expect("it is right");
            assert_eq!((login.user, login.key), (Some("alice"), None));
        }
    }

    #[test]
    fn the_newest_key_makes_and_all_in_force_check() {
        let old = key("old", "north wind and sun", EphemeralHash::Sha256, None);
        let new = key("new", "the fox and grapes", EphemeralHash::Sha256, Some(NOW.0 + 100));
        let keys = EphemeralKeys::new(vec![new, old]);
        let hour = Duration::from_secs(3600);
        let by_old = keys.make(Some("alice"), hour, NOW).expect("a key is in force");
        assert_eq!(by_old.name, format!("{}:alice:old", NOW.0 + 3600));
        let later = NOW.plus(Duration::from_secs(100));
        let by_new = keys.make(None, hour, later).expect("a key is in force");
        assert_eq!(by_new.name, format!("{}::new", later.0 + 3600));
        for made in [&by_old, &by_new] {
            assert!(keys.verify(&made.name, &made.password, later).is_ok());
            assert_eq!(keys.passwords(&made.name, later).map(|own| own.len()), Ok(1), "the name says which");
        }
        assert_eq!(keys.verify(&by_new.name, &by_new.password, NOW), Err(EphemeralRefusal::UnknownKey));
        let unnamed = format!("{}:alice", later.0 + 60);
        assert_eq!(keys.passwords(&unnamed, later).map(|own| own.len()), Ok(2));
        assert!(keys.make(Some("a:b"), hour, NOW).is_none());
        assert!(EphemeralKeys::default().make(None, hour, NOW).is_none());
    }

    #[test]
    fn a_name_ends_and_none_lasts_for_more_than_a_day() {
        let keys = EphemeralKeys::new(vec![key("k1", "north wind and sun", EphemeralHash::Sha256, None)]);
        let passwords = |expires: u64| keys.passwords(&expires.to_string(), NOW).map(drop);
        assert_eq!(passwords(NOW.0 - 30), Err(EphemeralRefusal::Expired));
        assert_eq!(passwords(NOW.0 - 29), Ok(()));
        assert_eq!(passwords(NOW.0 + 86_430), Ok(()));
        assert_eq!(passwords(NOW.0 + 86_431), Err(EphemeralRefusal::LivesTooLong));
        assert_eq!(passwords(u64::MAX), Err(EphemeralRefusal::LivesTooLong));
    }

    #[test]
    fn a_user_whose_names_are_revoked_is_refused_by_that_key_and_nobody_else_is() {
        let own = key("k1", "north wind and sun", EphemeralHash::Sha256, None);
        let made = |user| {
            let made = EphemeralKeys::new(vec![own.clone()]).make(Some(user), Duration::from_secs(60), NOW);
            made.expect("a name")
        };
        let keys = EphemeralKeys::new(vec![own.clone().without(BTreeSet::from(["alice".to_owned()]))]);
        let (alice, bob) = (made("alice"), made("bob"));
        assert_eq!(keys.verify(&alice.name, &alice.password, NOW), Err(EphemeralRefusal::Revoked));
        assert!(keys.verify(&bob.name, &bob.password, NOW).is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in
            ["", ":", "alice", "12a:alice", "+12:alice", "99999999999999999999:a", "1:a b", "1:a:b:c", "1:ä"]
        {
            assert_eq!(EphemeralName::parse(name), Err(EphemeralRefusal::Malformed), "{name}");
        }
        let parsed = EphemeralName { expires: UnixTime(7), user: None, key: None };
        for name in ["7", "7:", "7::"] {
            assert_eq!(EphemeralName::parse(name), Ok(parsed), "{name}");
        }
    }

    #[test]
    fn secrets_that_can_be_guessed_are_none() {
        let new = |id: &str, secret: &str| {
            EphemeralKey::new(
                id.into(),
                SecretOctets::new(secret.into()),
                EphemeralHash::Sha256,
                Validity::default(),
            )
        };
        assert_eq!(new("k", "fifteen octets."), Err(EphemeralKeyFault::Short));
        assert_eq!(new("k:1", "sixteen octets.."), Err(EphemeralKeyFault::Id));
        assert!(new("k", "sixteen octets..").is_ok_and(|key| !format!("{key:?}").contains("octets.")));
    }

    proptest! {
        #[test]
        fn whoever_changes_a_bit_of_name_or_password_is_refused(at in 0usize..200, bit in 0u8..8) {
            let keys = EphemeralKeys::new(vec![key("k1", "north wind and sun", EphemeralHash::Sha256, None)]);
            let made = keys.make(Some("alice"), Duration::from_secs(600), NOW).expect("a key is in force");
            let mut whole = format!("{}\0{}", made.name, made.password.expose()).into_bytes();
            let at = at % whole.len();
            whole[at] ^= 1 << bit;
            let Ok(whole) = String::from_utf8(whole) else { return Ok(()) };
            let Some((name, password)) = whole.split_once('\0') else { return Ok(()) };
            prop_assert!(keys.verify(name, &text(password), NOW).is_err());
        }
    }
}
