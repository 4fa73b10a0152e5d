//! The RTP header, RFC 3550 5.1.

use std::ops::Range;

/// The fixed part of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

const FIXED: usize = 12;

impl RtpHeader {
    /// The header and where in the packet its payload is; `None` where this is no RTP packet.
    pub(crate) fn parse(packet: &[u8]) -> Option<(Self, Range<usize>)> {
        let (fixed, _) = packet.split_first_chunk::<FIXED>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut start = FIXED + 4 * usize::from(fixed[0] & 15);
        if fixed[0] & 0x10 != 0 {
            let extension = packet.get(start..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let padding = if fixed[0] & 0x20 == 0 { 0 } else { usize::from(*packet.last()?) };
        let end = packet.len().checked_sub(padding).filter(|end| *end >= start)?;
        let header = Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Some((header, start..end))
    }

    /// Puts a packet into `out`, replacing what was there.
    pub(crate) fn write(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.push(0x80);
        out.push(u8::from(self.marker) << 7 | self.payload_type);
        out.extend(self.sequence.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        out.extend(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: RtpHeader =
        RtpHeader { marker: true, payload_type: 111, sequence: 65_535, timestamp: 7, ssrc: 0xdead_beef };

    #[test]
    fn what_is_written_is_read() {
        let mut packet = vec![1, 2, 3];
        HEADER.write(b"sound", &mut packet);
        assert_eq!(RtpHeader::parse(&packet), Some((HEADER, 12..17)));
    }

    #[test]
    fn sources_extensions_and_padding_are_no_payload() {
        let mut packet = Vec::new();
        HEADER.write(b"", &mut packet);
        packet[0] |= 0x20 | 0x10 | 1;
        packet.extend([9; 4]);
        packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        packet.extend(b"ab\0\0\x03");
        assert_eq!(RtpHeader::parse(&packet), Some((HEADER, 24..26)));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let mut packet = Vec::new();
        HEADER.write(b"", &mut packet);
        for length in 0..packet.len() {
            assert_eq!(RtpHeader::parse(&packet[..length]), None);
        }
        packet[0] = 0x8f;
        assert_eq!(RtpHeader::parse(&packet), None);
        packet[0] = 0x90;
        packet.extend([0, 0, 0xff, 0xff]);
        assert_eq!(RtpHeader::parse(&packet), None);
    }
}
