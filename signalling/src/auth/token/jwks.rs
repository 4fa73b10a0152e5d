//! The public keys of an identity provider (JWK Set, RFC 7517 5).

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;

use super::jwt::{JwtAlgorithm, Verifier};

/// Longest set, in octets. Chosen by us: a hundred RSA keys.
pub const SET_MAX: usize = 64 * 1024;

/// Keys by their ids.
#[derive(Debug, Clone)]
pub struct Jwks {
    keys: Vec<PublicKey>,
}

#[derive(Debug, Clone)]
struct PublicKey {
    id: Option<String>,
    verifier: Verifier,
}

/// No set that proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// It is longer than [`SET_MAX`].
    #[error("is longer than 64 KiB")]
    TooLong,
    /// It is no JSON with a list `keys`.
    #[error("is no JSON object with a list \"keys\"")]
    NotASet,
    /// It holds secrets, so it is not what is meant to be handed out.
    #[error("holds private keys; name the set of public ones")]
    PrivateKeys,
    /// None of its keys can prove a token.
    #[error("has no key for RS256, ES256 or EdDSA")]
    NoneUsable,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Jwks {
    /// Reads a set. Keys of kinds that we do not know are passed over (RFC 7517 5), and so are those for something
    /// else than proving signatures.
    ///
    /// # Errors
    /// None is left, or the set is none.
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        if json.len() > SET_MAX {
            return Err(JwksError::TooLong);
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| JwksError::NotASet)?;
        if set.keys.iter().any(|key| key.get("d").is_some()) {
            return Err(JwksError::PrivateKeys);
        }
        let keys: Vec<_> = set.keys.into_iter().filter_map(public_key).collect();
        if keys.is_empty() { Err(JwksError::NoneUsable) } else { Ok(Self { keys }) }
    }

    /// Those that a token may be proven by which names this id, or none.
    pub(super) fn named(&self, id: Option<&str>) -> impl Iterator<Item = &Verifier> {
        let is_meant = move |key: &&PublicKey| id.is_none_or(|id| key.id.as_deref() == Some(id));
        self.keys.iter().filter(is_meant).map(|key| &key.verifier)
    }
}

fn public_key(value: serde_json::Value) -> Option<PublicKey> {
    let key: Jwk = serde_json::from_value(value).ok()?;
    let algorithm = match &key.algorithm {
        AlgorithmParameters::RSA(_) => JwtAlgorithm::Rs256,
        AlgorithmParameters::EllipticCurve(own) if own.curve == EllipticCurve::P256 => JwtAlgorithm::Es256,
        AlgorithmParameters::OctetKeyPair(own) if own.curve == EllipticCurve::Ed25519 => JwtAlgorithm::EdDsa,
        // A symmetric key that is handed out is no secret.
        _ => return None,
    };
    let common = &key.common;
    let is_named = common.key_algorithm.is_none_or(|named| named.to_string() == algorithm.name());
    let is_for_signatures = common.public_key_use.as_ref().is_none_or(|own| *own == PublicKeyUse::Signature);
    let proves = common.key_operations.as_ref().is_none_or(|own| own.contains(&KeyOperations::Verify));
    if !(is_named && is_for_signatures && proves) {
        return None;
    }
    let id = common.key_id.clone();
    Some(PublicKey { id, verifier: Verifier::new(algorithm, DecodingKey::from_jwk(&key).ok()?) })
}
