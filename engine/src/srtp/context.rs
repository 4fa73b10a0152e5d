//! The SRTP context: session keys and the state of every stream, for one direction (RFC 3711 3.2).
//!
//! The rollover counter is kept per stream and follows the sequence number over any number of
//! wraps. A context that sends refuses to use an index twice, since that would give the key
//! stream away; a context that receives refuses to accept one twice.

use std::fmt;

use super::cipher::{Cipher, E_BIT};
use super::packet_index::PacketIndex;
use super::profile::{KeyLengthError, MasterKey, ProtectionProfile};
use super::streams::Streams;
use crate::rtp::{DropReason, SequenceNumber, Ssrc, header_len};

/// Most bytes that [`SrtpContext::protect_rtp`] appends: the tag of the Galois profiles.
pub const SRTP_OVERHEAD_MAX: usize = 16;

/// Most bytes that [`SrtpContext::protect_rtcp`] appends: that tag and the index.
pub const SRTCP_OVERHEAD_MAX: usize = SRTP_OVERHEAD_MAX + 4;

/// Longest first packet of a stream: no datagram that is read is longer.
const FIRST_MAX: usize = 2048;

/// Keys and streams of one direction of a leg: it either protects or unprotects, never both.
pub struct SrtpContext {
    profile: ProtectionProfile,
    cipher: Cipher,
    rtp: Streams,
    rtcp: Streams,
}

/// A packet of our own cannot be protected; whoever built it is at fault. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// What the buffer holds is no RTP or RTCP packet.
    #[error("outgoing packet is malformed: {0}")]
    Malformed(DropReason),
    /// No room for tag and index behind the packet.
    #[error("outgoing packet's buffer has no room for the tag")]
    NoRoom,
    /// The sequence number was sent before; to encrypt another packet under it would give both away.
    #[error("outgoing sequence number was used before")]
    IndexReused,
    /// More streams were sent under this key than are remembered.
    #[error("outgoing packet would be of one stream too many")]
    TooManySsrcs,
    /// 2^48 RTP or 2^31 RTCP packets were sent under this key (RFC 3711 9.2).
    #[error("the key's life is over")]
    KeyExhausted,
}

impl SrtpContext {
    /// A context that has seen no stream yet; derives the session keys.
    ///
    /// # Errors
    /// [`KeyLengthError`] if key or salt are not as long as `profile` wants.
    pub fn new(profile: ProtectionProfile, key: &[u8], salt: &[u8]) -> Result<Self, KeyLengthError> {
        profile.check_len("master key", key, profile.key_len())?;
        profile.check_len("master salt", salt, profile.salt_len())?;
        let cipher = Cipher::new(profile, MasterKey { key, salt });
        Ok(Self { profile, cipher, rtp: Streams::default(), rtcp: Streams::default() })
    }

    /// The profile that was negotiated.
    #[must_use]
    pub const fn profile(&self) -> ProtectionProfile {
        self.profile
    }

