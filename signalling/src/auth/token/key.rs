//! A key, and the tokens that it makes and opens.

use super::bridge::BridgeKey;
use super::claims::Claims;
use super::fetched_keys::FetchedKeys;
use super::jwks::Jwks;
use super::jwt::JwtKey;
use super::legacy::LegacyKey;
use super::refusal::Refusal;
use super::sealed::SealingKey;
use super::shape::is_key_id;
use super::terms::Terms;
use crate::auth::validity::{UnixTime, Validity};

/// A key, with its terms.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// Its name, which tokens of our own format and JWTs carry.
    pub id: String,
    /// What it opens.
    pub kind: KeyKind,
    /// When it is in force. Of several in force, the one that began last makes tokens; all open them.
    pub validity: Validity,
    /// What its tokens may say.
    pub terms: Terms,
}

/// The kinds of keys.
#[derive(Debug, Clone)]
pub enum KeyKind {
    /// Of our own format.
    Sealed(SealingKey),
    /// Of JWTs.
    Jwt(JwtKey),
    /// Of JWTs, a set of public keys with ids of their own.
    Jwks(Jwks),
    /// The same of a set that is kept elsewhere.
    Fetched(FetchedKeys),
    /// Of the web call server's tokens with a MAC.
    Bridge(BridgeKey),
    /// Of the same without.
    Legacy(LegacyKey),
}

/// The formats of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Our own.
    Sealed,
    /// JWT.
    Jwt,
    /// The web call server's with a MAC.
    Bridge,
    /// The same without.
    Legacy,
}

/// Something is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It has another length than its kind needs.
    #[error("has {given} octets, and keys of this kind have {wanted}")]
    Length {
        /// Octets that it has.
        given: usize,
        /// Octets that it should have.
        wanted: usize,
    },
    /// It is too short to withstand guessing.
    #[error("has {given} octets, and {least} are the least that withstand guessing")]
    Short {
        /// Octets that it has.
        given: usize,
        /// Octets that it should have at least.
        least: usize,
    },
    /// It is no key in PEM, of this algorithm.
    #[error("is no key for {0} in PEM")]
    Pem(&'static str),
    /// The algorithm has no public keys.
    #[error("is of an algorithm that has no public keys")]
    NotPublic,
    /// A private key belongs to another public one.
    #[error("belongs to another public key")]
    NoPair,
    /// An application's name cannot stand before a colon.
    #[error("is no name of an application")]
    App,
    /// An id cannot stand in a token.
    #[error("is no id of a key")]
    Id,
}

/// No token is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// The key can prove tokens only.
    #[error("the key has no private half, and proves tokens only")]
    NoPrivateKey,
    /// The format needs it.
    #[error("this format needs the claim {0:?}")]
    Lacks(&'static str),
    /// A claim, or a reference to a password, would be lost.
    #[error("this format holds an account with its password and an expiry, and nothing else")]
    NotSayable,
    /// The gateway would refuse it.
    #[error("it would be refused: {0}")]
    WouldBeRefused(#[from] Refusal),
}

impl TokenKey {
    /// A key by its name.
    ///
    /// # Errors
    /// [`KeyFault::Id`], where the name has other than 1 to 64 letters, digits and - _.
    pub fn new(id: String, kind: KeyKind, validity: Validity, terms: Terms) -> Result<Self, KeyFault> {
        if is_key_id(&id) { Ok(Self { id, kind, validity, terms }) } else { Err(KeyFault::Id) }
    }

    /// The format of its tokens.
    #[must_use]
    pub const fn format(&self) -> Format {
        match self.kind {
            KeyKind::Sealed(_) => Format::Sealed,
            KeyKind::Jwt(_) | KeyKind::Jwks(_) | KeyKind::Fetched(_) => Format::Jwt,
            KeyKind::Bridge(_) => Format::Bridge,
            KeyKind::Legacy(_) => Format::Legacy,
        }
    }

    /// Whether it makes tokens, and does not prove them alone.
    #[must_use]
    pub const fn can_make(&self) -> bool {
        match &self.kind {
            KeyKind::Sealed(_) => true,
            KeyKind::Jwt(key) => key.can_sign(),
            // What the web call server's tokens can say is an account.
            KeyKind::Jwks(_) | KeyKind::Fetched(_) | KeyKind::Bridge(_) | KeyKind::Legacy(_) => false,
        }
    }

    /// Makes a token that will be let in; the nonce must be random.
    ///
    /// # Errors
    /// The key cannot, or the claims break its terms.
    pub fn make(&self, claims: &Claims, nonce: [u8; 12], now: UnixTime) -> Result<String, MakeError> {
        self.terms.judge(claims, self.format(), now)?;
        match &self.kind {
            KeyKind::Sealed(key) => Ok(key.seal(&self.id, claims, nonce)),
            KeyKind::Jwt(key) => key.sign(&self.id, claims),
            KeyKind::Jwks(_) | KeyKind::Fetched(_) => Err(MakeError::NoPrivateKey),
            KeyKind::Bridge(key) => key.make(claims),
            KeyKind::Legacy(key) => key.cipher.make(claims),
        }
    }
}

impl Format {
    /// Its name, in logs and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "wt1",
            Self::Jwt => "jwt",
            Self::Bridge => "bridge",
            Self::Legacy => "legacy",
        }
    }

    /// Whether the web call server's makers make it, who know an account and an expiry, and nothing else.
    #[must_use]
    pub const fn is_of_web_call_server(self) -> bool {
        matches!(self, Self::Bridge | Self::Legacy)
    }
}
