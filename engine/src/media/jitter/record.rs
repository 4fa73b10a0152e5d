//! A packet as it lies in the ring: three words of header, then the payload.

use super::ring::words_of;
use crate::rtp::{PayloadType, RtpPacket, SequenceNumber, Ssrc, Timestamp};

/// What a packet is to the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Encoded voice, which fills time.
    Voice,
    /// Comfort noise (RFC 3389): describes the silence that begins here and fills no time by itself.
    Noise,
    /// A telephone-event or whatever else takes a sequence number but is not played.
    Other,
}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) sequence: SequenceNumber,
    pub(super) timestamp: Timestamp,
    pub(super) ssrc: Ssrc,
    pub(super) payload_type: PayloadType,
    pub(super) content: Content,
    /// Bytes of payload.
    pub(super) length: u16,
    /// Microseconds after the buffer was made.
    pub(super) arrived_us: u64,
}

impl Record {
    /// Words of it in the ring, the payload apart.
    pub(super) const HEAD: usize = 3;

    pub(super) fn of(packet: &RtpPacket<'_>, content: Content, length: u16, arrived_us: u64) -> Self {
        Self {
            sequence: packet.sequence(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            payload_type: packet.payload_type(),
            content,
            length,
            arrived_us,
        }
    }

    pub(super) fn to_words(self) -> [u64; Self::HEAD] {
        let content = match self.content {
            Content::Voice => 0,
            Content::Noise => 1,
            Content::Other => 2,
        };
        let about = u64::from(self.length)
            | u64::from(self.sequence.0) << 16
            | u64::from(self.payload_type.number()) << 32
            | content << 40;
        [about, u64::from(self.timestamp.0) | u64::from(self.ssrc.0) << 32, self.arrived_us]
    }

    pub(super) fn from_words([about, stream, arrived_us]: [u64; Self::HEAD]) -> Self {
        Self {
            length: about as u16,
            sequence: SequenceNumber((about >> 16) as u16),
            payload_type: PayloadType::new((about >> 32) as u8 & 0x7f).expect("seven bits"),
            content: match (about >> 40) as u8 {
                0 => Content::Voice,
                1 => Content::Noise,
                _ => Content::Other,
            },
            timestamp: Timestamp(stream as u32),
            ssrc: Ssrc((stream >> 32) as u32),
            arrived_us,
        }
    }

    /// Words of the whole record.
    pub(super) const fn words(&self) -> u64 {
        Self::HEAD as u64 + words_of(self.length as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_every_field() {
        for (content, number) in [(Content::Voice, 0), (Content::Noise, 13), (Content::Other, 127)] {
            let record = Record {
                sequence: SequenceNumber(0xfedc),
                timestamp: Timestamp(0x89ab_cdef),
                ssrc: Ssrc(0xffff_0001),
                payload_type: PayloadType::new(number).expect("seven bits"),
                content,
                length: 1500,
                arrived_us: 1 << 60,
            };
            assert_eq!(Record::from_words(record.to_words()), record);
            assert_eq!(record.words(), 3 + 188);
        }
    }
}
