//! SDES: who is behind an SSRC (RFC 3550 6.5). We tell our CNAME, as we have to; those of peers are of no use to us.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::rtp::{DropReason, Ssrc};

/// Item type of the canonical name.
const CNAME: u8 = 1;

/// Canonical name: ties the streams of one party together; 1..=255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cname(String);

impl Cname {
    /// A name made of 96 random bits, which says nothing of this machine (RFC 7022 4.2).
    #[must_use]
    pub fn from_random(bits: [u8; 12]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits))
    }

    /// This very name; `None` if it is empty or longer than 255 bytes.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        (1..=255).contains(&name.len()).then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes of an SDES packet that carries only this.
    pub(super) fn packet_len(&self) -> usize {
        // Header, SSRC, item type and length, name, and at least one zero up to the next word.
        (4 + 4 + 2 + self.0.len() + 1).next_multiple_of(4)
    }

    /// Writes that packet to `out`, which is [`Self::packet_len`] long.
    pub(super) fn write_packet(&self, ssrc: Ssrc, out: &mut [u8]) {
        let words = out.len() / 4 - 1;
        out.fill(0);
        out[..4].copy_from_slice(&[0x81, super::packet_type::SOURCE_DESCRIPTION, 0, words as u8]);
        out[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
        out[8] = CNAME;
        out[9] = self.0.len() as u8;
        out[10..10 + self.0.len()].copy_from_slice(self.0.as_bytes());
    }
}

/// Checks the chunks of a packet that has `count` of them.
pub(super) fn check(chunks: &[u8], count: usize) -> Result<(), DropReason> {
    let mut rest = chunks;
    for _ in 0..count {
        rest = behind_chunk(rest)?;
    }
    Ok(())
}

/// What follows the first chunk of `bytes`: a source, and items up to one of type zero and the end of its word.
fn behind_chunk(bytes: &[u8]) -> Result<&[u8], DropReason> {
    let mut at = 4;
    while *bytes.get(at).ok_or(DropReason::TooShort)? != 0 {
        at += 2 + usize::from(*bytes.get(at + 1).ok_or(DropReason::TooShort)?);
    }
    bytes.get((at + 1).next_multiple_of(4)..).ok_or(DropReason::TooShort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_follow_each_other() {
        let chunks = [
            &[0, 0, 0, 1, 2, 3, b'A', b'n', b'n', 1, 3, b'o', b'n', b'e', 0, 0][..],
            &[0, 0, 0, 2, 6, 1, b'x', 0],
            &[0, 0, 0, 3, 1, 1, b'3', 0],
        ]
        .concat();
        assert_eq!(check(&chunks, 3), Ok(()));
        assert_eq!(check(&chunks, 4), Err(DropReason::TooShort));
    }

    #[test]
    fn items_that_reach_behind_the_end_are_refused() {
        for chunk in [
            &[0, 0, 0][..],
            &[0, 0, 0, 1],
            &[0, 0, 0, 1, 1],
            &[0, 0, 0, 1, 1, 9, b'x', 0],
            &[0, 0, 0, 1, 1, 2, b'x', b'y'],
            &[0, 0, 0, 1, 0, 0],
        ] {
            assert_eq!(check(chunk, 1), Err(DropReason::TooShort), "{chunk:?}");
        }
    }

    #[test]
    fn a_written_cname_is_whole_at_any_length() {
        for len in 1..=255 {
            let cname = Cname::new(&"c".repeat(len)).expect("short enough");
            let mut packet = vec![0xff; cname.packet_len()];
            cname.write_packet(Ssrc(5), &mut packet);
            assert_eq!(4 * (usize::from(packet[3]) + 1), packet.len());
            assert_eq!(check(&packet[4..], 1), Ok(()));
            assert_eq!(packet[8..10], [CNAME, len as u8]);
            assert_eq!(&packet[10..10 + len], cname.as_str().as_bytes());
            assert!(packet[10 + len..].iter().all(|byte| *byte == 0) && packet.len() > 10 + len);
        }
        assert_eq!(Cname::new(""), None);
        assert_eq!(Cname::new(&"c".repeat(256)), None);
        assert_eq!(Cname::from_random([0xff; 12]).as_str(), "________________");
    }
}
