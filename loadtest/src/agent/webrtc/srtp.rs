//! SRTP of one call: one context for each direction.

use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use crate::agent::AgentError;

/// An SRTP protection profile, RFC 5764 4.1.2 and RFC 7714 14.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SrtpProfile {
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    Aes128CmHmacSha1_80,
    /// `SRTP_AES128_CM_HMAC_SHA1_32`, which browsers do not offer.
    Aes128CmHmacSha1_32,
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
}

/// What a DTLS handshake gave for SRTP.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) profile: SrtpProfile,
    /// Client key, server key, client salt, server salt (RFC 5764 4.2).
    pub(super) material: Vec<u8>,
}

/// Both directions.
pub(super) struct Srtp {
    tx: Context,
    rx: Context,
}

/// Packets that replay protection looks back.
const REPLAY_WINDOW: usize = 64;

impl SrtpProfile {
    /// What browsers offer, in Chromium's order.
    pub const ALL: [Self; 3] = [Self::Aes128CmHmacSha1_80, Self::AeadAes128Gcm, Self::AeadAes256Gcm];

    pub(super) const fn to_dtls(self) -> SrtpProtectionProfile {
        match self {
            Self::Aes128CmHmacSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            Self::Aes128CmHmacSha1_32 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32,
            Self::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            Self::AeadAes256Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
        }
    }

    pub(super) fn from_dtls(profile: SrtpProtectionProfile) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.to_dtls() == profile)
    }

    /// Octets of key and salt.
    pub(in crate::agent) const fn lengths(self) -> (usize, usize) {
        match self {
            Self::Aes128CmHmacSha1_80 | Self::Aes128CmHmacSha1_32 => (16, 14),
            Self::AeadAes128Gcm => (16, 12),
            Self::AeadAes256Gcm => (32, 12),
        }
    }

    /// Octets that DTLS must export.
    pub(super) const fn material_len(self) -> usize {
        let (key, salt) = self.lengths();
        2 * (key + salt)
    }

    /// The name in `a=crypto` (RFC 4568 6.2, RFC 7714 14.1).
    pub(in crate::agent) const fn sdes_name(self) -> &'static str {
        match self {
            Self::Aes128CmHmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    const fn to_srtp(self) -> ProtectionProfile {
        match self {
            Self::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Self::Aes128CmHmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
            Self::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Self::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        }
    }
}

/// A context of one direction.
///
/// # Errors
/// The library refuses the key.
pub(in crate::agent) fn srtp_context(
    profile: SrtpProfile,
    key: &[u8],
    salt: &[u8],
) -> Result<Context, AgentError> {
    let provider = rtc_dtls::crypto_provider::default_provider().map_err(AgentError::library)?;
    Context::new(
        key,
        salt,
        profile.to_srtp(),
        Some(srtp_replay_protection(REPLAY_WINDOW)),
        Some(srtcp_replay_protection(REPLAY_WINDOW)),
        provider.crypto(),
    )
    .map_err(AgentError::library)
}

impl Srtp {
    /// # Errors
    /// The library refuses the keys.
    pub(super) fn new(keys: &Keys, is_client: bool) -> Result<Self, AgentError> {
        let (key, salt) = keys.profile.lengths();
        let (all_keys, salts) = keys.material.split_at(2 * key);
        let context =
            |at: usize| srtp_context(keys.profile, &all_keys[at * key..][..key], &salts[at * salt..][..salt]);
        let (client, server) = (context(0)?, context(1)?);
        let (tx, rx) = if is_client { (client, server) } else { (server, client) };
        Ok(Self { tx, rx })
    }

    pub(super) fn protect_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.tx.encrypt_rtp(packet).ok().map(Into::into)
    }

    pub(super) fn protect_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.tx.encrypt_rtcp(packet).ok().map(Into::into)
    }

    pub(super) fn unprotect_rtp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.rx.decrypt_rtp(packet).ok().map(Into::into)
    }

    pub(super) fn unprotect_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        self.rx.decrypt_rtcp(packet).ok().map(Into::into)
    }
}
