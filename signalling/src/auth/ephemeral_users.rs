//! Users by Digest, and names that last for a while beside them: a browser's SIP library logs in by such a name, and
//! has the rights of the user in it.

use std::collections::HashSet;
use std::sync::Arc;

use super::digest::{Algorithm, Credentials, Ha1};
use super::ephemeral::{EphemeralKeys, EphemeralName};
use super::issuer::customer_of;
use super::validity::UnixTime;

/// Whoever tells what time it is by calendars.
pub type Calendar = fn() -> UnixTime;

/// The users, and the keys of names.
#[derive(Clone)]
pub struct EphemeralUsers {
    users: Arc<dyn Credentials + Send + Sync>,
    keys: EphemeralKeys,
    customers: Option<HashSet<String>>,
    calendar: Calendar,
}

impl EphemeralUsers {
    /// Lets names of these keys in beside `users`, but those of users of a customer that is none of these; `None` where nobody is
    /// one.
    #[must_use]
    pub const fn new(
        users: Arc<dyn Credentials + Send + Sync>,
        keys: EphemeralKeys,
        customers: Option<HashSet<String>>,
        calendar: Calendar,
    ) -> Self {
        Self { users, keys, customers, calendar }
    }
}

impl Credentials for EphemeralUsers {
    /// A name has a time, a user and a key: without a key's id there would be several passwords, and a digest is checked
    /// against one. Users have no colons in their names.
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1> {
        if !user.contains(':') {
            return self.users.ha1(user, realm, algorithm);
        }
        let named = EphemeralName::parse(user).ok()?.user?;
        if self.is_gone(named, realm) {
            return None;
        }
        match self.keys.passwords(user, (self.calendar)()).ok()?.as_slice() {
            [password] => Some(Ha1::new(algorithm, user, realm, password.expose())),
            _ => None,
        }
    }

    fn user_of<'n>(&self, name: &'n str) -> &'n str {
        EphemeralName::parse(name).ok().and_then(|parsed| parsed.user).unwrap_or(name)
    }

    /// Also who is of a customer that is not there, or not now: nobody's limits, trunks and networks would be its own.
    fn is_gone(&self, user: &str, realm: &str) -> bool {
        let is_absent =
            |customer: &str| self.customers.as_ref().is_some_and(|known| !known.contains(customer));
        let is_nobody = |algorithm: &Algorithm| self.users.ha1(user, realm, *algorithm).is_none();
        let is_of_absent = customer_of(user).is_some_and(is_absent)
            && [Algorithm::Sha256, Algorithm::Md5].iter().all(is_nobody);
        is_of_absent || self.users.is_gone(user, realm)
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
            ["alice", "gone+alice"].contains(&user).then(|| Ha1::new(algorithm, user, realm, "hers"))
        }

        fn is_gone(&self, user: &str, _realm: &str) -> bool {
            user == "acme+dora"
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
        EphemeralUsers::new(Arc::new(Alice), keys(&["k1"]), None, calendar)
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
        let two = EphemeralUsers::new(Arc::new(Alice), keys(&["k1", "k2"]), None, || NOW);
        assert!(two.ha1(&format!("{far}:bob"), "r", Algorithm::Md5).is_none(), "which of them?");
        assert!(two.ha1(&format!("{far}:bob:k2"), "r", Algorithm::Md5).is_some());
    }

    #[test]
    fn a_name_of_a_customer_that_is_gone_or_of_who_is_disabled_is_nobodys() {
        let far = NOW.0 + 600;
        let of = |customers: Option<&[&str]>, user: &str| {
            let customers = customers.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let own = EphemeralUsers::new(Arc::new(Alice), keys(&["k1"]), customers, || NOW);
            own.ha1(&format!("{far}:{user}:k1"), "r", Algorithm::Md5).is_some()
        };
        for user in ["acme+bob", "bob", "+49301", "gone+alice"] {
            assert!(of(Some(&["acme"]), user), "{user}");
        }
        // The last one may be disabled.
        for customers in [&["acme"][..], &[]] {
            assert!(!of(Some(customers), "gone+bob"), "{customers:?}");
        }
        assert!(of(None, "gone+bob"), "nobody is a customer");
        assert!(!of(Some(&["acme"]), "acme+dora") && !of(None, "acme+dora"), "she is disabled");
    }
}
