//! Master keys as session descriptions carry them (RFC 4568 6.1, RFC 7714 14.1). Never printed by `Debug`.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;

use super::context::SrtpContext;
use super::profile::ProtectionProfile;

/// The longest key and salt: AES-256 and the salt of the Galois profiles.
const LENGTH_MAX: usize = 44;

/// Phones exist that leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The master key and salt of what one side sends, and the cipher that they are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SdesKey {
    profile: ProtectionProfile,
    /// Key and salt, then zeros.
    bytes: [u8; LENGTH_MAX],
}

impl SdesKey {
    /// A new key of ours.
    #[must_use]
    pub fn random(profile: ProtectionProfile) -> Self {
        let mut bytes = [0; LENGTH_MAX];
        rand::fill(&mut bytes[..length(profile)]);
        Self { profile, bytes }
    }

    /// Reads the text behind `inline:`; `None` if it is no base64 or not as long as `profile` wants.
    #[must_use]
    pub fn from_base64(profile: ProtectionProfile, text: &str) -> Option<Self> {
        let decoded = LENIENT.decode(text).ok().filter(|decoded| decoded.len() == length(profile))?;
        let mut bytes = [0; LENGTH_MAX];
        bytes[..decoded.len()].copy_from_slice(&decoded);
        Some(Self { profile, bytes })
    }

    /// The text behind `inline:`.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.bytes[..length(self.profile)])
    }

    /// What the key is for.
    #[must_use]
    pub const fn profile(&self) -> ProtectionProfile {
        self.profile
    }

    /// A context under this key that has seen no stream yet.
    #[must_use]
    pub fn context(&self) -> SrtpContext {
        let (key, rest) = self.bytes.split_at(self.profile.key_len());
        SrtpContext::new(self.profile, key, &rest[..self.profile.salt_len()])
            .expect("key and salt have the profile's lengths")
    }
}

impl fmt::Debug for SdesKey {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdesKey").field("profile", &self.profile).finish_non_exhaustive()
    }
}

fn length(profile: ProtectionProfile) -> usize {
    profile.key_len() + profile.salt_len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_with_padding_or_without() {
        for profile in ProtectionProfile::ALL {
            let key = SdesKey::random(profile);
            let text = key.to_base64();
            assert_eq!(SdesKey::from_base64(profile, &text), Some(key));
            assert_eq!(SdesKey::from_base64(profile, text.trim_end_matches('=')), Some(key));
            assert_eq!(SdesKey::from_base64(profile, &text[4..]), None, "three bytes are missing");
            assert_ne!(SdesKey::random(profile), key);
            assert_eq!(key.context().profile(), profile);
        }
    }

    #[test]
    fn the_key_of_rfc_4568_is_read() {
        // RFC 4568 6.1, 16 bytes of key and 14 of salt.
        let text = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
        let key = SdesKey::from_base64(ProtectionProfile::Aes128CmHmacSha1_80, text).expect("a key");
        assert_eq!(key.to_base64(), text);
        assert_eq!(key.bytes[..16], *b"wDfvg&T+)xG7@fb5");
        assert_eq!(SdesKey::from_base64(ProtectionProfile::AeadAes128Gcm, text), None, "28 bytes are wanted");
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = SdesKey::from_base64(ProtectionProfile::Aes128CmHmacSha1_80, &"q6ur".repeat(10));
        assert_eq!(format!("{key:?}"), "Some(SdesKey { profile: Aes128CmHmacSha1_80, .. })");
    }
}
