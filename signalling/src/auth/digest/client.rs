//! The client side: proving ourselves to a trunk.

use std::fmt;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use super::fields::{Qop, escape, unescape};
use super::{Algorithm, Challenge, Ha1, Response};

/// Answers the challenges of one peer. Whether a challenge came from that peer is the caller's to
/// know; of its realm this type makes sure.
pub struct DigestClient {
    username: String,
    password: String,
    /// The configured realm, or that of the first challenge.
    realm: Option<String>,
    session: Option<Session>,
    rng: StdRng,
}

/// The challenge that is being answered, and how often it was.
struct Session {
    challenge: Challenge,
    ha1: Ha1,
    count: u32,
}

/// How often one request was challenged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempts(u8);

/// A challenge is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The peer asks for another realm than configured.
    #[error("it is of another realm than the account's")]
    OtherRealm,
    /// The peer asks in no way that we know.
    #[error("it is of no kind that can be answered")]
    UnknownKind,
    /// The peer did not take the password.
    #[error("credentials refused")]
    Refused,
    /// The peer challenges again and again.
    #[error("challenged too often")]
    TooOften,
}

/// How often one request is answered: once, and once more where the nonce was stale.
const ATTEMPTS_MAX: u8 = 2;

impl DigestClient {
    /// Credentials for a peer. Without a realm, the one that it first asks for is kept. `seed` is
    /// random, for client nonces.
    #[must_use]
    pub fn new(username: &str, password: &str, realm: Option<&str>, seed: [u8; 32]) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            realm: realm.map(escape),
            session: None,
            rng: StdRng::from_seed(seed),
        }
    }

    /// Takes the challenges of a 401 or 407, the strongest algorithm first. The request is to be sent
    /// again with what [`authorize`](Self::authorize) gives.
    ///
    /// # Errors
    /// Why it must not be sent again.
    pub fn handle_challenge<'a>(
        &mut self,
        challenges: impl Iterator<Item = &'a str>,
        attempts: &mut Attempts,
    ) -> Result<(), ClientError> {
        let mut refusal = ClientError::UnknownKind;
        let challenge = challenges
            .filter_map(Challenge::parse)
            .inspect(|_| refusal = ClientError::OtherRealm)
            .filter(|challenge| self.realm.as_ref().is_none_or(|realm| *realm == challenge.realm))
            .reduce(|one, two| if two.algorithm > one.algorithm { two } else { one });
        let challenge = challenge.ok_or(refusal)?;
        if attempts.0 >= ATTEMPTS_MAX {
            return Err(ClientError::TooOften);
        }
        // A second challenge that does not blame the nonce blames the password, whatever nonce it has.
        if attempts.0 > 0 && !challenge.is_stale {
            self.session = None;
            return Err(ClientError::Refused);
        }
        attempts.0 += 1;
        let ha1 = Ha1::new(challenge.algorithm, &self.username, &unescape(&challenge.realm), &self.password);
        self.realm = Some(challenge.realm.clone());
        self.session = Some(Session { challenge, ha1, count: 0 });
        Ok(())
    }

    /// The value of Authorization or Proxy-Authorization for a request; `None` before the first
    /// challenge. Each call uses the nonce once more, so a request sent anew asks anew.
    pub fn authorize(&mut self, method: &str, uri: &str) -> Option<String> {
        self.authorize_with(method, uri, b"")
    }

    /// [`authorize`](Self::authorize) for a request with a body, which servers may ask to be protected too.
    pub fn authorize_with(&mut self, method: &str, uri: &str, body: &[u8]) -> Option<String> {
        let session = self.session.as_mut()?;
        session.count = session.count.checked_add(1)?;
        let qop = session.challenge.qop.map(|protection| Qop {
            cnonce: format!("{:016x}", self.rng.next_u64()),
            nc: format!("{:08x}", session.count),
            protection,
        });
        let count = qop.as_ref().map(|qop| (&*qop.nc, &*qop.cnonce, qop.protection));
        let response = Response {
            username: escape(&self.username),
            realm: session.challenge.realm.clone(),
            nonce: session.challenge.nonce.clone(),
            uri: uri.into(),
            response: session.ha1.response_with((method, uri, body), &session.challenge.nonce, count),
            algorithm: session.challenge.algorithm,
            qop,
            opaque: session.challenge.opaque.clone(),
        };
        Some(response.to_string())
    }

    /// The algorithm in use; `None` before the first challenge.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.session.as_ref().map(|session| session.challenge.algorithm)
    }
}

impl fmt::Debug for DigestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestClient")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}
