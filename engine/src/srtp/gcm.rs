//! AES in Galois/counter mode (RFC 7714).
//!
//! A packet that fails its tag leaves its buffer in no defined state, so nothing of it may be
//! used; the context drops it.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, Tag, UnboundKey};

use super::cipher::E_BIT;
use super::key_derivation::Label;
use super::packet_index::PacketIndex;
use super::profile::MasterKey;
use crate::rtp::{DropReason, Ssrc};

const TAG_LEN: usize = 16;
/// Bytes of the E bit and SRTCP index; they stand behind the tag here (RFC 7714 9.2).
const INDEX_LEN: usize = 4;
/// Bytes of an RTCP packet that stay in the clear: header and sender's SSRC.
const RTCP_CLEAR_LEN: usize = 8;

/// The session keys of one direction.
pub(super) struct Gcm {
    rtp: SessionKey,
    rtcp: SessionKey,
}

struct SessionKey {
    key: LessSafeKey,
    /// The salt where it stands in the 96-bit nonce.
    salt: [u8; 12],
}

impl Gcm {
    pub(super) fn new(master: MasterKey<'_>) -> Self {
        Self {
            rtp: SessionKey::derive(master, Label::RtpEncryption, Label::RtpSalt),
            rtcp: SessionKey::derive(master, Label::RtcpEncryption, Label::RtcpSalt),
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
        let (header, rest) = buf.split_at_mut(header_len);
        let (payload, behind) = rest.split_at_mut(len - header_len);
        let tag = self.rtp.seal(self.rtp.nonce(ssrc, index.value()), header, payload);
        behind[..TAG_LEN].copy_from_slice(tag.as_ref());
        len + TAG_LEN
    }

    /// Checks the tag, decrypts the payload and returns the length without the tag.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: Ssrc,
        index: PacketIndex,
    ) -> Result<usize, DropReason> {
        let (header, sealed) = packet.split_at_mut_checked(header_len).ok_or(DropReason::TooShort)?;
        let payload_len = self.rtp.open(self.rtp.nonce(ssrc, index.value()), header, sealed)?;
        Ok(header_len + payload_len)
    }

    /// Encrypts what follows the sender's SSRC in `buf[..len]`, appends tag and index and returns the new length.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], len: usize, ssrc: Ssrc, index: u32) -> usize {
        let word = (E_BIT | index).to_be_bytes();
        let (header, rest) = buf.split_at_mut(RTCP_CLEAR_LEN);
        let (body, behind) = rest.split_at_mut(len - RTCP_CLEAR_LEN);
        let aad = rtcp_aad(header, word);
        let tag = self.rtcp.seal(self.rtcp.nonce(ssrc, index.into()), &aad, body);
        behind[..TAG_LEN].copy_from_slice(tag.as_ref());
        behind[TAG_LEN..TAG_LEN + INDEX_LEN].copy_from_slice(&word);
        len + TAG_LEN + INDEX_LEN
    }

    /// Where E bit and index stand, counted from the packet's end.
    pub(super) const fn index_from_end() -> usize {
        INDEX_LEN
    }

    /// Checks the tag, decrypts and returns the length without tag and index.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: Ssrc, index: u32) -> Result<usize, DropReason> {
        let end = packet.len().checked_sub(INDEX_LEN).ok_or(DropReason::TooShort)?;
        let (header, sealed) =
            packet[..end].split_at_mut_checked(RTCP_CLEAR_LEN).ok_or(DropReason::TooShort)?;
        let aad = rtcp_aad(header, (E_BIT | index).to_be_bytes());
        let body_len = self.rtcp.open(self.rtcp.nonce(ssrc, index.into()), &aad, sealed)?;
        Ok(RTCP_CLEAR_LEN + body_len)
    }
}

/// What is authenticated but not encrypted: the first eight bytes and the index word (RFC 7714 9.2).
fn rtcp_aad(header: &[u8], word: [u8; INDEX_LEN]) -> [u8; RTCP_CLEAR_LEN + INDEX_LEN] {
    let mut aad = [0; RTCP_CLEAR_LEN + INDEX_LEN];
    aad[..RTCP_CLEAR_LEN].copy_from_slice(header);
    aad[RTCP_CLEAR_LEN..].copy_from_slice(&word);
    aad
}

impl SessionKey {
    fn derive(master: MasterKey<'_>, encryption: Label, salt: Label) -> Self {
        let mut key = [0; 32];
        let key = &mut key[..master.key.len()];
        master.derive(encryption, key);
        let algorithm: &'static Algorithm =
            if key.len() == AES_128_GCM.key_len() { &AES_128_GCM } else { &AES_256_GCM };
        let key = UnboundKey::new(algorithm, key).expect("the key has the length of its profile");
        Self { key: LessSafeKey::new(key), salt: master.derive_array(salt) }
    }

    /// Two zero bytes, the SSRC, 48 bits of index; the salt over it (RFC 7714 8.1, 9.1).
    fn nonce(&self, ssrc: Ssrc, index: u64) -> Nonce {
        let mut nonce = self.salt;
        let [_, _, index @ ..] = index.to_be_bytes();
        for (byte, value) in nonce[2..].iter_mut().zip(ssrc.0.to_be_bytes().into_iter().chain(index)) {
            *byte ^= value;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, nonce: Nonce, aad: &[u8], plain: &mut [u8]) -> Tag {
        self.key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), plain)
            .expect("a datagram is far below the 64 GiB that the cipher takes")
    }

    fn open(&self, nonce: Nonce, aad: &[u8], sealed: &mut [u8]) -> Result<usize, DropReason> {
        if sealed.len() < TAG_LEN {
            return Err(DropReason::TooShort);
        }
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(aad), sealed)
            .map_err(|_| DropReason::AuthenticationFailed)?;
        Ok(plain.len())
    }
}

/// The packet of RFC 7714 16's rules: session key and salt given, rollover counter zero.
#[cfg(test)]
pub(super) fn seal_with(key: &[u8], salt: &[u8], header: &[u8], payload: &[u8]) -> Vec<u8> {
    use crate::rtp::RtpPacket;

    let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let session_key = |key: &[u8]| SessionKey {
        key: LessSafeKey::new(UnboundKey::new(algorithm, key).expect("16 or 32 bytes")),
        salt: salt.try_into().expect("12 bytes"),
    };
    let gcm = Gcm { rtp: session_key(key), rtcp: session_key(key) };
    let mut buf = [header, payload, &[0; TAG_LEN]].concat();
    let (ssrc, sequence) =
        RtpPacket::parse(&buf).map(|read| (read.ssrc(), read.sequence())).expect("an RTP header");
    let index = PacketIndex::after(None, sequence).expect("a first packet");
    let len = header.len() + payload.len();
    assert_eq!(gcm.seal_rtp(&mut buf, header.len(), len, ssrc, index), buf.len());
    buf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_is_that_of_rfc_7714_16() {
        let header = [0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41, 0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2];
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        for (key, begins, ends) in [
            (&key[..16], [0xf2, 0x4d, 0xe3, 0xa3], [0x39, 0x0c, 0xce]),
            (&key[..], [0x32, 0xb1, 0xde, 0x78], [0xa7, 0x6c, 0x13]),
        ] {
            let payload = b"Gallia est omnis divisa in partes tres";
            let packet = seal_with(key, b"Quid pro quo", &header, payload);
            assert_eq!(packet[..12], header);
            assert_eq!(packet[12..16], begins);
            assert_eq!(packet[packet.len() - 3..], ends);
        }
    }
}