    /// Protects the RTP packet in `buf[..len]` and returns its new length, at most
    /// [`SRTP_OVERHEAD_MAX`] more.
    ///
    /// # Errors
    /// [`ProtectError`]; the packet is as it was.
    ///
    /// # Panics
    /// If `len` is more than the length of `buf`.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let (header_len, ssrc, sequence) = read_rtp(&buf[..len]).map_err(ProtectError::Malformed)?;
        if buf.len() - len < self.profile.rtp_tag_len() {
            return Err(ProtectError::NoRoom);
        }
        let window = self.rtp.find(ssrc).map_err(|_| ProtectError::TooManySsrcs)?;
        let index = match window {
            Some(window) => PacketIndex::estimate(window.highest(), sequence),
            None => PacketIndex::after(self.rtp.used(ssrc), sequence),
        };
        let index = index.ok_or(ProtectError::KeyExhausted)?;
        if window.is_some_and(|window| window.check(index.value()).is_err()) {
            return Err(ProtectError::IndexReused);
        }
        let len = self.cipher.seal_rtp(buf, header_len, len, ssrc, index);
        self.rtp.accept(ssrc, index.value());
        Ok(len)
    }

    /// Authenticates and decrypts an SRTP packet in its buffer; returns the plain RTP packet.
    ///
    /// # Errors
    /// The [`DropReason`]; the context is as it was, the packet's bytes are undefined.
    pub fn unprotect_rtp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p [u8], DropReason> {
        let (header_len, ssrc, sequence) = read_rtp(packet)?;
        let (index, len) = match self.rtp.find(ssrc)? {
            Some(window) => {
                let index = PacketIndex::estimate(window.highest(), sequence).ok_or(DropReason::TooOld)?;
                window.check(index.value())?;
                (index, self.cipher.open_rtp(packet, header_len, ssrc, index)?)
            }
            None => self.open_first(packet, header_len, ssrc, sequence)?,
        };
        self.rtp.accept(ssrc, index.value());
        Ok(&packet[..len])
    }

    /// Protects the compound RTCP packet in `buf[..len]` and returns its new length, at most
    /// [`SRTCP_OVERHEAD_MAX`] more. The index is counted here, per sender.
    ///
    /// # Errors
    /// [`ProtectError`]; the packet is as it was.
    ///
    /// # Panics
    /// If `len` is more than the length of `buf`.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let ssrc = read_rtcp(&buf[..len]).map_err(ProtectError::Malformed)?;
        if buf.len() - len < self.profile.rtcp_tag_len() + 4 {
            return Err(ProtectError::NoRoom);
        }
        let window = self.rtcp.find(ssrc).map_err(|_| ProtectError::TooManySsrcs)?;
        let used = window.map(|window| window.highest()).or(self.rtcp.used(ssrc));
        let index = used.map_or(0, |used| used + 1);
        let index =
            u32::try_from(index).ok().filter(|index| index & E_BIT == 0).ok_or(ProtectError::KeyExhausted)?;
        let len = self.cipher.seal_rtcp(buf, len, ssrc, index);
        self.rtcp.accept(ssrc, index.into());
        Ok(len)
    }

    /// Authenticates and decrypts an SRTCP packet in its buffer; returns the plain compound packet.
    ///
    /// # Errors
    /// The [`DropReason`]; the context is as it was, the packet's bytes are undefined.
    pub fn unprotect_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Result<&'p [u8], DropReason> {
        let ssrc = read_rtcp(packet)?;
        let word = self.cipher.rtcp_index_word(packet)?;
        if word & E_BIT == 0 {
            return Err(DropReason::SrtcpNotEncrypted);
        }
        let index = word & !E_BIT;
        match self.rtcp.find(ssrc)? {
            Some(window) => window.check(index.into())?,
            None if self.rtcp.used(ssrc).is_some_and(|used| u64::from(index) <= used) => {
                return Err(DropReason::TooOld);
            }
            None => {}
        }
        let len = self.cipher.open_rtcp(packet, ssrc, index)?;
        self.rtcp.accept(ssrc, index.into());
        Ok(&packet[..len])
    }

    /// Goes on after the context of another key, be this one new or one that comes back.
    pub fn follow(&mut self, former: &Self) {
        self.rtp.follow(&former.rtp);
        self.rtcp.follow(&former.rtcp);
    }

    /// Opens the first packet that comes of a stream. What its index is, its tag tells: each attempt is made on a copy,
    /// since one that fails leaves nothing to be tried again.
    fn open_first(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: Ssrc,
        sequence: SequenceNumber,
    ) -> Result<(PacketIndex, usize), DropReason> {
        let mut copy = [0; FIRST_MAX];
        let copy = copy.get_mut(..packet.len()).ok_or(DropReason::TooLong)?;
        let mut refused = DropReason::TooOld;
        for index in PacketIndex::of_first(self.rtp.used(ssrc), self.rtp.before(ssrc), sequence) {
            copy.copy_from_slice(packet);
            match self.cipher.open_rtp(copy, header_len, ssrc, index) {
                Ok(len) => {
                    packet[..len].copy_from_slice(&copy[..len]);
                    return Ok((index, len));
                }
                Err(reason) => refused = reason,
            }
        }
        Err(refused)
    }
}

impl fmt::Debug for SrtpContext {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpContext").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Header length, stream and number of an RTP packet, protected or not.
fn read_rtp(packet: &[u8]) -> Result<(usize, Ssrc, SequenceNumber), DropReason> {
    let header_len = header_len(packet)?;
    let Some(&[_, _, s0, s1, _, _, _, _, c0, c1, c2, c3]) = packet.first_chunk() else {
        return Err(DropReason::TooShort);
    };
    let ssrc = Ssrc(u32::from_be_bytes([c0, c1, c2, c3]));
    Ok((header_len, ssrc, SequenceNumber(u16::from_be_bytes([s0, s1]))))
}

/// The sender of a compound RTCP packet, protected or not.
fn read_rtcp(packet: &[u8]) -> Result<Ssrc, DropReason> {
    let Some(&[first, _, _, _, c0, c1, c2, c3]) = packet.first_chunk() else {
        return Err(DropReason::TooShort);
    };
    if first >> 6 != 2 {
        return Err(DropReason::BadVersion);
    }
    Ok(Ssrc(u32::from_be_bytes([c0, c1, c2, c3])))
}

#[cfg(test)]
mod tests;
