//! The fixed header of an RTP packet, as we write it (RFC 3550 5.1).

use super::{SequenceNumber, Timestamp};

/// Synchronization source: names one RTP stream (RFC 3550 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ssrc(pub u32);

/// Payload type: what a packet carries, by negotiation; 0..=127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayloadType(u8);

impl PayloadType {
    /// G.711 u-law at 8 kHz (RFC 3551 table 4).
    pub const PCMU: Self = Self(0);
    /// G.711 A-law at 8 kHz (RFC 3551 table 4).
    pub const PCMA: Self = Self(8);

    /// The payload type of this number; `None` above 127.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 128 { Some(Self(number)) } else { None }
    }

    /// The payload type in the low seven bits of a packet's second byte.
    #[must_use]
    pub(super) const fn from_low_bits(byte: u8) -> Self {
        Self(byte & 0x7f)
    }

    /// The number, 0..=127.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What stands in the header of a packet that we send: no padding, no extension, no CSRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtpHeader {
    /// What the payload is.
    pub payload_type: PayloadType,
    /// First packet of a talkspurt, or of a digit.
    pub marker: bool,
    /// This packet's number.
    pub sequence: SequenceNumber,
    /// When its first sample was taken.
    pub timestamp: Timestamp,
    /// The stream.
    pub ssrc: Ssrc,
}

impl RtpHeader {
    /// Bytes that [`Self::write_to`] writes.
    pub const LEN: usize = 12;

    /// Writes the header to the front of `buf` and returns [`Self::LEN`].
    ///
    /// # Panics
    /// If `buf` is shorter than that.
    pub fn write_to(&self, buf: &mut [u8]) -> usize {
        let header: &mut [u8; Self::LEN] =
            buf.first_chunk_mut().expect("an outgoing packet's buffer has room for the header");
        header[0] = 2 << 6;
        header[1] = u8::from(self.marker) << 7 | self.payload_type.number();
        header[2..4].copy_from_slice(&self.sequence.0.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.0.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        Self::LEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_laid_out_as_in_rfc_3550() {
        let header = RtpHeader {
            payload_type: PayloadType::new(111).expect("below 128"),
            marker: true,
            sequence: SequenceNumber(0x1234),
            timestamp: Timestamp(0xdeca_fbad),
            ssrc: Ssrc(0xcafe_babe),
        };
        let mut buf = [0xff; 14];
        assert_eq!(header.write_to(&mut buf), 12);
        assert_eq!(buf, [0x80, 0xef, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe, 0xff, 0xff]);
    }

    #[test]
    fn payload_types_have_seven_bits() {
        assert_eq!(PayloadType::new(127).map(PayloadType::number), Some(127));
        assert_eq!(PayloadType::new(128), None);
    }
}
