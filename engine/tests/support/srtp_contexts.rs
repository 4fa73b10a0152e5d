//! The same keys in a context of ours and in one of an independent implementation.

use rtc_srtp::context::Context;
use rtc_srtp::crypto::{RTCCryptoProvider, providers::RingProvider};
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile as TheirProfile;
use webtrunk_engine::srtp::{ProtectionProfile, SrtpContext};

const KEY: [u8; 32] = *b"thirty-two bytes of a master key";
const SALT: [u8; 14] = *b"14 bytes: salt";

pub(crate) fn our_context(profile: ProtectionProfile) -> SrtpContext {
    SrtpContext::new(profile, &KEY[..profile.key_len()], &SALT[..profile.salt_len()]).expect("lengths match")
}

pub(crate) fn their_context(profile: ProtectionProfile) -> Context {
    let theirs = match profile {
        ProtectionProfile::Aes128CmHmacSha1_80 => TheirProfile::Aes128CmHmacSha1_80,
        ProtectionProfile::Aes128CmHmacSha1_32 => TheirProfile::Aes128CmHmacSha1_32,
        ProtectionProfile::AeadAes128Gcm => TheirProfile::AeadAes128Gcm,
        ProtectionProfile::AeadAes256Gcm => TheirProfile::AeadAes256Gcm,
    };
    Context::new(
        &KEY[..profile.key_len()],
        &SALT[..profile.salt_len()],
        theirs,
        Some(srtp_replay_protection(64)),
        Some(srtcp_replay_protection(64)),
        RingProvider::new().crypto(),
    )
    .expect("lengths match")
}
