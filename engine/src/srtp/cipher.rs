//! The two families of ciphers behind one face.
//!
//! Both work in place and keep no state: what a packet's index is, and whether it may be used,
//! is the context's business.

use super::counter_mode::CounterMode;
use super::gcm::Gcm;
use super::packet_index::PacketIndex;
use super::profile::{MasterKey, ProtectionProfile};
use crate::rtp::{DropReason, Ssrc};

/// Says that an SRTCP packet is encrypted; stands before the 31-bit index (RFC 3711 3.4).
pub(super) const E_BIT: u32 = 1 << 31;

/// The session keys of one direction and what is done with them.
pub(super) enum Cipher {
    /// AES counter mode and HMAC-SHA1.
    CounterMode(Box<CounterMode>),
    /// AES Galois/counter mode.
    Gcm(Box<Gcm>),
}

impl Cipher {
    /// Derives the session keys. The lengths were checked.
    pub(super) fn new(profile: ProtectionProfile, master: MasterKey<'_>) -> Self {
        match profile {
            ProtectionProfile::Aes128CmHmacSha1_80 | ProtectionProfile::Aes128CmHmacSha1_32 => {
                Self::CounterMode(Box::new(CounterMode::new(master, profile.rtp_tag_len())))
            }
            ProtectionProfile::AeadAes128Gcm | ProtectionProfile::AeadAes256Gcm => {
                Self::Gcm(Box::new(Gcm::new(master)))
            }
        }
    }

    /// Protects the packet in `buf[..len]`; there is room for the tag behind. Returns the new length.
    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        len: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> usize {
        match self {
            Self::CounterMode(cipher) => cipher.seal_rtp(buf, header_len, len, ssrc, index),
            Self::Gcm(cipher) => cipher.seal_rtp(buf, header_len, len, ssrc, index),
        }
    }

    /// Authenticates and decrypts; returns the length of the plain packet.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, DropReason> {
        match self {
            Self::CounterMode(cipher) => cipher.open_rtp(packet, header_len, ssrc, index),
            Self::Gcm(cipher) => cipher.open_rtp(packet, header_len, ssrc, index),
        }
    }

    /// Protects the compound packet in `buf[..len]`; there is room behind. Returns the new length.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, ssrc: Ssrc, index: u32) -> usize {
        match self {
            Self::CounterMode(cipher) => cipher.seal_rtcp(buf, len, ssrc, index),
            Self::Gcm(cipher) => cipher.seal_rtcp(buf, len, ssrc, index),
        }
    }

    /// The E bit and index of a protected compound packet.
    pub(super) fn rtcp_index_word(&self, packet: &[u8]) -> Result<u32, DropReason> {
        let from_end = match self {
            Self::CounterMode(_) => CounterMode::index_from_end(),
            Self::Gcm(_) => Gcm::index_from_end(),
        };
        let at = packet.len().checked_sub(from_end).ok_or(DropReason::TooShort)?;
        packet[at..].first_chunk().copied().map(u32::from_be_bytes).ok_or(DropReason::TooShort)
    }

    /// Authenticates and decrypts; returns the length of the plain compound packet.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: Ssrc, index: u32) -> Result<usize, DropReason> {
        match self {
            Self::CounterMode(cipher) => cipher.open_rtcp(packet, ssrc, index),
            Self::Gcm(cipher) => cipher.open_rtcp(packet, ssrc, index),
        }
    }
}
