//! Extended reports: what a plain report has no room for (RFC 3611).
//!
//! One block is read and written: the VoIP metrics. Others are passed over, and so is that one where its length is not
//! its own: the reports beside it are worth more.

use super::voip_metrics::VoipMetrics;
use super::{packet_type, u32_at};
use crate::rtp::{DropReason, Ssrc};

/// Bytes of a block's header.
const BLOCK_HEADER_LEN: usize = 4;

/// The type of a block of VoIP metrics (RFC 3611 4.7).
const VOIP_METRICS: u8 = 7;

/// A received extended report, none of whose blocks runs past its end.
#[derive(Debug, Clone, Copy)]
pub struct ExtendedReport<'a> {
    ssrc: Ssrc,
    blocks: &'a [u8],
}

/// One block of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendedBlock {
    /// How a voice stream was received (4.7).
    VoipMetrics(VoipMetrics),
    /// Any other block, or one of a length that its type does not have.
    Other {
        /// Its number in RFC 3611 4 or later RFCs.
        block_type: u8,
    },
}

/// An extended report of ours, to follow a plain report in one compound packet.
#[derive(Debug, Clone, Copy)]
pub struct ExtendedReportWriter<'a> {
    /// Who reports: our stream.
    pub ssrc: Ssrc,
    /// How a stream was received.
    pub voip_metrics: &'a VoipMetrics,
}

impl<'a> ExtendedReport<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, DropReason> {
        let (ssrc, blocks) = body.split_at_checked(4).ok_or(DropReason::TooShort)?;
        let mut rest = blocks;
        while !rest.is_empty() {
            rest = split_block(rest)?.1;
        }
        Ok(Self { ssrc: Ssrc(u32_at(ssrc, 0)), blocks })
    }

    /// Who reports.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = ExtendedBlock> + use<'a> {
        let mut rest = self.blocks;
        std::iter::from_fn(move || {
            let (block, behind) = split_block(rest).ok()?;
            rest = behind;
            Some(block)
        })
    }
}

impl ExtendedReportWriter<'_> {
    /// Bytes that [`Self::write_to`] writes.
    pub const LEN: usize = 8 + BLOCK_HEADER_LEN + VoipMetrics::LEN;

    /// Writes the packet to the front of `buf` and returns its length.
    ///
    /// # Panics
    /// If `buf` is shorter than [`Self::LEN`].
    pub fn write_to(&self, buf: &mut [u8]) -> usize {
        let (header, rest) = buf[..Self::LEN].split_at_mut(8);
        header[..4].copy_from_slice(&[0x80, packet_type::EXTENDED_REPORT, 0, (Self::LEN / 4 - 1) as u8]);
        header[4..].copy_from_slice(&self.ssrc.0.to_be_bytes());
        let (header, body) = rest.split_at_mut(BLOCK_HEADER_LEN);
        header.copy_from_slice(&[VOIP_METRICS, 0, 0, (VoipMetrics::LEN / 4) as u8]);
        self.voip_metrics.write_to(body.first_chunk_mut().expect("as long as is counted"));
        Self::LEN
    }
}

/// Reads the first block of `bytes`; returns it and what follows.
fn split_block(bytes: &[u8]) -> Result<(ExtendedBlock, &[u8]), DropReason> {
    let Some((&[block_type, _, high, low], behind)) = bytes.split_first_chunk() else {
        return Err(DropReason::TooShort);
    };
    let length = 4 * usize::from(u16::from_be_bytes([high, low]));
    let (body, behind) = behind.split_at_checked(length).ok_or(DropReason::TooShort)?;
    Ok((read_block(block_type, body).unwrap_or(ExtendedBlock::Other { block_type }), behind))
}

