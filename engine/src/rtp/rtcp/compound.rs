//! A compound packet and the packets in it (RFC 3550 6.1).
//!
//! All of it is checked before any of it is used. Browsers also send packets of reduced size,
//! which begin with something else than a report (RFC 5506); they are read as well.

use super::{ExtendedReport, ReceiverReport, SenderReport, goodbye, packet_type, source_description};
use crate::rtp::DropReason;

/// Bytes of the header that every RTCP packet has.
const HEADER_LEN: usize = 4;

/// A received datagram whose every RTCP packet is well formed.
#[derive(Debug, Clone, Copy)]
pub struct CompoundPacket<'a> {
    bytes: &'a [u8],
}

/// One packet of a compound.
#[derive(Debug, Clone, Copy)]
pub enum RtcpPacket<'a> {
    /// What a source sent, and what it received.
    SenderReport(SenderReport<'a>),
    /// What a source that sends nothing received.
    ReceiverReport(ReceiverReport<'a>),
    /// Who is behind an SSRC.
    SourceDescription,
    /// Sources that leave.
    Goodbye,
    /// What a plain report has no room for.
    ExtendedReport(ExtendedReport<'a>),
    /// Feedback and whatever else we pass over.
    Other {
        /// 192..=223.
        packet_type: u8,
    },
}

impl<'a> CompoundPacket<'a> {
    /// Checks a datagram from first to last byte.
    ///
    /// # Errors
    /// The [`DropReason`] if any of its packets is malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DropReason> {
        let mut rest = bytes;
        loop {
            rest = RtcpPacket::split_from(rest)?.1;
            if rest.is_empty() {
                return Ok(Self { bytes });
            }
        }
    }

    /// The packets in order.
    pub fn packets(&self) -> impl Iterator<Item = RtcpPacket<'a>> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (packet, behind) = RtcpPacket::split_from(rest).ok()?;
            rest = behind;
            Some(packet)
        })
    }
}

