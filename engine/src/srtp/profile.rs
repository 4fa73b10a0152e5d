//! Protection profiles: which cipher, which tag, how long the keys (RFC 5764 4.1.2, RFC 7714 14.2).

use std::fmt;

/// Cipher and authentication of a context, as DTLS-SRTP negotiates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtectionProfile {
    /// AES-128 in counter mode, 80-bit tag: what every implementation has.
    Aes128CmHmacSha1_80,
    /// As above with a 32-bit tag on RTP; RTCP keeps 80 bits (RFC 5764 4.1.2).
    Aes128CmHmacSha1_32,
    /// AES-128 in Galois/counter mode, 128-bit tag.
    AeadAes128Gcm,
    /// AES-256 in Galois/counter mode, 128-bit tag.
    AeadAes256Gcm,
}

/// The master key and salt of one direction. Not printed by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey<'a> {
    /// As long as [`ProtectionProfile::key_len`] says.
    pub key: &'a [u8],
    /// As long as [`ProtectionProfile::salt_len`] says.
    pub salt: &'a [u8],
}

/// The master keys of both directions, as the DTLS exporter gave them (RFC 5764 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyingMaterial<'a> {
    /// Protects what the DTLS client sends.
    pub client: MasterKey<'a>,
    /// Protects what the DTLS server sends.
    pub server: MasterKey<'a>,
}

/// Keys are not as long as the profile wants them. Whoever negotiated them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} for {profile:?} has {got} bytes instead of {want}")]
pub struct KeyLengthError {
    /// The profile.
    pub profile: ProtectionProfile,
    /// Which part it was.
    pub what: &'static str,
    /// The length that the profile asks for, in bytes.
    pub want: usize,
    /// The length that was given, in bytes.
    pub got: usize,
}

impl ProtectionProfile {
    /// Every profile, cheapest per packet first.
    pub const ALL: [Self; 4] =
        [Self::AeadAes128Gcm, Self::AeadAes256Gcm, Self::Aes128CmHmacSha1_80, Self::Aes128CmHmacSha1_32];

    /// The profile of this number in the use_srtp extension.
    #[must_use]
    pub const fn from_dtls_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmHmacSha1_80),
            0x0002 => Some(Self::Aes128CmHmacSha1_32),
            0x0007 => Some(Self::AeadAes128Gcm),
            0x0008 => Some(Self::AeadAes256Gcm),
            _ => None,
        }
    }

    /// The name in `a=crypto` (RFC 4568 6.2, RFC 7714 14.1).
    #[must_use]
    pub const fn sdes_name(self) -> &'static str {
        match self {
            Self::Aes128CmHmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The profile of this name in `a=crypto`, compared without regard to case.
    #[must_use]
    pub fn from_sdes_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.sdes_name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Bytes of the authentication tag on RTP.
    #[must_use]
    pub const fn rtp_tag_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 => 10,
            Self::Aes128CmHmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Bytes of the authentication tag on RTCP.
    #[must_use]
    pub const fn rtcp_tag_len(self) -> usize {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => 10,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Bytes to ask of the DTLS exporter: keys and salts of both directions.
    #[must_use]
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Takes the exporter's bytes apart: client key, server key, client salt, server salt (RFC 5764 4.2).
    ///
    /// # Errors
    /// [`KeyLengthError`] if `bytes` is not [`Self::keying_material_len`] long.
    pub fn split_keying_material(self, bytes: &[u8]) -> Result<KeyingMaterial<'_>, KeyLengthError> {
        self.check_len("keying material", bytes, self.keying_material_len())?;
        let (keys, salts) = bytes.split_at(2 * self.key_len());
        let (client_key, server_key) = keys.split_at(self.key_len());
        let (client_salt, server_salt) = salts.split_at(self.salt_len());
        Ok(KeyingMaterial {
            client: MasterKey { key: client_key, salt: client_salt },
            server: MasterKey { key: server_key, salt: server_salt },
        })
    }

    /// Refuses `bytes` of another length than `want`.
    pub(super) const fn check_len(
        self,
        what: &'static str,
        bytes: &[u8],
        want: usize,
    ) -> Result<(), KeyLengthError> {
        if bytes.len() == want {
            Ok(())
        } else {
            Err(KeyLengthError { profile: self, what, want, got: bytes.len() })
        }
    }
}

impl fmt::Debug for MasterKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keying_material_is_split_in_the_order_of_rfc_5764() {
        for profile in ProtectionProfile::ALL {
            let (key, salt) = (profile.key_len(), profile.salt_len());
            let bytes = [vec![0xc1; key], vec![0x51; key], vec![0xc2; salt], vec![0x52; salt]].concat();
            let split = profile.split_keying_material(&bytes).expect("right length");
            assert_eq!(split.client, MasterKey { key: &vec![0xc1; key], salt: &vec![0xc2; salt] });
            assert_eq!(split.server, MasterKey { key: &vec![0x51; key], salt: &vec![0x52; salt] });

            let short = profile.split_keying_material(&bytes[1..]).expect_err("a byte is missing");
            assert_eq!((short.want, short.got), (bytes.len(), bytes.len() - 1));
        }
    }

    #[test]
    fn exporter_lengths_are_those_of_the_rfcs() {
        let lengths = ProtectionProfile::ALL.map(ProtectionProfile::keying_material_len);
        assert_eq!(lengths, [56, 88, 60, 60]);
    }

    #[test]
    fn dtls_ids_are_those_of_the_registry() {
        let registered = [0x0001, 0x0002, 0x0007, 0x0008].map(ProtectionProfile::from_dtls_id);
        for profile in ProtectionProfile::ALL {
            assert_eq!(registered.iter().filter(|it| **it == Some(profile)).count(), 1, "{profile:?}");
        }
        assert_eq!(ProtectionProfile::from_dtls_id(5), None, "NULL cipher");
        assert_eq!(ProtectionProfile::from_dtls_id(0), None);
    }

    #[test]
    fn keys_are_not_printed() {
        let material = [0xab; 60];
        let split =
            ProtectionProfile::Aes128CmHmacSha1_80.split_keying_material(&material).expect("right length");
        assert!(!format!("{split:?}").contains("171"));
    }
}
