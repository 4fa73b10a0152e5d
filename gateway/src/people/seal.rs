//! Secrets at rest: sealed by a key that the database does not have.
//!
//! ```text
//! nonce, 12 octets | AES-256-GCM of the secret | tag, 16 octets
//! ```
//!
//! The tag covers where a secret stands (`users/alice/ha1_md5`): who can write to the database can put none in another's place.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use webtrunk_signalling::auth::secret::SecretText;
use zeroize::Zeroizing;

/// Octets of a key.
const KEY_LEN: usize = 32;

/// What is hashed before a key, so that its id is the begin of no hash that anybody else makes of it.
const ID_DOMAIN: &[u8] = b"webtrunk store key\0";

/// Octets of an id: two keys of one store have not the same by chance, and nobody learns a key of 256 bits by 32 of its hash.
const ID_LEN: usize = 4;

/// A key of a store's secrets, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreKey {
    octets: Zeroizing<[u8; KEY_LEN]>,
    id: String,
}

/// A secret is sealed by another key, or stands where it was not put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret of {0} cannot be opened")]
pub struct Unopened(pub String);

impl StoreKey {
    /// Reads 64 hexadecimal digits; `None` where it is something else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut octets = Zeroizing::new([0; KEY_LEN]);
        if text.len() != 2 * KEY_LEN {
            return None;
        }
        for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
            *octet = u8::try_from(high? << 4 | low?).ok()?;
        }
        let hash = Sha256::new().chain_update(ID_DOMAIN).chain_update(*octets).finalize();
        let id = hash.iter().take(ID_LEN).map(|octet| format!("{octet:02x}")).collect();
        Some(Self { octets, id })
    }

    /// What rows say that it has sealed, and people may be told: the begin of its hash.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a secret for a place.
    #[must_use]
    pub fn seal(&self, place: &str, secret: &SecretText) -> Vec<u8> {
        // 2^32 secrets by one key are safe (NIST SP 800-38D 8.3).
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = Zeroizing::new(secret.expose().as_bytes().to_vec());
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut *sealed)
            .expect("a secret is shorter than 2^36 octets");
        [&nonce, sealed.as_slice()].concat()
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// It was sealed by another key, for another place, or changed.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<SecretText, Unopened> {
        let unopened = || Unopened(place.to_owned());
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(unopened)?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain =
            self.cipher().open_in_place(nonce, Aad::from(place), &mut opened).map_err(|_| unopened())?;
        let text = std::str::from_utf8(plain).map_err(|_| unopened())?;
        Ok(SecretText::new(text.to_owned()))
    }

    fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*self.octets).expect("it has as many octets"))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_opened_by_its_key_at_its_place_alone() {
        let [key, other] =
            ["0f".repeat(32), "f0".repeat(32)].map(|hex| StoreKey::from_hex(&hex).expect("a key"));
        let secret = SecretText::new("open sesame".to_owned());
        let sealed = key.seal("users/alice", &secret);
        assert_ne!(sealed, key.seal("users/alice", &secret), "none is the other's");
        assert!(!sealed.windows(6).any(|octets| octets == b"sesame"));
        assert_eq!(key.open("users/alice", &sealed), Ok(secret));
        assert!(key.open("users/bob", &sealed).is_err() && other.open("users/alice", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open("users/alice", &changed).is_err(), "{at}");
        }
        assert!(key.open("users/alice", &sealed[..11]).is_err() && key.open("users/alice", &[]).is_err());
        for wrong in ["", "0f", &"0f".repeat(33), &"g".repeat(64), &"é".repeat(32)] {
            assert!(StoreKey::from_hex(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "StoreKey");
    }

    /// (printf 'webtrunk store key\0'; printf '0f%.0s' $(seq 32) | xxd -r -p) | sha256sum | head -c 8
    #[test]
    fn a_key_is_known_by_the_begin_of_its_hash() {
        let key = StoreKey::from_hex(&"0f".repeat(32)).expect("a key");
        assert_eq!(key.id(), "79ddbde5");
        let upper = StoreKey::from_hex(&"0F".repeat(32)).expect("a key");
        assert_eq!(upper.id(), key.id(), "however it is written");
    }
}
