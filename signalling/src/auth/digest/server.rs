//! The server side: challenges, and who has answered one.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::algorithm::to_hex;
use super::fields::{Protection, escape};
use super::nonce::Nonces;
use super::replay::Used;
use super::{Algorithm, Challenge, Ha1, Response};

/// Where users' hashes are kept.
pub trait Credentials {
    /// The hash of a user; `None` where there is no such user or no hash of this algorithm.
    fn ha1(&self, user: &str, realm: &str, algorithm: Algorithm) -> Option<Ha1>;

    /// The user whose rights whoever logs in by this name has: another where a name is one that lasts for a while.
    fn user_of<'n>(&self, name: &'n str) -> &'n str {
        name
    }

    /// Whether a user is nobody any more, who may have logged in by a name that lasts for a while: of whom nothing is known otherwise.
    fn is_gone(&self, _user: &str, _realm: &str) -> bool {
        false
    }
}

/// How users are challenged.
#[derive(Debug, Clone)]
pub struct DigestConfig {
    /// The protection space, shown to users.
    pub realm: String,
    /// Algorithms offered, the preferred one first (RFC 8760 2.3). MD5 belongs last: JsSIP and SIP.js
    /// speak nothing else and look at the last challenge only.
    pub algorithms: Vec<Algorithm>,
    /// How long after it was made a nonce is taken.
    pub nonce_life: Duration,
}

/// A request was not authenticated: challenge it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No response for our realm in an algorithm that we offer, with `qop=auth`.
    #[error("no credentials")]
    Missing,
    /// A wrong response, of a user that may not exist.
    #[error("wrong credentials of {user}")]
    Wrong {
        /// Who it claims to be.
        user: String,
    },
    /// A right response to a nonce that is not good: too old, made for another address, not ours, or
    /// used before with this count.
    #[error("stale nonce of {user}")]
    Stale {
        /// Who has the right password.
        user: String,
    },
}

/// Challenges requests and checks the responses.
pub struct DigestServer {
    config: DigestConfig,
    /// The realm as between quotes.
    realm: String,
    nonces: Nonces,
    salts: StdRng,
    used: Used,
    /// The password of those who do not exist.
    nobody: String,
}

/// How long nonces live where nothing else is said: a login takes milliseconds, a phone that comes
/// later pays one more round trip.
const NONCE_LIFE: Duration = Duration::from_secs(60);

/// How many sets of credentials of one request are looked at. Chosen by us: a client has one for
/// each realm and algorithm on its way.
const RESPONSES_MAX: usize = 8;

impl DigestConfig {
    /// SHA-256 and MD5 are offered, nonces live a minute.
    #[must_use]
    pub fn new(realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            nonce_life: NONCE_LIFE,
        }
    }
}

impl DigestServer {
    /// Whether a user could authenticate here.
    #[must_use]
    pub fn knows(&self, user: &str, users: &dyn Credentials) -> bool {
        let realm = &self.config.realm;
        self.config.algorithms.iter().any(|algorithm| users.ha1(user, realm, *algorithm).is_some())
    }

    /// Whether a user who may have authenticated here is nobody any more.
    #[must_use]
    pub fn is_gone(&self, user: &str, users: &dyn Credentials) -> bool {
        users.is_gone(user, &self.config.realm)
    }

    /// Offers these algorithms from now on, the preferred one first.
    pub fn offer(&mut self, algorithms: Vec<Algorithm>) {
        self.config.algorithms = algorithms;
    }

    /// A server whose nonces `key`, to be random and secret, makes its own; `epoch` is any moment
    /// before the first `now`.
    #[must_use]
    pub fn new(config: DigestConfig, key: [u8; 32], epoch: Instant) -> Self {
        let derived = |purpose: &[u8]| -> [u8; 32] {
            Sha256::new().chain_update(purpose).chain_update(key).finalize().into()
        };
        Self {
            realm: escape(&config.realm),
            config,
            nonces: Nonces::new(&derived(b"nonce"), epoch),
            salts: StdRng::from_seed(derived(b"salt")),
            used: Used::default(),
            nobody: to_hex(&derived(b"nobody")),
        }
    }

    /// The values of the WWW-Authenticate fields of a 401, in the order to be sent.
    pub fn challenges(&mut self, peer: IpAddr, denied: &Denied, now: Instant) -> Vec<String> {
        let nonce = self.nonces.make(peer, self.salts.next_u64(), now);
        let challenge = |algorithm: &Algorithm| Challenge {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            algorithm: *algorithm,
            is_stale: matches!(denied, Denied::Stale { .. }),
            qop: Some(Protection::Auth),
            opaque: None,
        };
        self.config.algorithms.iter().map(|algorithm| challenge(algorithm).to_string()).collect()
    }

    /// Whether the value of an Authorization field is meant for us: credentials of another realm are on their
    /// way to somebody else, or from there (RFC 3261 22.3).
    #[must_use]
    pub fn is_for_us(&self, authorization: &str) -> bool {
        Response::parse(authorization).is_some_and(|response| response.realm == self.realm)
    }

    /// Whether a nonce is one that we sent to `peer`, of whatever age: then the peer is where it says.
    #[must_use]
    pub fn is_ours(&self, nonce: &str, peer: IpAddr) -> bool {
        self.nonces.check(nonce, peer).is_some()
    }

    /// Who sent a request: its method and Authorization values, from `peer`.
    ///
    /// The digest URI is hashed as it was given and not compared with the Request-URI, which proxies
    /// may rewrite (RFC 3261 22.4 leaves it to the server): what guards against reuse is the count.
    ///
    /// # Errors
    /// Why it must be challenged. Unknown users and wrong passwords cost the same time and get the
    /// same challenge.
    pub fn verify<'a>(
        &mut self,
        method: &str,
        authorizations: impl Iterator<Item = &'a str>,
        peer: IpAddr,
        store: &dyn Credentials,
        now: Instant,
    ) -> Result<String, Denied> {
        let response = authorizations
            .take(RESPONSES_MAX)
            .filter_map(Response::parse)
            .find(|response| {
                response.realm == self.realm && self.config.algorithms.contains(&response.algorithm)
            })
            .ok_or(Denied::Missing)?;
        let qop = response.qop.as_ref().ok_or(Denied::Missing)?;
        let count = u32::from_str_radix(&qop.nc, 16).map_err(|_| Denied::Missing)?;

        let user = response.user().into_owned();
        let known = store.ha1(&user, &self.config.realm, response.algorithm);
        let is_known = known.as_ref().is_some_and(|ha1| ha1.algorithm() == response.algorithm);
        let nobody = Ha1::new(response.algorithm, &user, &self.config.realm, &self.nobody);
        let ha1 = known.filter(|_| is_known).unwrap_or(nobody);
        let expected = ha1.response(method, &response.uri, &response.nonce, Some((&qop.nc, &qop.cnonce)));
        let given = response.response.to_ascii_lowercase();
        let is_right: bool = expected.as_bytes().ct_eq(given.as_bytes()).into();
        if !(is_right && is_known) {
            return Err(Denied::Wrong { user });
        }

        self.used.expire(|id| self.nonces.age(id, now).is_some_and(|age| age > self.config.nonce_life));
        let is_fresh = self.nonces.check(&response.nonce, peer).is_some_and(|id| {
            let is_young = self.nonces.age(id, now).is_some_and(|age| age <= self.config.nonce_life);
            is_young && self.used.insert(id, count)
        });
        if is_fresh { Ok(user) } else { Err(Denied::Stale { user }) }
    }
}
