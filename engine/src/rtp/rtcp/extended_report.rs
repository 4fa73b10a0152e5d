//! Extended reports: what a plain report has no room for (RFC 3611).
//!
//! Three blocks are read and written: the receiver's reference time and the delay since it, by which
//! one who sends nothing measures the round trip, and the VoIP metrics. Others are passed over, and so
//! are those three where their length is not theirs: the reports beside them are worth more.

use super::voip_metrics::VoipMetrics;
use super::{packet_type, u32_at};
use crate::rtp::{DropReason, NtpTime, ShortNtpTime, Ssrc};

/// Bytes of a block's header.
const BLOCK_HEADER_LEN: usize = 4;

/// Block types (RFC 3611 4).
mod block_type {
    pub(super) const REFERENCE_TIME: u8 = 4;
    pub(super) const DLRR: u8 = 5;
    pub(super) const VOIP_METRICS: u8 = 7;
}

/// A received extended report, none of whose blocks runs past its end.
#[derive(Debug, Clone, Copy)]
pub struct ExtendedReport<'a> {
    ssrc: Ssrc,
    blocks: &'a [u8],
}

/// One block of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendedBlock<'a> {
    /// When the report was sent, by the clock of its sender (4.4).
    ReferenceTime(NtpTime),
    /// What became of the reference times that its sender received (4.5).
    Delays(DelayBlock<'a>),
    /// How a voice stream was received (4.7).
    VoipMetrics(VoipMetrics),
    /// Any other block, or one of a length that its type does not have.
    Other {
        /// Its number in RFC 3611 4 or later RFCs.
        block_type: u8,
    },
}

/// The sub-blocks of a DLRR block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayBlock<'a> {
    delays: &'a [[u8; ReferenceDelay::LEN]],
}

/// How long ago a reference time came: the reception report block's LSR and DLSR for receivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceDelay {
    /// Whose reference time.
    pub ssrc: Ssrc,
    /// The time itself; zero if none came.
    pub last_reference: ShortNtpTime,
    /// How long ago it came, in 1/65536 s; zero if none came.
    pub delay: u32,
}

/// An extended report of ours, to follow a plain report in one compound packet.
#[derive(Debug, Clone, Copy)]
pub struct ExtendedReportWriter<'a> {
    /// Who reports: our stream.
    pub ssrc: Ssrc,
    /// When it is sent.
    pub reference_time: Option<NtpTime>,
    /// Reference times that came.
    pub delays: &'a [ReferenceDelay],
    /// How a stream was received.
    pub voip_metrics: Option<&'a VoipMetrics>,
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
    pub fn blocks(&self) -> impl Iterator<Item = ExtendedBlock<'a>> + use<'a> {
        let mut rest = self.blocks;
        std::iter::from_fn(move || {
            let (block, behind) = split_block(rest).ok()?;
            rest = behind;
            Some(block)
        })
    }
}

impl<'a> DelayBlock<'a> {
    /// The sub-blocks in order.
    pub fn delays(&self) -> impl Iterator<Item = ReferenceDelay> + use<'a> {
        self.delays.iter().map(ReferenceDelay::read)
    }
}

impl ReferenceDelay {
    const LEN: usize = 12;

    fn read(bytes: &[u8; Self::LEN]) -> Self {
        Self {
            ssrc: Ssrc(u32_at(bytes, 0)),
            last_reference: ShortNtpTime(u32_at(bytes, 4)),
            delay: u32_at(bytes, 8),
        }
    }

    fn write_to(self, out: &mut [u8; Self::LEN]) {
        out[..4].copy_from_slice(&self.ssrc.0.to_be_bytes());
        out[4..8].copy_from_slice(&self.last_reference.0.to_be_bytes());
        out[8..].copy_from_slice(&self.delay.to_be_bytes());
    }
}

