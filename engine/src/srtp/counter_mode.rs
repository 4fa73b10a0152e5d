//! AES in counter mode with HMAC-SHA1 (RFC 3711 4.1.1, 4.2.1).
//!
//! The key schedule and the two hashed pads of the HMAC are computed once; a packet clones the
//! pads' state and borrows the schedule.

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::key_derivation::Label;
use super::packet_index::PacketIndex;
use super::profile::MasterKey;
use crate::rtp::{DropReason, Ssrc};

/// Bytes of the E bit and SRTCP index (RFC 3711 3.4).
const INDEX_LEN: usize = 4;
/// Bytes of the tag on RTCP, whatever the profile says of RTP (RFC 5764 4.1.2).
const RTCP_TAG_LEN: usize = 10;
/// Bytes of an RTCP packet that stay in the clear: header and sender's SSRC (RFC 3711 3.4).
const RTCP_CLEAR_LEN: usize = 8;

/// The session keys of one direction.
pub(super) struct CounterMode {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    rtp_tag_len: usize,
}

struct SessionKeys {
    cipher: Aes128,
    /// The salt where it stands in the initial counter block: 16 bits from its end.
    salt: u128,
    mac: Hmac<Sha1>,
}

impl CounterMode {
    pub(super) fn new(master: MasterKey<'_>, rtp_tag_len: usize) -> Self {
        use Label::*;
        Self {
            rtp: SessionKeys::derive(master, RtpEncryption, RtpAuthentication, RtpSalt),
            rtcp: SessionKeys::derive(master, RtcpEncryption, RtcpAuthentication, RtcpSalt),
            rtp_tag_len,
        }
    }

    /// Encrypts the payload of `buf[..len]`, appends the tag and returns the new length.
    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        len: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> usize {
        self.rtp.apply_keystream(ssrc, index.value(), &mut buf[header_len..len]);
        let tag = self.rtp.tag(&buf[..len], &index.rollover_counter().to_be_bytes());
        let end = len + self.rtp_tag_len;
        buf[len..end].copy_from_slice(&tag[..self.rtp_tag_len]);
        end
    }

    /// Checks the tag, decrypts the payload and returns the length without the tag.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, DropReason> {
        let len = packet.len().checked_sub(self.rtp_tag_len).ok_or(DropReason::TooShort)?;
        let (message, tag) = packet.split_at_mut(len);
        self.rtp.verify(message, &index.rollover_counter().to_be_bytes(), tag)?;
        let payload = message.get_mut(header_len..).ok_or(DropReason::TooShort)?;
        self.rtp.apply_keystream(ssrc, index.value(), payload);
        Ok(len)
    }

    /// Encrypts what follows the sender's SSRC in `buf[..len]`, appends index and tag and returns the new length.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, ssrc: Ssrc, index: u32) -> usize {
        self.rtcp.apply_keystream(ssrc, index.into(), &mut buf[RTCP_CLEAR_LEN..len]);
        let signed = len + INDEX_LEN;
        buf[len..signed].copy_from_slice(&(super::cipher::E_BIT | index).to_be_bytes());
        let tag = self.rtcp.tag(&buf[..signed], &[]);
        let end = signed + RTCP_TAG_LEN;
        buf[signed..end].copy_from_slice(&tag[..RTCP_TAG_LEN]);
        end
    }

    /// Where E bit and index stand, counted from the packet's end.
    pub(super) const fn index_from_end() -> usize {
        INDEX_LEN + RTCP_TAG_LEN
    }

    /// Checks the tag, decrypts and returns the length without index and tag.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: Ssrc, index: u32) -> Result<usize, DropReason> {
        let signed = packet.len().checked_sub(RTCP_TAG_LEN).ok_or(DropReason::TooShort)?;
        let (message, tag) = packet.split_at_mut(signed);
        let len = signed.checked_sub(INDEX_LEN).ok_or(DropReason::TooShort)?;
        self.rtcp.verify(message, &[], tag)?;
        let encrypted = message.get_mut(RTCP_CLEAR_LEN..len).ok_or(DropReason::TooShort)?;
        self.rtcp.apply_keystream(ssrc, index.into(), encrypted);
        Ok(len)
    }
}

impl SessionKeys {
    fn derive(master: MasterKey<'_>, encryption: Label, authentication: Label, salt: Label) -> Self {
        let mut salt_block = [0; 16];
        master.derive(salt, &mut salt_block[..14]);
        Self {
            cipher: Aes128::new(&master.derive_array::<16>(encryption).into()),
            salt: u128::from_be_bytes(salt_block),
            mac: <Hmac<Sha1> as Mac>::new_from_slice(&master.derive_array::<20>(authentication))
                .expect("HMAC takes keys of any length"),
        }
    }

    /// Adds the key stream of a packet to `data` (RFC 3711 4.1.1).
    fn apply_keystream(&self, ssrc: Ssrc, index: u64, data: &mut [u8]) {
        let iv = self.salt ^ u128::from(ssrc.0) << 64 ^ u128::from(index) << 16;
        let core =
            CtrCore::<&Aes128, flavors::Ctr128BE>::inner_iv_init(&self.cipher, &iv.to_be_bytes().into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
    }

    /// The whole tag of a message and what is signed behind it.
    fn tag(&self, message: &[u8], suffix: &[u8]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(message);
        mac.update(suffix);
        mac.finalize().into_bytes().into()
    }

    /// Compares in a time that does not depend on where the tags differ.
    fn verify(&self, message: &[u8], suffix: &[u8], tag: &[u8]) -> Result<(), DropReason> {
        let expected = self.tag(message, suffix);
        if expected[..tag.len()].ct_eq(tag).into() { Ok(()) } else { Err(DropReason::AuthenticationFailed) }
    }
}

/// The key stream under a session key from this counter block on, for the RFCs' vectors.
#[cfg(test)]
pub(super) fn keystream_of(key: &[u8], counter_block: &[u8], len: usize) -> Vec<u8> {
    let keys = SessionKeys {
        cipher: Aes128::new_from_slice(key).expect("16 bytes"),
        salt: u128::from_be_bytes(counter_block.try_into().expect("16 bytes")),
        mac: <Hmac<Sha1> as Mac>::new_from_slice(&[]).expect("any length"),
    };
    let mut stream = vec![0; len];
    keys.apply_keystream(Ssrc(0), 0, &mut stream);
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex"))
    }

    #[test]
    fn keystream_is_that_of_rfc_3711_b_2() {
        let key = hex::<16>("2b7e151628aed2a6abf7158809cf4f3c");
        let stream = keystream_of(&key, &hex::<16>("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"), 48);
        assert_eq!(stream[..16], hex::<16>("e03ead0935c95e80e166b16dd92b4eb4"));
        assert_eq!(stream[16..32], hex::<16>("d23513162b02d0f72a43a2fe4a5f97ab"));
        assert_eq!(stream[32..], hex::<16>("41e95b3bb0a2e8dd477901e4fca894c0"));
    }
}
