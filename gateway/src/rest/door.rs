//! Who is let in: whoever brings a key that is in force. Who guesses waits.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use tracing::warn;
use webtrunk_signalling::auth::limits::{FailureLimits, Proof};
use webtrunk_signalling::auth::validity::UnixTime;
use webtrunk_signalling::calendar;
use webtrunk_signalling::lock::lock;

use super::keys::{ApiKey, ApiKeys, claimed_id};
use super::problem::Problem;
use super::rates::Rates;
use crate::http::basic::decoded;

/// Longest key that is looked at, in octets.
const KEY_MAX: usize = 128;

/// The door; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Door(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: RwLock<ApiKeys>,
    failures: Mutex<FailureLimits>,
    rates: Mutex<Rates>,
    limited: AtomicU64,
}

impl Door {
    /// Lets these in from now on, each for so many requests in a minute.
    pub fn take_up(&self, keys: ApiKeys, per_minute: u32) {
        lock(&self.0.rates).limit(per_minute, |id| keys.has_id(id));
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Whether a key that was let in would be now.
    #[must_use]
    pub fn has(&self, key: &ApiKey) -> bool {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        keys.has(key, UnixTime::from(calendar::now()))
    }

    /// How many requests were refused since their keys made too many.
    #[must_use]
    pub fn limited(&self) -> u64 {
        self.0.limited.load(Ordering::Relaxed)
    }

    /// The key that a request brings which came from there.
    ///
    /// # Errors
    /// [`Problem`] where it brings none that is in force; it is not looked into why where too many were wrong from there. Or the key
    /// made more requests than it may.
    pub fn admit(&self, authorization: Option<&str>, source: IpAddr) -> Result<ApiKey, Problem> {
        let lacks = "send `Authorization: Bearer KEY`; `webtrunk apikey make` makes one";
        let key = authorization.and_then(bearer).ok_or_else(|| Problem::unauthorized(lacks))?;
        self.judge(key, source)
    }

    /// The same, where it may also come by HTTP's basic authentication: the key is the password then, and the name its id or its
    /// customer.
    ///
    /// # Errors
    /// Those of [`Self::admit`].
    pub fn admit_by_basic(&self, authorization: Option<&str>, source: IpAddr) -> Result<ApiKey, Problem> {
        let Some(pair) = authorization.and_then(decoded) else { return self.admit(authorization, source) };
        let (name, key) = pair.split_once(':').unwrap_or_default();
        let key = Some(key).filter(|key| key.len() <= KEY_MAX).unwrap_or_default();
        let found = self.judge(key, source)?;
        let is_its = name == found.id || found.customer.as_deref() == Some(name);
        if is_its {
            Ok(found)
        } else {
            Err(Problem::unauthorized("the name is neither the key's nor its customer's"))
        }
    }

    fn judge(&self, key: &str, source: IpAddr) -> Result<ApiKey, Problem> {
        let (id, now) = (claimed_id(key), Instant::now());
        // Nobody guesses 256 bits, and others may come from the address of who tries: what is right is always let in.
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(found) = keys.find(key, UnixTime::from(calendar::now())) {
            if let Err(wait) = lock(&self.0.rates).take(&found.id, now) {
                self.0.limited.fetch_add(1, Ordering::Relaxed);
                return Err(Problem::too_many_requests(wait));
            }
            return Ok(found.clone());
        }
        // The source of a connection is sure.
        if lock(&self.0.failures).must_wait(source, id, Proof::Reached, now) {
            return Err(Problem::too_many_failures());
        }
        if let Some(shut_out) = lock(&self.0.failures).failed(source, id, Proof::Reached, now) {
            warn!(%source, id, ?shut_out, "wrong API keys: who sends them waits");
        }
        Err(Problem::unauthorized("no key in force is this one"))
    }
}

/// The token of an Authorization (RFC 6750 2.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    Some(key.trim()).filter(|key| scheme.eq_ignore_ascii_case("Bearer") && key.len() <= KEY_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use webtrunk_signalling::auth::validity::Validity;

    use super::super::keys::MadeKey;
    use super::*;

    #[test]
    fn who_guesses_waits_and_nobody_else() {
        let made = MadeKey::new("crm").expect("an id");
        let door = Door::default();
        let key = |hash| ApiKey {
            id: "crm".into(),
            hash,
            scopes: BTreeSet::new(),
            customer: None,
            validity: Validity::default(),
        };
        door.take_up(ApiKeys::new(vec![key(made.hash)]), 4);
        let [here, there] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let sound = format!("bearer {}", made.key.expose());
        let asks = |text: &str, source| door.admit(Some(text), source).map_err(|problem| problem.status);
        assert!(asks(&sound, here).is_ok());
        assert_eq!(door.admit(None, here).map_err(|problem| problem.status).err(), Some(401));
        for _ in 0..10 {
            assert_eq!(asks("Bearer wk_crm_guess", here).err(), Some(401));
        }
        assert_eq!(asks("Bearer wk_crm_guess", here).err(), Some(429));
        assert!(asks(&sound, here).is_ok(), "others may come from there too");
        assert!(asks(&sound, there).is_ok());
        // As many as it may, wherever they come from.
        assert!(asks(&sound, here).is_ok());
        let told = door.admit(Some(&sound), there).expect_err("one too many");
        assert_eq!((told.status, told.retry_after_s, door.limited()), (429, Some(15), 1));
        // It is taken out.
        door.take_up(ApiKeys::default(), 4);
        assert_eq!(asks(&sound, there).err(), Some(401));
    }

    #[test]
    fn a_key_is_a_password_too_where_that_is_asked_for_and_is_its_customers_alone() {
        let made = MadeKey::new("acme-web").expect("an id");
        let (id, customer) = ("acme-web".to_owned(), Some("acme".to_owned()));
        let key =
            ApiKey { id, hash: made.hash, scopes: BTreeSet::new(), customer, validity: Validity::default() };
        let door = Door::default();
        door.take_up(ApiKeys::new(vec![key]), 100);
        let source = IpAddr::from([192, 0, 2, 1]);
        let basic =
            |name: &str, password: &str| format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        let asks = |text: &str| door.admit_by_basic(Some(text), source).map_err(|problem| problem.status);
        let own = made.key.expose();
        for sound in [basic("acme", own), basic("acme-web", own), format!("Bearer {own}")] {
            assert!(asks(&sound).is_ok(), "{sound}");
        }
        let long = "x".repeat(200);
        for wrong in
            [basic("bolt", own), basic("", own), basic("acme", "wk_acme-web_guess"), basic("acme", &long)]
        {
            assert_eq!(asks(&wrong).err(), Some(401), "{wrong}");
        }
        assert_eq!(door.admit_by_basic(None, source).err().map(|problem| problem.status), Some(401));
        let elsewhere = door.admit(Some(&basic("acme", own)), source);
        assert_eq!(elsewhere.err().map(|problem| problem.status), Some(401), "not where nobody asks for it");
    }
}