impl ExtendedReportWriter<'_> {
    /// Most sub-blocks of [`Self::delays`]: as many streams as a leg receives.
    pub const DELAYS_MAX: usize = 31;

    /// Bytes that [`Self::write_to`] writes.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        let reference_time = if self.reference_time.is_some() { BLOCK_HEADER_LEN + 8 } else { 0 };
        let delays = match self.delays.len() {
            0 => 0,
            count => BLOCK_HEADER_LEN + count * ReferenceDelay::LEN,
        };
        let metrics = if self.voip_metrics.is_some() { BLOCK_HEADER_LEN + VoipMetrics::LEN } else { 0 };
        8 + reference_time + delays + metrics
    }

    /// Writes the packet to the front of `buf` and returns its length.
    ///
    /// # Panics
    /// If `buf` is shorter than [`Self::byte_len`] or there are more than [`Self::DELAYS_MAX`] delays.
    pub fn write_to(&self, buf: &mut [u8]) -> usize {
        assert!(self.delays.len() <= Self::DELAYS_MAX, "a leg receives few streams");
        let length = self.byte_len();
        let (header, mut rest) = buf[..length].split_at_mut(8);
        let words = length / 4 - 1;
        header[..4].copy_from_slice(&[0x80, packet_type::EXTENDED_REPORT, (words >> 8) as u8, words as u8]);
        header[4..].copy_from_slice(&self.ssrc.0.to_be_bytes());
        if let Some(time) = self.reference_time {
            rest = write_block(rest, block_type::REFERENCE_TIME, 8, |body| {
                body.copy_from_slice(&time.0.to_be_bytes());
            });
        }
        if !self.delays.is_empty() {
            let length = self.delays.len() * ReferenceDelay::LEN;
            rest = write_block(rest, block_type::DLRR, length, |body| {
                for (out, delay) in body.as_chunks_mut().0.iter_mut().zip(self.delays) {
                    delay.write_to(out);
                }
            });
        }
        if let Some(metrics) = self.voip_metrics {
            write_block(rest, block_type::VOIP_METRICS, VoipMetrics::LEN, |body| {
                metrics.write_to(body.first_chunk_mut().expect("as long as asked for"));
            });
        }
        length
    }
}

/// Writes a block whose body has `length` bytes; returns what is behind it.
fn write_block(out: &mut [u8], block_type: u8, length: usize, write: impl FnOnce(&mut [u8])) -> &mut [u8] {
    let (block, behind) = out.split_at_mut(BLOCK_HEADER_LEN + length);
    let (header, body) = block.split_at_mut(BLOCK_HEADER_LEN);
    let words = length / 4;
    header.copy_from_slice(&[block_type, 0, (words >> 8) as u8, words as u8]);
    write(body);
    behind
}

/// Reads the first block of `bytes`; returns it and what follows.
fn split_block(bytes: &[u8]) -> Result<(ExtendedBlock<'_>, &[u8]), DropReason> {
    let Some((&[block_type, _, high, low], behind)) = bytes.split_first_chunk() else {
        return Err(DropReason::TooShort);
    };
    let length = 4 * usize::from(u16::from_be_bytes([high, low]));
    let (body, behind) = behind.split_at_checked(length).ok_or(DropReason::TooShort)?;
    Ok((read_block(block_type, body).unwrap_or(ExtendedBlock::Other { block_type }), behind))
}

