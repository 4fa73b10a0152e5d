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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_come_out_as_they_went_in() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            for (number, plain) in [
                rtp(1, 10, 0x80, b"payload"),
                rtp(1, 11, 0x80, b""),
                rtp(1, 12, 0x82, b"two CSRCs before the payload"),
                rtp(1, 13, 0x90, &[0xbe, 0xde, 0, 1, 0x10, 7, 0, 0, b'x', b'y']),
            ]
            .into_iter()
            .enumerate()
            {
                let mut packet = protect_rtp(&mut tx, &plain);
                let header_len = header_len(&plain).expect("well formed");
                assert_eq!(packet.len(), plain.len() + profile.rtp_tag_len());
                assert_eq!(packet[..header_len], plain[..header_len], "the header stays readable");
                assert!(number == 1 || packet[header_len..plain.len()] != plain[header_len..]);
                assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?}");

                let plain = rtcp(1, b"sixteen bytes...");
                let mut packet = protect_rtcp(&mut tx, &plain);
                assert_eq!(packet.len(), plain.len() + profile.rtcp_tag_len() + 4);
                assert_eq!(packet[..8], plain[..8], "header and SSRC stay readable");
                assert_ne!(packet[8..plain.len()], plain[8..]);
                assert_eq!(rx.unprotect_rtcp(&mut packet), Ok(&plain[..]), "{profile:?}");
            }
        }
    }

    #[test]
    fn rollover_counter_follows_any_number_of_wraps() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            let mut index: u64 = 30_000;
            while index < 300 << 16 {
                let plain = rtp(1, index as u16, 0x80, &index.to_be_bytes());
                let mut packet = protect_rtp(&mut tx, &plain);
                assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {index:#x}");
                index += 32_000;
            }
        }
    }

    #[test]
    fn streams_wrap_on_their_own() {
        let (mut tx, mut rx) = pair(ProtectionProfile::Aes128CmHmacSha1_80);
        for (ssrc, sequence) in [(1, 65_535), (2, 65_535), (1, 0), (2, 65_534), (1, 1), (2, 0)] {
            let plain = rtp(ssrc, sequence, 0x80, b"payload");
            let mut packet = protect_rtp(&mut tx, &plain);
            assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "stream {ssrc} at {sequence}");
        }
    }

    #[test]
    fn a_replayed_packet_is_refused() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            let first = protect_rtp(&mut tx, &rtp(1, 65_530, 0x80, b"payload"));
            rx.unprotect_rtp(&mut first.clone()).expect("authentic");
            assert_eq!(rx.unprotect_rtp(&mut first.clone()), Err(DropReason::Replayed));
            for sequence in 65_531..65_531 + 128 {
                let mut packet = protect_rtp(&mut tx, &rtp(1, sequence as u16, 0x80, b"payload"));
                rx.unprotect_rtp(&mut packet).expect("authentic");
            }
            assert_eq!(rx.unprotect_rtp(&mut first.clone()), Err(DropReason::TooOld));

            let report = protect_rtcp(&mut tx, &rtcp(1, b"sixteen bytes..."));
            rx.unprotect_rtcp(&mut report.clone()).expect("authentic");
            assert_eq!(rx.unprotect_rtcp(&mut report.clone()), Err(DropReason::Replayed));
        }
    }

    #[test]
    fn forged_packets_leave_no_state() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            for sequence in [100, 200] {
                let plain = rtp(1, sequence, 0x80, b"payload");
                let packet = protect_rtp(&mut tx, &plain);
                for bit in 0..packet.len() * 8 {
                    let mut forged = packet.clone();
                    forged[bit / 8] ^= 0x80 >> (bit % 8);
                    rx.unprotect_rtp(&mut forged).expect_err("a bit is wrong");
                }
                assert_eq!(rx.unprotect_rtp(&mut packet.clone()), Ok(&plain[..]), "{profile:?}");

                let plain = rtcp(1, b"sixteen bytes...");
                let packet = protect_rtcp(&mut tx, &plain);
                for bit in 0..packet.len() * 8 {
                    let mut forged = packet.clone();
                    forged[bit / 8] ^= 0x80 >> (bit % 8);
                    rx.unprotect_rtcp(&mut forged).expect_err("a bit is wrong");
                }
                assert_eq!(rx.unprotect_rtcp(&mut packet.clone()), Ok(&plain[..]), "{profile:?}");
            }
        }
    }

    #[test]
    fn forged_streams_take_no_room_and_authentic_ones_are_limited() {
        for profile in ProtectionProfile::ALL {
            let (_, mut rx) = pair(profile);
            for ssrc in 1000..1100 {
                let mut forged = rtp(ssrc, 1, 0x80, &[0x55; 40]);
                assert_eq!(rx.unprotect_rtp(&mut forged), Err(DropReason::AuthenticationFailed));
                let mut forged = rtcp(ssrc, &[0x85; 40]);
                assert_eq!(rx.unprotect_rtcp(&mut forged), Err(DropReason::AuthenticationFailed));
            }
            for ssrc in 0..300 {
                let (mut tx, _) = pair(profile);
                let expected = if ssrc < 264 { Ok(()) } else { Err(DropReason::TooManySsrcs) };
                let mut packet = protect_rtp(&mut tx, &rtp(ssrc, 7, 0x80, b"payload"));
                assert_eq!(rx.unprotect_rtp(&mut packet).map(drop), expected, "{profile:?}");
                let mut packet = protect_rtcp(&mut tx, &rtcp(ssrc, b"sixteen bytes..."));
                assert_eq!(rx.unprotect_rtcp(&mut packet).map(drop), expected, "{profile:?}");
            }
            let (mut tx, _) = pair(profile);
            let mut packet = protect_rtp(&mut tx, &rtp(263, 8, 0x80, b"payload"));
            rx.unprotect_rtp(&mut packet).expect("the last goes on");
        }
    }

    /// A phone that takes another SSRC at every resume is heard, and nothing that it sent before is heard again.
    #[test]
    fn a_new_stream_is_heard_after_any_number_and_what_gave_way_is_not_replayed() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            let mut sent = Vec::new();
            for ssrc in 0..20 {
                for sequence in [7, 8] {
                    let plain = rtp(ssrc, sequence, 0x80, b"payload");
                    let packet = protect_rtp(&mut tx, &plain);
                    assert_eq!(rx.unprotect_rtp(&mut packet.clone()), Ok(&plain[..]), "{profile:?}");
                    sent.push(packet);
                }
                let report = protect_rtcp(&mut tx, &rtcp(ssrc, b"sixteen bytes..."));
                rx.unprotect_rtcp(&mut report.clone()).expect("authentic");
                for packet in &sent {
                    rx.unprotect_rtp(&mut packet.clone()).expect_err("it was heard before");
                }
                rx.unprotect_rtcp(&mut report.clone()).expect_err("it was read before");
            }
            let plain = rtp(0, 9, 0x80, b"payload");
            assert_eq!(rx.unprotect_rtp(&mut protect_rtp(&mut tx, &plain)), Ok(&plain[..]), "it comes back");
        }
    }

    #[test]
    fn a_stream_is_heard_whose_first_packets_were_lost_with_the_first_wrap() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            let late = protect_rtp(&mut tx, &rtp(1, 65_534, 0x80, b"late"));
            protect_rtp(&mut tx, &rtp(1, 65_535, 0x80, b"lost"));
            for sequence in 0..3 {
                let plain = rtp(1, sequence, 0x80, b"payload");
                let mut packet = protect_rtp(&mut tx, &plain);
                assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {sequence}");
            }
            rx.unprotect_rtp(&mut late.clone()).expect("it was overtaken");
            assert_eq!(rx.unprotect_rtp(&mut late.clone()), Err(DropReason::Replayed));
        }
    }

    /// RFC 3711 3.3.1 has the rollover counter go on under a new key, and libsrtp does so; a new context begins at
    /// zero, and others do that.
    #[test]
    fn under_a_new_key_a_stream_may_go_on_or_begin_anew() {
        for profile in ProtectionProfile::ALL {
            for goes_on in [true, false] {
                let (mut before, mut heard) = pair(profile);
                for sequence in [30_000, 60_000, 20_000] {
                    let mut packet = protect_rtp(&mut before, &rtp(1, sequence, 0x80, b"payload"));
                    heard.unprotect_rtp(&mut packet).expect("authentic");
                }
                let (mut tx, mut rx) = pair(profile);
                rx.follow(&heard);
                if goes_on {
                    tx.rtp.accept(Ssrc(1), (1 << 16) + 20_000);
                }
                let plain = rtp(1, 20_001, 0x80, b"payload");
                let mut packet = protect_rtp(&mut tx, &plain);
                assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} {goes_on}");
            }
        }
    }

    #[test]
    fn a_key_that_comes_back_takes_nothing_again_and_uses_no_index_twice() {
        for profile in ProtectionProfile::ALL {
            let ((mut tx, mut rx), (_, mut other)) = (pair(profile), pair(profile));
            let old = protect_rtp(&mut tx, &rtp(1, 1000, 0x80, b"payload"));
            rx.unprotect_rtp(&mut old.clone()).expect("authentic");
            other.rtp.accept(Ssrc(1), 41_000);
            tx.follow(&other);
            rx.follow(&other);
            rx.unprotect_rtp(&mut old.clone()).expect_err("a replay");
            for sequence in [41_001, 41_002, 7] {
                let plain = rtp(1, sequence, 0x80, b"payload");
                let mut packet = protect_rtp(&mut tx, &plain);
                assert_eq!(rx.unprotect_rtp(&mut packet), Ok(&plain[..]), "{profile:?} at {sequence}");
            }
        }
    }

    #[test]
    fn srtcp_without_encryption_is_refused() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            let mut packet = protect_rtcp(&mut tx, &rtcp(1, b"sixteen bytes..."));
            let from_end = if profile.salt_len() == 12 { 4 } else { 14 };
            let at = packet.len() - from_end;
            assert_eq!(packet[at], 0x80, "the E bit and the first index");
            packet[at] = 0;
            assert_eq!(rx.unprotect_rtcp(&mut packet), Err(DropReason::SrtcpNotEncrypted));
        }
    }

    #[test]
    fn no_part_of_a_packet_passes_for_the_whole() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, mut rx) = pair(profile);
            let packet = protect_rtp(&mut tx, &rtp(1, 7, 0x92, &[0, 0, 0, 1, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9]));
            let report = protect_rtcp(&mut tx, &rtcp(1, b"sixteen bytes..."));
            for len in 0..packet.len() {
                rx.unprotect_rtp(&mut packet.clone()[..len]).expect_err("cut short");
            }
            for len in 0..report.len() {
                rx.unprotect_rtcp(&mut report.clone()[..len]).expect_err("cut short");
            }
            rx.unprotect_rtp(&mut packet.clone()).expect("whole");
            rx.unprotect_rtcp(&mut report.clone()).expect("whole");
        }
    }

    #[test]
    fn no_index_is_used_twice() {
        let (mut tx, _) = pair(ProtectionProfile::AeadAes128Gcm);
        protect_rtp(&mut tx, &rtp(1, 100, 0x80, b"payload"));
        protect_rtp(&mut tx, &rtp(1, 99, 0x80, b"reordered"));
        let again = rtp(1, 100, 0x80, b"another");
        let mut buf = [&again[..], &[0; 16]].concat();
        assert_eq!(tx.protect_rtp(&mut buf, again.len()), Err(ProtectError::IndexReused));
        assert_eq!(buf[..again.len()], again, "it did not leave encrypted");

        tx.rtp.accept(Ssrc(1), (1 << 48) - 1);
        let last = rtp(1, 0, 0x80, b"one too many");
        let mut buf = [&last[..], &[0; 16]].concat();
        assert_eq!(tx.protect_rtp(&mut buf, last.len()), Err(ProtectError::KeyExhausted));

        tx.rtcp.accept(Ssrc(1), (1 << 31) - 2);
        protect_rtcp(&mut tx, &rtcp(1, b"the last one...."));
        let report = rtcp(1, b"one too many....");
        let mut buf = [&report[..], &[0; 20]].concat();
        assert_eq!(tx.protect_rtcp(&mut buf, report.len()), Err(ProtectError::KeyExhausted));
    }

    #[test]
    fn what_cannot_be_protected_is_refused() {
        for profile in ProtectionProfile::ALL {
            let (mut tx, _) = pair(profile);
            let plain = rtp(1, 7, 0x80, b"payload");
            let mut buf = [&plain[..], &vec![0; profile.rtp_tag_len() - 1]].concat();
            assert_eq!(tx.protect_rtp(&mut buf, plain.len()), Err(ProtectError::NoRoom));
            let report = rtcp(1, b"");
            let mut buf = [&report[..], &vec![0; profile.rtcp_tag_len() + 3]].concat();
            assert_eq!(tx.protect_rtcp(&mut buf, report.len()), Err(ProtectError::NoRoom));
            let too_short = Err(ProtectError::Malformed(DropReason::TooShort));
            assert_eq!(tx.protect_rtp(&mut [0x80; 40], 11), too_short);
            assert_eq!(tx.protect_rtcp(&mut [0x80; 40], 7), too_short);
        }
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        for profile in ProtectionProfile::ALL {
            let (key, salt) = ([1; 33], [2; 15]);
            let key_ok = &key[..profile.key_len()];
            let salt_ok = &salt[..profile.salt_len()];
            assert!(SrtpContext::new(profile, key_ok, salt_ok).is_ok());
            assert!(SrtpContext::new(profile, &key[..profile.key_len() + 1], salt_ok).is_err());
            assert!(SrtpContext::new(profile, key_ok, &salt[..profile.salt_len() - 1]).is_err());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_never_pass(
            bytes in prop::collection::vec(any::<u8>(), 0..200), version_two: bool,
        ) {
            for profile in ProtectionProfile::ALL {
                let (_, mut rx) = pair(profile);
                let mut bytes = bytes.clone();
                if let (true, Some(first)) = (version_two, bytes.first_mut()) {
                    *first = 0x80 | *first & 0x3f;
                }
                prop_assert!(rx.unprotect_rtp(&mut bytes.clone()).is_err());
                prop_assert!(rx.unprotect_rtcp(&mut bytes).is_err());
            }
        }
    }

    /// Two ends with the same keys.
    fn pair(profile: ProtectionProfile) -> (SrtpContext, SrtpContext) {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8 ^ 0x5a);
        let salt: [u8; 14] = std::array::from_fn(|at| at as u8 ^ 0xc3);
        let new = || {
            SrtpContext::new(profile, &key[..profile.key_len()], &salt[..profile.salt_len()])
                .expect("lengths of the profile")
        };
        (new(), new())
    }

    /// A packet whose first byte is `first`, with the CSRCs that this announces.
    fn rtp(ssrc: u32, sequence: u16, first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 111];
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 160]);
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.extend(std::iter::repeat_n(0x77, 4 * usize::from(first & 0x0f)));
        packet.extend_from_slice(rest);
        packet
    }

    /// A receiver report with this body.
    fn rtcp(ssrc: u32, body: &[u8]) -> Vec<u8> {
        let words = u8::try_from(body.len() / 4 + 1).expect("short");
        let mut packet = vec![0x80, 201, 0, words];
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.extend_from_slice(body);
        packet
    }

    fn protect_rtp(tx: &mut SrtpContext, plain: &[u8]) -> Vec<u8> {
        let mut buf = [plain, &[0; SRTP_OVERHEAD_MAX]].concat();
        let len = tx.protect_rtp(&mut buf, plain.len()).expect("well formed");
        buf.truncate(len);
        buf
    }

    fn protect_rtcp(tx: &mut SrtpContext, plain: &[u8]) -> Vec<u8> {
        let mut buf = [plain, &[0; SRTCP_OVERHEAD_MAX]].concat();
        let len = tx.protect_rtcp(&mut buf, plain.len()).expect("well formed");
        buf.truncate(len);
        buf
    }
}
