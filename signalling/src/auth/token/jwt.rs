//! JSON Web Tokens (RFC 7519), signed (RFC 7515). A key has one algorithm, whatever a token's header says: so no public
//! key is taken for a secret, and "none" is no algorithm.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::claims::Claims;
use super::key::{KeyFault, MakeError};
use super::refusal::Refusal;
use crate::auth::secret::SecretOctets;

/// Fewest octets of a secret of HS256: those of its hash (RFC 7518 3.2).
pub const SECRET_MIN: usize = 32;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// A key that proves tokens, and makes them where it has the secret half.
#[derive(Debug, Clone)]
pub struct JwtKey {
    pub(super) verifier: Verifier,
    signing: Option<EncodingKey>,
}

/// What proves a token.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    pub(super) algorithm: JwtAlgorithm,
    key: DecodingKey,
}

/// What we look at of a header. It is signed, and says nothing that we believe but which key to try.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    alg: String,
    pub(super) kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl JwtAlgorithm {
    const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name, as headers have it (RFC 7518 3.1, RFC 8037 3.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl JwtKey {
    /// A secret that both sides have, for HS256.
    ///
    /// # Errors
    /// It is shorter than [`SECRET_MIN`].
    pub fn secret(octets: &SecretOctets) -> Result<Self, KeyFault> {
        let short = KeyFault::Short { given: octets.expose().len(), least: SECRET_MIN };
        if octets.expose().len() < SECRET_MIN {
            return Err(short);
        }
        let key = DecodingKey::from_secret(octets.expose()).map_err(|_| short.clone())?;
        let signing = EncodingKey::from_secret(octets.expose()).map_err(|_| short)?;
        Ok(Self { verifier: Verifier { algorithm: JwtAlgorithm::Hs256, key }, signing: Some(signing) })
    }

    /// A public key, PEM.
    ///
    /// # Errors
    /// It is none of this algorithm, or the algorithm has none.
    pub fn public(algorithm: JwtAlgorithm, pem: &[u8]) -> Result<Self, KeyFault> {
        let key = match algorithm {
            JwtAlgorithm::Hs256 => return Err(KeyFault::NotPublic),
            JwtAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem),
            JwtAlgorithm::Es256 => DecodingKey::from_ec_pem(pem),
            JwtAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem),
        };
        let key = key.map_err(|_| KeyFault::Pem(algorithm.name()))?;
        Ok(Self { verifier: Verifier { algorithm, key }, signing: None })
    }

    /// Whether it makes tokens, and does not prove them alone.
    #[must_use]
    pub const fn can_sign(&self) -> bool {
        self.signing.is_some()
    }

    /// The same with its private half, PEM, to make tokens by.
    ///
    /// # Errors
    /// It is none of this algorithm, or belongs to another public key.
    pub fn with_private(self, pem: &[u8]) -> Result<Self, KeyFault> {
        let algorithm = self.verifier.algorithm;
        let key = match algorithm {
            JwtAlgorithm::Hs256 => return Err(KeyFault::NotPublic),
            JwtAlgorithm::Rs256 => EncodingKey::from_rsa_pem(pem),
            JwtAlgorithm::Es256 => EncodingKey::from_ec_pem(pem),
            JwtAlgorithm::EdDsa => EncodingKey::from_ed_pem(pem),
        };
        let key = key.map_err(|_| KeyFault::Pem(algorithm.name()))?;
        let signed = crypto::sign(b"a pair", &key, algorithm.library())
            .map_err(|_| KeyFault::Pem(algorithm.name()))?;
        if self.verifier.proves("a pair", &signed) {
            Ok(Self { signing: Some(key), ..self })
        } else {
            Err(KeyFault::NoPair)
        }
    }

    pub(super) fn sign(&self, key: &str, claims: &Claims) -> Result<String, MakeError> {
        let signing = self.signing.as_ref().ok_or(MakeError::NoPrivateKey)?;
        let mut header = jsonwebtoken::Header::new(self.verifier.algorithm.library());
        header.kid = Some(key.to_owned());
        jsonwebtoken::encode(&header, claims, signing).map_err(|_| MakeError::NoPrivateKey)
    }
}

impl Verifier {
    pub(super) const fn new(algorithm: JwtAlgorithm, key: DecodingKey) -> Self {
        Self { algorithm, key }
    }

    pub(super) fn proves(&self, signed: &str, signature: &str) -> bool {
        crypto::verify(signature, signed.as_bytes(), &self.key, self.algorithm.library()).unwrap_or(false)
    }
}

impl Header {
    pub(super) fn parse(encoded: &str) -> Result<Self, Refusal> {
        let json = part(encoded)?;
        let header: Self = serde_json::from_slice(&json)
            .map_err(|_| Refusal::Malformed("its header is no JSON of a JWT"))?;
        if header.crit.is_some() { Err(Refusal::CriticalExtension) } else { Ok(header) }
    }

    /// Its algorithm; `None` for those that no key of ours can have.
    pub(super) fn algorithm(&self) -> Option<JwtAlgorithm> {
        JwtAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == self.alg)
    }
}

/// A part of a token.
pub(super) fn part(encoded: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Refusal::Malformed("it is no base64url"))
}