/// A block that we know, if it is as long as it should be.
fn read_block(block_type: u8, body: &[u8]) -> Option<ExtendedBlock<'_>> {
    match block_type {
        block_type::REFERENCE_TIME => {
            let time = body.try_into().ok()?;
            Some(ExtendedBlock::ReferenceTime(NtpTime(u64::from_be_bytes(time))))
        }
        block_type::DLRR => match body.as_chunks() {
            (delays, []) => Some(ExtendedBlock::Delays(DelayBlock { delays })),
            _ => None,
        },
        block_type::VOIP_METRICS => {
            Some(ExtendedBlock::VoipMetrics(VoipMetrics::read(body.try_into().ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_rtcp::extended_report::{
        DLRRReportBlock, ExtendedReport as Theirs, ReceiverReferenceTimeReportBlock, VoIPMetricsReportBlock,
    };

    use super::*;
    use crate::rtp::rtcp::{CompoundPacket, RtcpPacket};

    const DELAYS: [ReferenceDelay; 2] = [
        ReferenceDelay { ssrc: Ssrc(7), last_reference: ShortNtpTime(0x1234_5678), delay: 65_536 },
        ReferenceDelay { ssrc: Ssrc(8), last_reference: ShortNtpTime(0), delay: 0 },
    ];

    fn write(report: &ExtendedReportWriter<'_>) -> Vec<u8> {
        let mut bytes = vec![0xee; report.byte_len() + 4];
        assert_eq!(report.write_to(&mut bytes), report.byte_len());
        assert_eq!(bytes.split_off(report.byte_len()), [0xee; 4], "nothing is written behind it");
        bytes
    }

    fn blocks(bytes: &[u8]) -> Vec<ExtendedBlock<'_>> {
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
        let report = ExtendedReportWriter {
            ssrc: Ssrc(9),
            reference_time: Some(NtpTime(0x0123_4567_89ab_cdef)),
            delays: &DELAYS,
            voip_metrics: Some(&metrics),
        };
        let bytes = write(&report);
        let read = blocks(&bytes);
        assert_eq!(read[0], ExtendedBlock::ReferenceTime(NtpTime(0x0123_4567_89ab_cdef)));
        assert!(matches!(read[1], ExtendedBlock::Delays(block) if block.delays().eq(DELAYS)));
        assert_eq!((read[2], read.len()), (ExtendedBlock::VoipMetrics(metrics), 3));

        let packets = rtc_rtcp::packet::unmarshal(&mut &bytes[..]).expect("well formed");
        let theirs = packets[0].as_any().downcast_ref::<Theirs>().expect("an extended report");
        assert_eq!(theirs.sender_ssrc, 9);
        let time = theirs.reports[0].as_any().downcast_ref::<ReceiverReferenceTimeReportBlock>();
        assert_eq!(time.expect("a reference time").ntp_timestamp, 0x0123_4567_89ab_cdef);
        let delays = &theirs.reports[1].as_any().downcast_ref::<DLRRReportBlock>().expect("DLRR").reports;
        assert_eq!((delays[0].ssrc, delays[0].last_rr, delays[0].dlrr), (7, 0x1234_5678, 65_536));
        let voip = theirs.reports[2].as_any().downcast_ref::<VoIPMetricsReportBlock>().expect("metrics");
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
    fn each_block_may_be_left_out() {
        let empty =
            ExtendedReportWriter { ssrc: Ssrc(9), reference_time: None, delays: &[], voip_metrics: None };
        assert_eq!(blocks(&write(&empty)), []);
        let delays = ExtendedReportWriter { delays: &DELAYS[..1], ..empty };
        assert!(matches!(blocks(&write(&delays))[..], [ExtendedBlock::Delays(_)]));
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
        for block_type in [4, 5, 7] {
            // Half a time, a third of a delay, too little of the metrics; and a whole time.
            let extended = [
                [0x80, 207, 0, 6, 0, 0, 0, 9],
                [block_type, 0, 0, 1, 0, 0, 0, 0],
                [4, 0, 0, 2, 0, 0, 0, 1],
                [0, 0, 0, 2, 0x81, 203, 0, 1],
            ];
            let bytes = [&receiver_report, extended.as_flattened(), &[0, 0, 0, 9]].concat();
            let compound = CompoundPacket::parse(&bytes).expect("every packet is whole");
            let packets: Vec<_> = compound.packets().collect();
            let [RtcpPacket::ReceiverReport(_), RtcpPacket::ExtendedReport(report), RtcpPacket::Goodbye(_)] =
                packets[..]
            else {
                panic!("{packets:?}");
            };
            let time = ExtendedBlock::ReferenceTime(NtpTime(0x1_0000_0002));
            assert!(report.blocks().eq([ExtendedBlock::Other { block_type }, time]), "block {block_type}");
        }
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
                for block in report.blocks() {
                    if let ExtendedBlock::Delays(delays) = block {
                        prop_assert!(delays.delays().count() * ReferenceDelay::LEN <= body.len());
                    }
                }
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
