//! An RTP packet, read where it lies (RFC 3550 5.1).

use super::{DropReason, PayloadType, RtpHeader, SequenceNumber, Ssrc, Timestamp};

/// A received packet whose every part is known to lie inside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct RtpPacket<'a> {
    fixed: &'a [u8; RtpHeader::LEN],
    header_len: usize,
    payload: &'a [u8],
}

/// Whether a datagram whose first byte says RTP or RTCP is RTCP: its packet type lies where
/// RTP has marker and payload type, and 64..=95 are never payload types there (RFC 5761 4).
#[must_use]
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

impl<'a> RtpPacket<'a> {
    /// Reads a packet; CSRCs, header extension and padding are checked and passed over.
    ///
    /// # Errors
    /// The [`DropReason`] if it is no RTP packet or a part reaches behind its end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let header_len = header_len(bytes)?;
        let fixed = bytes.first_chunk().ok_or(DropReason::TooShort)?;
        let mut payload = &bytes[header_len..];
        if bytes[0] & 0x20 != 0 {
            let padding = usize::from(payload.last().copied().unwrap_or(0));
            if padding == 0 || padding > payload.len() {
                return Err(DropReason::BadPadding);
            }
            payload = &payload[..payload.len() - padding];
        }
        Ok(Self { fixed, header_len, payload })
    }

    /// What the payload is.
    #[must_use]
    pub const fn payload_type(&self) -> PayloadType {
        PayloadType::from_low_bits(self.fixed[1])
    }

    /// First packet of a talkspurt, or of a digit.
    #[must_use]
    pub const fn marker(&self) -> bool {
        self.fixed[1] & 0x80 != 0
    }

    /// This packet's number.
    #[must_use]
    pub const fn sequence(&self) -> SequenceNumber {
        SequenceNumber(u16::from_be_bytes([self.fixed[2], self.fixed[3]]))
    }

    /// When its first sample was taken.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        let [.., a, b, c, d, _, _, _, _] = *self.fixed;
        Timestamp(u32::from_be_bytes([a, b, c, d]))
    }

    /// The stream.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        let [.., a, b, c, d] = *self.fixed;
        Ssrc(u32::from_be_bytes([a, b, c, d]))
    }

    /// The encoded bytes, without padding; may be empty.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Bytes before the payload: fixed header, CSRCs and header extension.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        self.header_len
    }

    /// How many sources were mixed into the packet, 0..=15.
    #[must_use]
    pub const fn csrc_count(&self) -> u8 {
        self.fixed[0] & 0x0f
    }
}