/// A block that we know, if it is as long as it should be.
fn read_block(block_type: u8, body: &[u8]) -> Option<ExtendedBlock> {
    if block_type != VOIP_METRICS {
        return None;
    }
    Some(ExtendedBlock::VoipMetrics(VoipMetrics::read(body.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_rtcp::extended_report::{ExtendedReport as Theirs, VoIPMetricsReportBlock};

    use super::*;
    use crate::rtp::rtcp::{CompoundPacket, RtcpPacket};

    fn write(report: &ExtendedReportWriter<'_>) -> Vec<u8> {
        let mut bytes = vec![0xee; ExtendedReportWriter::LEN + 4];
        assert_eq!(report.write_to(&mut bytes), ExtendedReportWriter::LEN);
        assert_eq!(bytes.split_off(ExtendedReportWriter::LEN), [0xee; 4], "nothing is written behind it");
        bytes
    }

    fn blocks(bytes: &[u8]) -> Vec<ExtendedBlock> {
        let compound = CompoundPacket::parse(bytes).expect("well formed");
        let Some(RtcpPacket::ExtendedReport(report)) = compound.packets().next() else {
            panic!("an extended report");
        };
        assert_eq!(report.ssrc(), Ssrc(9));
        report.blocks().collect()
    }

    #[test]
    fn what_we_write_we_and_others_read() {
        let metrics = VoipMetrics::example();
        let bytes = write(&ExtendedReportWriter { ssrc: Ssrc(9), voip_metrics: &metrics });
        assert_eq!(blocks(&bytes), [ExtendedBlock::VoipMetrics(metrics)]);

        let packets = rtc_rtcp::packet::unmarshal(&mut &bytes[..]).expect("well formed");
        let theirs = packets[0].as_any().downcast_ref::<Theirs>().expect("an extended report");
        assert_eq!(theirs.sender_ssrc, 9);
        let voip = theirs.reports[0].as_any().downcast_ref::<VoIPMetricsReportBlock>().expect("metrics");
        assert_eq!((voip.ssrc, voip.loss_rate, voip.discard_rate), (7, 12, 3));
        assert_eq!((voip.burst_density, voip.gap_density), (128, 2));
        assert_eq!((voip.burst_duration, voip.gap_duration), (140, 9000));
        assert_eq!((voip.round_trip_delay, voip.end_system_delay), (85, 62));
        assert_eq!((voip.signal_level, voip.noise_level), (0xed, 0xc4));
        assert_eq!((voip.rerl, voip.gmin, voip.rfactor, voip.ext_rfactor), (127, 16, 88, 127));
        assert_eq!((voip.mos_lq, voip.mos_cq, voip.rx_config), (42, 41, 0b1111_0000));
        assert_eq!((voip.jb_nominal, voip.jb_maximum, voip.jb_abs_max), (40, 90, 160));
    }

    #[test]
    fn blocks_that_run_past_the_report_are_refused_and_unknown_ones_passed_over() {
        let report = |blocks: &[u8]| {
            let words = (4 + blocks.len() / 4) as u8 - 3;
            [&[0x80, 207, 0, words, 0, 0, 0, 9], blocks].concat()
        };
        let reason = |bytes: &[u8]| CompoundPacket::parse(&report(bytes)).expect_err("malformed");
        assert_eq!(reason(&[1, 0, 0, 2, 0, 0, 0, 0]), DropReason::TooShort);
        assert_eq!(reason(&[1, 0, 0xff, 0xff]), DropReason::TooShort);
        let known = report(&[1, 0, 0, 1, 0, 0, 0, 0, 200, 0, 0, 0]);
        let read = blocks(&known);
        assert_eq!(read, [ExtendedBlock::Other { block_type: 1 }, ExtendedBlock::Other { block_type: 200 }]);
        let no_source = [0x80, 207, 0, 0];
        assert_eq!(CompoundPacket::parse(&no_source).expect_err("malformed"), DropReason::TooShort);
    }

    #[test]
    fn a_block_of_a_wrong_length_costs_neither_its_neighbours_nor_the_report_before_it() {
        let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 9];
        // Too little of the metrics, then a reference time, which is of no use to us.
        let extended = [
            [0x80, 207, 0, 6, 0, 0, 0, 9],
            [7, 0, 0, 1, 0, 0, 0, 0],
            [4, 0, 0, 2, 0, 0, 0, 1],
            [0, 0, 0, 2, 0x81, 203, 0, 1],
        ];
        let bytes = [&receiver_report, extended.as_flattened(), &[0, 0, 0, 9]].concat();
        let compound = CompoundPacket::parse(&bytes).expect("every packet is whole");
        let packets: Vec<_> = compound.packets().collect();
        let [RtcpPacket::ReceiverReport(_), RtcpPacket::ExtendedReport(report), RtcpPacket::Goodbye] =
            packets[..]
        else {
            panic!("{packets:?}");
        };
        let other = |block_type| ExtendedBlock::Other { block_type };
        assert!(report.blocks().eq([other(7), other(4)]));
    }

    proptest! {
        #[test]
        fn nearly_right_blocks_never_panic(
            blocks in prop::collection::vec(
                (0_u8..10, any::<u8>(), 0_u8..12, prop::collection::vec(any::<u8>(), 0..48)), 0..6,
            ),
        ) {
            let mut body = vec![0, 0, 0, 9];
            for (block_type, specific, words, content) in blocks {
                body.extend_from_slice(&[block_type, specific, 0, words]);
                body.extend_from_slice(&content);
            }
            if let Ok(report) = ExtendedReport::parse(&body) {
                prop_assert!(report.blocks().count() <= body.len() / 4);
            }
        }

        #[test]
        fn any_metrics_survive(bytes: [u8; VoipMetrics::LEN]) {
            let mut written = [0; VoipMetrics::LEN];
            VoipMetrics::read(&bytes).write_to(&mut written);
            // What is reserved is written as zero.
            let mut expected = bytes;
            expected[25] = 0;
            prop_assert_eq!(written, expected);
        }
    }
}
