//! The web call server's tokens with a MAC appended: one line more where they are made, and nobody forges them.
//!
//! ```text
//! APP:HEX.BASE64URL( HMAC-SHA256( mac key, "gw-token-v1." APP ":" HEX ) )
//! ```
//!
//! The MAC is checked before anything is opened. What it does not mend is the encryption: who knows what stands in one
//! token reads the others, so passwords within are to be replaced by our own format's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::claims::Claims;
use super::key::{KeyFault, MakeError};
use super::legacy::{LegacyCipher, octets};
use super::refusal::Refusal;
use crate::auth::secret::SecretOctets;

/// What the MAC covers before the token, so that it is the MAC of nothing else.
pub const LABEL: &str = "gw-token-v1.";

/// Fewest octets of a MAC's key. Chosen by us: who has a token can guess at it for as long as it likes.
pub const MAC_KEY_MIN: usize = 16;

/// A cipher, and the key of its tokens' MACs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeKey {
    cipher: LegacyCipher,
    mac_key: SecretOctets,
}

impl BridgeKey {
    /// Takes a cipher and at least [`MAC_KEY_MIN`] octets.
    ///
    /// # Errors
    /// There are fewer.
    pub fn new(cipher: LegacyCipher, mac_key: SecretOctets) -> Result<Self, KeyFault> {
        match mac_key.expose().len() {
            MAC_KEY_MIN.. => Ok(Self { cipher, mac_key }),
            given => Err(KeyFault::Short { given, least: MAC_KEY_MIN }),
        }
    }

    /// The application whose tokens it opens.
    #[must_use]
    pub fn app(&self) -> &str {
        self.cipher.app()
    }

    pub(super) fn make(&self, claims: &Claims) -> Result<String, MakeError> {
        let signed = self.cipher.make(claims)?;
        let mac = self.mac(&signed).finalize().into_bytes();
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac)))
    }

    /// Whether a MAC is that of what stands before it.
    pub(super) fn proves(&self, signed: &str, mac: &str) -> bool {
        URL_SAFE_NO_PAD.decode(mac).is_ok_and(|mac| self.mac(signed).verify_slice(&mac).is_ok())
    }

    /// What a token says that was proven.
    pub(super) fn open(&self, hex: &str) -> Result<Claims, Refusal> {
        self.cipher.open(&octets(hex)?)
    }

    fn mac(&self, signed: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(self.mac_key.expose()).expect("a key of any length will do");
        mac.chain_update(LABEL).chain_update(signed)
    }
}