/// Bytes before the payload. Reads nothing that SRTP encrypts, so it holds for a protected packet too.
pub(crate) fn header_len(bytes: &[u8]) -> Result<usize, DropReason> {
    let first = *bytes.first().ok_or(DropReason::TooShort)?;
    if first >> 6 != 2 {
        return Err(DropReason::BadVersion);
    }
    let mut len = RtpHeader::LEN + 4 * usize::from(first & 0x0f);
    if bytes.len() < len {
        return Err(DropReason::TooShort);
    }
    if first & 0x10 != 0 {
        let Some(&[_, _, high, low]) = bytes[len..].first_chunk() else {
            return Err(DropReason::BadExtension);
        };
        len += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        if bytes.len() < len {
            return Err(DropReason::BadExtension);
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fixed header with this first byte, and the rest of the packet behind it.
    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first, 0x80 | 96, 0x12, 0x34, 0, 0, 0, 160, 0xca, 0xfe, 0xba, 0xbe];
        bytes.extend_from_slice(rest);
        bytes
    }

    #[test]
    fn plain_packet_is_read() {
        let bytes = packet(0x80, b"payload");
        let packet = RtpPacket::parse(&bytes).expect("well formed");
        assert_eq!(packet.payload_type().number(), 96);
        assert!(packet.marker());
        assert_eq!(packet.sequence(), SequenceNumber(0x1234));
        assert_eq!(packet.timestamp(), Timestamp(160));
        assert_eq!(packet.ssrc(), Ssrc(0xcafe_babe));
        assert_eq!(packet.payload(), b"payload");
        assert_eq!((packet.header_len(), packet.csrc_count()), (12, 0));
    }

    #[test]
    fn fifteen_csrcs_an_extension_and_padding_are_passed_over() {
        let mut rest = vec![0x11; 15 * 4];
        rest.extend_from_slice(&[0xbe, 0xde, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        rest.extend_from_slice(b"payload\0\0\x03");
        let bytes = packet(0xbf, &rest);
        let packet = RtpPacket::parse(&bytes).expect("well formed");
        assert_eq!(packet.payload(), b"payload");
        assert_eq!((packet.header_len(), packet.csrc_count()), (12 + 60 + 12, 15));
    }

    #[test]
    fn what_reaches_behind_the_end_is_refused() {
        let reason = |bytes: &[u8]| RtpPacket::parse(bytes).expect_err("malformed");
        assert_eq!(reason(&[]), DropReason::TooShort);
        assert_eq!(reason(&packet(0x80, &[])[..11]), DropReason::TooShort);
        assert_eq!(reason(&packet(0x40, b"x")), DropReason::BadVersion);
        assert_eq!(reason(&packet(0xc0, b"x")), DropReason::BadVersion);
        assert_eq!(reason(&packet(0x81, &[1, 2, 3])), DropReason::TooShort);
        assert_eq!(reason(&packet(0x90, &[0xbe, 0xde, 0])), DropReason::BadExtension);
        assert_eq!(reason(&packet(0x90, &[0xbe, 0xde, 0, 1, 1, 2, 3])), DropReason::BadExtension);
        assert_eq!(reason(&packet(0x90, &[0xbe, 0xde, 0xff, 0xff])), DropReason::BadExtension);
        assert_eq!(reason(&packet(0xa0, &[])), DropReason::BadPadding);
        assert_eq!(reason(&packet(0xa0, &[1, 2, 0])), DropReason::BadPadding);
        assert_eq!(reason(&packet(0xa0, &[1, 2, 4])), DropReason::BadPadding);
    }

    #[test]
    fn padding_may_be_all_there_is() {
        let bytes = packet(0xa0, &[0, 0, 3]);
        assert_eq!(RtpPacket::parse(&bytes).expect("well formed").payload(), b"");
    }

    #[test]
    fn rtcp_is_told_by_its_packet_type() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 192]) && is_rtcp(&[0x80, 223]));
        assert!(!is_rtcp(&[0x80, 0]) && !is_rtcp(&[0x80, 0x80 | 111]) && !is_rtcp(&[0x80, 224]));
        assert!(!is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(packet) = RtpPacket::parse(&bytes) {
                prop_assert!(packet.header_len() + packet.payload().len() <= bytes.len());
            }
        }

        #[test]
        fn version_two_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            bytes[0] = 0x80 | bytes[0] & 0x3f;
            if let Ok(packet) = RtpPacket::parse(&bytes) {
                prop_assert!(packet.header_len() + packet.payload().len() <= bytes.len());
            }
        }

        #[test]
        fn written_header_is_read_back(
            number in 0_u8..128, marker: bool, sequence: u16, timestamp: u32, ssrc: u32,
        ) {
            let header = RtpHeader {
                payload_type: PayloadType::new(number).expect("below 128"),
                marker,
                sequence: SequenceNumber(sequence),
                timestamp: Timestamp(timestamp),
                ssrc: Ssrc(ssrc),
            };
            let mut bytes = [0; RtpHeader::LEN];
            header.write_to(&mut bytes);
            let packet = RtpPacket::parse(&bytes).expect("written by us");
            let read = RtpHeader {
                payload_type: packet.payload_type(),
                marker: packet.marker(),
                sequence: packet.sequence(),
                timestamp: packet.timestamp(),
                ssrc: packet.ssrc(),
            };
            prop_assert_eq!(read, header);
        }
    }
}
