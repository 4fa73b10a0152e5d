//! Our own format: nobody reads it, nobody changes it, and it names its key.
//!
//! ```text
//! wt1.KEY.BASE64URL( nonce, 12 octets | AES-256-GCM of the claims' JSON | tag, 16 octets )
//! '-----' associated data: the tag covers the version and the key's id too
//! ```
//!
//! The nonce is random: 2^32 tokens by one key are safe (NIST SP 800-38D 8.3), which is a key's life of years.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::claims::Claims;
use super::key::KeyFault;
use super::refusal::Refusal;
use crate::auth::secret::SecretOctets;

/// What our tokens begin with; another version would begin otherwise.
pub const PREFIX: &str = "wt1.";

/// Octets of a key.
pub const KEY_LEN: usize = 32;

/// A key of our own format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealingKey(SecretOctets);

impl SealingKey {
    /// Takes [`KEY_LEN`] octets.
    ///
    /// # Errors
    /// There are more or fewer.
    pub fn new(octets: SecretOctets) -> Result<Self, KeyFault> {
        match octets.expose().len() {
            KEY_LEN => Ok(Self(octets)),
            given => Err(KeyFault::Length { given, wanted: KEY_LEN }),
        }
    }

    /// Seals claims; the nonce must be random.
    pub(super) fn seal(&self, key: &str, claims: &Claims, nonce: [u8; NONCE_LEN]) -> String {
        let head = format!("{PREFIX}{key}");
        let mut sealed = Zeroizing::new(claims.to_json().expose().as_bytes().to_vec());
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&head), &mut *sealed)
            .expect("claims are shorter than 2^36 octets");
        let body = [&nonce, sealed.as_slice()].concat();
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(body))
    }

    /// Opens a body; `head` stands before it.
    pub(super) fn open(&self, head: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        // One text for each value: what differs in padding or in the last bits is refused.
        let body =
            URL_SAFE_NO_PAD.decode(body).map_err(|_| Refusal::Malformed("its body is no base64url"))?;
        let (nonce, sealed) =
            body.split_first_chunk::<NONCE_LEN>().ok_or(Refusal::Malformed("its body is too short"))?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.cipher().open_in_place(nonce, Aad::from(head), &mut opened);
        let length = plain.map_err(|_| Refusal::Forged)?.len();
        opened.truncate(length);
        Ok(opened)
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, self.0.expose()).expect("the length was checked");
        LessSafeKey::new(key)
    }
}