impl<'a> RtcpPacket<'a> {
    /// Reads the first packet of `bytes`; returns it and what follows.
    fn split_from(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DropReason> {
        let Some(&[first, packet_type, high, low]) = bytes.first_chunk() else {
            return Err(DropReason::TooShort);
        };
        if first >> 6 != 2 {
            return Err(DropReason::BadVersion);
        }
        let len = HEADER_LEN + 4 * usize::from(u16::from_be_bytes([high, low]));
        let (packet, behind) = bytes.split_at_checked(len).ok_or(DropReason::TooShort)?;
        let mut body = &packet[HEADER_LEN..];
        if first & 0x20 != 0 {
            body = without_padding(body, behind)?;
        }
        let count = usize::from(first & 0x1f);
        let packet = match packet_type {
            packet_type::SENDER_REPORT => Self::SenderReport(SenderReport::parse(body, count)?),
            packet_type::RECEIVER_REPORT => Self::ReceiverReport(ReceiverReport::parse(body, count)?),
            packet_type::SOURCE_DESCRIPTION => {
                source_description::check(body, count).map(|()| Self::SourceDescription)?
            }
            packet_type::GOODBYE => goodbye::check(body, count).map(|()| Self::Goodbye)?,
            packet_type::EXTENDED_REPORT => Self::ExtendedReport(ExtendedReport::parse(body)?),
            192..=223 => Self::Other { packet_type },
            _ => return Err(DropReason::BadPayload),
        };
        Ok((packet, behind))
    }
}

/// Only the last packet may be padded, by a multiple of four (RFC 3550 6.4.1).
fn without_padding<'a>(body: &'a [u8], behind: &[u8]) -> Result<&'a [u8], DropReason> {
    let padding = usize::from(body.last().copied().unwrap_or(0));
    if !behind.is_empty() || padding == 0 || padding % 4 != 0 || padding > body.len() {
        return Err(DropReason::BadPadding);
    }
    Ok(&body[..body.len() - padding])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rtp::Ssrc;

    const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

    #[test]
    fn packets_come_in_order_and_unknown_ones_are_passed_over() {
        let bytes = [
            &RECEIVER_REPORT[..],
            &[0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 8],
            &[0x81, 203, 0, 1, 0, 0, 0, 9],
        ]
        .concat();
        let compound = CompoundPacket::parse(&bytes).expect("well formed");
        let packets: Vec<_> = compound.packets().collect();
        assert!(matches!(packets[0], RtcpPacket::ReceiverReport(report) if report.ssrc() == Ssrc(9)));
        assert!(matches!(packets[1], RtcpPacket::Other { packet_type: 206 }));
        assert!(matches!(packets[2], RtcpPacket::Goodbye));
        assert_eq!(packets.len(), 3);
    }

    #[test]
    fn reduced_size_packets_are_read() {
        let nack = [0x81, 205, 0, 3, 0, 0, 0, 9, 0, 0, 0, 8, 0, 1, 0, 0];
        let compound = CompoundPacket::parse(&nack).expect("well formed");
        assert!(matches!(compound.packets().next(), Some(RtcpPacket::Other { packet_type: 205 })));
    }

    #[test]
    fn only_the_last_packet_may_be_padded() {
        let padded = [0xa0, 201, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4];
        assert!(CompoundPacket::parse(&padded).is_ok());
        let reason = |bytes: &[u8]| CompoundPacket::parse(bytes).expect_err("malformed");
        assert_eq!(reason(&[&padded[..], &RECEIVER_REPORT].concat()), DropReason::BadPadding);
        for padding in [0, 3, 8, 12] {
            let mut bytes = padded;
            bytes[11] = padding;
            // Eight bytes of padding would leave no room for the SSRC.
            let expected = if padding == 8 { DropReason::TooShort } else { DropReason::BadPadding };
            assert_eq!(reason(&bytes), expected, "{padding}");
        }
    }

    #[test]
    fn one_malformed_packet_spoils_the_compound() {
        let reason = |behind: &[u8]| {
            CompoundPacket::parse(&[&RECEIVER_REPORT[..], behind].concat()).expect_err("malformed")
        };
        assert_eq!(CompoundPacket::parse(&[]).expect_err("empty"), DropReason::TooShort);
        assert_eq!(reason(&[0x80]), DropReason::TooShort);
        assert_eq!(reason(&[0x80, 201, 0, 2, 0, 0, 0, 9]), DropReason::TooShort);
        assert_eq!(reason(&[0x80, 201, 0xff, 0xff, 0, 0, 0, 9]), DropReason::TooShort);
        assert_eq!(reason(&[0x40, 201, 0, 1, 0, 0, 0, 9]), DropReason::BadVersion);
        assert_eq!(reason(&[0x80, 224, 0, 0]), DropReason::BadPayload);
        assert_eq!(reason(&[0x80, 0, 0, 0]), DropReason::BadPayload);
        assert_eq!(reason(&[0x81, 201, 0, 1, 0, 0, 0, 9]), DropReason::TooShort, "no room for its block");
        assert_eq!(reason(&[0x80, 200, 0, 1, 0, 0, 0, 9]), DropReason::TooShort, "no sender info");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read_everything(&bytes);
        }

        #[test]
        fn nearly_right_packets_never_panic(
            packets in prop::collection::vec(
                (any::<u8>(), 198_u8..210, 0_u8..10, prop::collection::vec(any::<u8>(), 0..40)), 1..5,
            ),
        ) {
            let mut bytes = Vec::new();
            for (first, packet_type, words, body) in packets {
                bytes.extend_from_slice(&[0x80 | first & 0x3f, packet_type, 0, words]);
                bytes.extend(body.iter().chain(&[0; 40]).take(4 * usize::from(words)));
            }
            read_everything(&bytes);
        }
    }

    fn read_everything(bytes: &[u8]) {
        let Ok(compound) = CompoundPacket::parse(bytes) else { return };
        for packet in compound.packets() {
            match packet {
                RtcpPacket::SenderReport(report) => {
                    let _ = report.sender_info();
                    assert!(report.blocks().count() < 32);
                }
                RtcpPacket::ReceiverReport(report) => assert!(report.blocks().count() < 32),
                RtcpPacket::SourceDescription | RtcpPacket::Goodbye => {}
                RtcpPacket::ExtendedReport(report) => assert!(report.blocks().count() <= bytes.len() / 4),
                RtcpPacket::Other { packet_type } => assert!((192..224).contains(&packet_type)),
            }
        }
    }
}
