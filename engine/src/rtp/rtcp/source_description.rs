//! SDES: who is behind an SSRC (RFC 3550 6.5). Only the CNAME matters to us.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::u32_at;
use crate::rtp::{DropReason, Ssrc};

/// Item type of the canonical name.
const CNAME: u8 = 1;

/// Canonical name: ties the streams of one party together; 1..=255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cname(String);

/// An SDES packet.
#[derive(Debug, Clone, Copy)]
pub struct SourceDescription<'a> {
    chunks: &'a [u8],
    count: usize,
}

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

impl<'a> SourceDescription<'a> {
    /// Checks the chunks of a packet that has `count` of them.
    pub(super) fn parse(chunks: &'a [u8], count: usize) -> Result<Self, DropReason> {
        let mut rest = chunks;
        for _ in 0..count {
            rest = split_chunk(rest)?.1;
        }
        Ok(Self { chunks, count })
    }

    /// The canonical names; they are bytes of the peer's choice, not always text.
    pub fn cnames(&self) -> impl Iterator<Item = (Ssrc, &'a [u8])> + use<'a> {
        let mut rest = self.chunks;
        (0..self.count).filter_map(move |_| {
            let ((ssrc, cname), behind) = split_chunk(rest).ok()?;
            rest = behind;
            Some((ssrc, cname?))
        })
    }
}

/// A chunk's source and CNAME.
type Chunk<'a> = (Ssrc, Option<&'a [u8]>);

/// Reads the first chunk of `bytes`; returns it and what follows.
fn split_chunk(bytes: &[u8]) -> Result<(Chunk<'_>, &[u8]), DropReason> {
    if bytes.len() < 4 {
        return Err(DropReason::TooShort);
    }
    let ssrc = Ssrc(u32_at(bytes, 0));
    let mut cname = None;
    let mut at = 4;
    while *bytes.get(at).ok_or(DropReason::TooShort)? != 0 {
        let len = usize::from(*bytes.get(at + 1).ok_or(DropReason::TooShort)?);
        let text = bytes.get(at + 2..at + 2 + len).ok_or(DropReason::TooShort)?;
        if bytes[at] == CNAME && cname.is_none() {
            cname = Some(text);
        }
        at += 2 + len;
    }
    let end = (at + 1).next_multiple_of(4);
    Ok(((ssrc, cname), bytes.get(end..).ok_or(DropReason::TooShort)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cnames_of_several_chunks_are_read() {
        let chunks = [
            &[0, 0, 0, 1, 2, 3, b'A', b'n', b'n', 1, 3, b'o', b'n', b'e', 0, 0][..],
            &[0, 0, 0, 2, 6, 1, b'x', 0],
            &[0, 0, 0, 3, 1, 1, b'3', 0],
        ]
        .concat();
        let description = SourceDescription::parse(&chunks, 3).expect("well formed");
        let cnames: Vec<_> = description.cnames().collect();
        assert_eq!(cnames, [(Ssrc(1), &b"one"[..]), (Ssrc(3), &b"3"[..])]);
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
            let reason = SourceDescription::parse(chunk, 1).expect_err("malformed");
            assert_eq!(reason, DropReason::TooShort, "{chunk:?}");
        }
    }

    #[test]
    fn a_written_cname_is_read_back_at_any_length() {
        for len in 1..=255 {
            let cname = Cname::new(&"c".repeat(len)).expect("short enough");
            let mut packet = vec![0xff; cname.packet_len()];
            cname.write_packet(Ssrc(5), &mut packet);
            assert_eq!(4 * (usize::from(packet[3]) + 1), packet.len());
            let description = SourceDescription::parse(&packet[4..], 1).expect("well formed");
            assert_eq!(description.cnames().next(), Some((Ssrc(5), cname.as_str().as_bytes())));
        }
        assert_eq!(Cname::new(""), None);
        assert_eq!(Cname::new(&"c".repeat(256)), None);
        assert_eq!(Cname::from_random([0xff; 12]).as_str(), "________________");
    }
}
