//! Users by Digest, and names that last for a while beside them: a browser's SIP library logs in by such a name, and
//! has the rights of the user in it.

use std::sync::Arc;

use super::digest::{Algorithm, Credentials, Ha1};
use super::ephemeral::{EphemeralKeys, EphemeralName};
use super::validity::UnixTime;

/// Whoever tells what time it is by calendars.
pub type Calendar = fn() -> UnixTime;

/// The users, and the keys of names.
#[derive(Clone)]
pub struct EphemeralUsers {
    users: Arc<dyn Credentials + Send + Sync>,
    keys: EphemeralKeys,
    calendar: Calendar,
}

impl EphemeralUsers {
    /// Lets names of these keys in beside `users`.
    #[must_use]
    pub const fn new(
        users: Arc<dyn Credentials + Send + Sync>,
        keys: EphemeralKeys,
        calendar: Calendar,
    ) -> Self {
        Self { users, keys, calendar }
    }
}

impl Credentials for EphemeralUsers {
    /// A name has a time, a user and a key: without a key's id there would be several passwords, and a digest is checked
    /// against one. Users have no colons in their names.
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        if !user.contains(':') {
            return self.users.ha1(user, realm, algorithm);
        }
        EphemeralName::parse(user).ok().filter(|name| name.user.is_some())?;
        match self.keys.passwords(user, (self.calendar)()).ok()?.as_slice() {
            [password] => Some(Ha1::new(algorithm, user, realm, password.expose())),
            _ => None,
        }
    }

    fn user_of<'n>(&self, name: &'n str) -> &'n str {
        EphemeralName::parse(name).ok().and_then(|parsed| parsed.user).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::ephemeral::{EphemeralHash, EphemeralKey};
    use super::super::secret::SecretOctets;
    use super::super::validity::Validity;
    use super::*;

    const NOW: UnixTime = UnixTime(1_764_288_000);

    struct Alice;

    impl Credentials for Alice {
        fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
            (user == "alice").then(|| Ha1::new(algorithm, user, realm, "hers"))
        }
    }

    fn keys(ids: &[&str]) -> EphemeralKeys {
        let key = |id: &&str| {
            let secret = SecretOctets::new(format!("north wind and sun {id}").into_bytes());
            EphemeralKey::new((*id).to_owned(), secret, EphemeralHash::Sha256, Validity::default())
        };
        EphemeralKeys::new(ids.iter().map(key).collect::<Result<_, _>>().expect("keys"))
    }

    fn users(calendar: Calendar) -> EphemeralUsers {
        EphemeralUsers::new(Arc::new(Alice), keys(&["k1"]), calendar)
    }

    #[test]
    fn a_name_that_lasts_for_a_while_has_the_hash_of_its_password_and_the_rights_of_its_user() {
        let made = keys(&["k1"]).make(Some("bob"), Duration::from_secs(60), NOW).expect("a name");
        let own = users(|| NOW);
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let expected = Ha1::new(algorithm, &made.name, "r", made.password.expose());
            let hash = own.ha1(&made.name, "r", algorithm).expect("it is good");
            assert_eq!(hash.as_hex(), expected.as_hex());
        }
        assert_eq!((own.user_of(&made.name), own.user_of("alice")), ("bob", "alice"));
        assert!(
            own.ha1("alice", "r", Algorithm::Md5).is_some() && own.ha1("bob", "r", Algorithm::Md5).is_none()
        );
        let later = users(|| UnixTime(NOW.0 + 91));
        assert!(later.ha1(&made.name, "r", Algorithm::Md5).is_none(), "its time is over");
    }

    #[test]
    fn a_name_of_nobody_in_particular_or_of_an_unknown_key_is_nobodys() {
        let own = users(|| NOW);
        let far = NOW.0 + 600;
        for name in [format!("{far}"), format!("{far}::k1"), format!("{far}:bob:k2"), format!("{far}:b b:k1")]
        {
            assert!(own.ha1(&name, "r", Algorithm::Md5).is_none(), "{name}");
        }
        assert!(own.ha1(&format!("{far}:bob"), "r", Algorithm::Md5).is_some(), "there is one key");
        let two = EphemeralUsers::new(Arc::new(Alice), keys(&["k1", "k2"]), || NOW);
        assert!(two.ha1(&format!("{far}:bob"), "r", Algorithm::Md5).is_none(), "which of them?");
        assert!(two.ha1(&format!("{far}:bob:k2"), "r", Algorithm::Md5).is_some());
    }
}
