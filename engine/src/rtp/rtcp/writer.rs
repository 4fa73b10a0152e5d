//! The compound packet that we send: a report, our CNAME, an extended report, at the end a BYE (RFC 3550 6.1).

use super::{Cname, ExtendedReportWriter, ReportBlock, SenderInfo, packet_type};
use crate::rtp::Ssrc;

/// What a compound packet of ours says.
#[derive(Debug, Clone, Copy)]
pub struct CompoundReport<'a> {
    /// Who reports: our stream.
    pub ssrc: Ssrc,
    /// What we sent; `None` makes it a receiver report.
    pub sender_info: Option<SenderInfo>,
    /// What we received, by source; at most [`Self::BLOCKS_MAX`].
    pub blocks: &'a [ReportBlock],
    /// Our name, the same for the life of the leg.
    pub cname: &'a Cname,
    /// What the report has no room for (RFC 3611).
    pub extended: Option<ExtendedReportWriter<'a>>,
    /// Whether our stream ends here.
    pub is_goodbye: bool,
}

impl CompoundReport<'_> {
    /// Most blocks that one report takes: its count has five bits.
    pub const BLOCKS_MAX: usize = 31;

    /// Bytes that [`Self::write_to`] writes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.report_len() + self.cname.packet_len() + self.extended_len() + self.goodbye_len()
    }

    /// Writes the compound packet to the front of `buf` and returns its length.
    ///
    /// # Panics
    /// If `buf` is shorter than [`Self::byte_len`] or there are more than [`Self::BLOCKS_MAX`] blocks.
    pub fn write_to(&self, buf: &mut [u8]) -> usize {
        assert!(
            self.blocks.len() <= Self::BLOCKS_MAX,
            "a leg receives fewer streams than a report has blocks"
        );
        let (report, behind) = buf.split_at_mut(self.report_len());
        self.write_report(report);
        let (description, behind) = behind.split_at_mut(self.cname.packet_len());
        self.cname.write_packet(self.ssrc, description);
        let (extended, behind) = behind.split_at_mut(self.extended_len());
        if let Some(report) = &self.extended {
            report.write_to(extended);
        }
        if self.is_goodbye {
            write_header(&mut behind[..8], 1, packet_type::GOODBYE, self.ssrc);
        }
        self.byte_len()
    }

    fn report_len(&self) -> usize {
        let sender_info_len = if self.sender_info.is_some() { SenderInfo::LEN } else { 0 };
        8 + sender_info_len + self.blocks.len() * ReportBlock::LEN
    }

    fn extended_len(&self) -> usize {
        if self.extended.is_some() { ExtendedReportWriter::LEN } else { 0 }
    }

    const fn goodbye_len(&self) -> usize {
        if self.is_goodbye { 8 } else { 0 }
    }

    fn write_report(&self, out: &mut [u8]) {
        let packet_type = match self.sender_info {
            Some(_) => packet_type::SENDER_REPORT,
            None => packet_type::RECEIVER_REPORT,
        };
        write_header(out, self.blocks.len(), packet_type, self.ssrc);
        let mut behind = &mut out[8..];
        if let Some(info) = &self.sender_info {
            let (bytes, rest) = behind.split_first_chunk_mut().expect("counted by report_len");
            info.write_to(bytes);
            behind = rest;
        }
        for (block, bytes) in self.blocks.iter().zip(behind.as_chunks_mut().0) {
            block.write_to(bytes);
        }
    }
}

/// Writes the first eight bytes of the packet that fills `packet`.
fn write_header(packet: &mut [u8], count: usize, packet_type: u8, ssrc: Ssrc) {
    let words = packet.len() / 4 - 1;
    packet[..4].copy_from_slice(&[0x80 | count as u8, packet_type, (words >> 8) as u8, words as u8]);
    packet[4..8].copy_from_slice(&ssrc.0.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use rtc_rtcp::goodbye::Goodbye as TheirGoodbye;
    use rtc_rtcp::receiver_report::ReceiverReport as TheirReceiverReport;
    use rtc_rtcp::sender_report::SenderReport as TheirSenderReport;
    use rtc_rtcp::source_description::SourceDescription as TheirDescription;

    use super::*;
    use crate::rtp::rtcp::{CompoundPacket, RtcpPacket};
    use crate::rtp::{NtpTime, ShortNtpTime, Timestamp};

    const INFO: SenderInfo = SenderInfo {
        ntp_time: NtpTime(0xe0e1_e2e3_8000_0001),
        rtp_timestamp: Timestamp(0xfeed_f00d),
        packet_count: 1000,
        octet_count: 160_000,
    };

    fn block(ssrc: u32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(ssrc),
            fraction_lost: 64,
            cumulative_lost: 300,
            highest_sequence: 0x0002_0007,
            jitter: 33,
            last_sender_report: ShortNtpTime(0x1234_5678),
            delay_since_last_sender_report: 65_536,
        }
    }

    fn write(report: &CompoundReport<'_>) -> Vec<u8> {
        let mut buf = vec![0xff; report.byte_len() + 4];
        let len = report.write_to(&mut buf);
        assert_eq!(len, report.byte_len());
        assert_eq!(buf[len..], [0xff; 4], "nothing is written behind the packet");
        buf.truncate(len);
        buf
    }

    #[test]
    fn what_we_write_we_read() {
        let cname = Cname::new("webtrunk").expect("short");
        for sender_info in [None, Some(INFO)] {
            for blocks in [&[][..], &[block(1)], &[block(1), block(2), block(3)]] {
                for is_goodbye in [false, true] {
                    let report = CompoundReport {
                        ssrc: Ssrc(9),
                        sender_info,
                        blocks,
                        cname: &cname,
                        extended: None,
                        is_goodbye,
                    };
                    let bytes = write(&report);
                    let compound = CompoundPacket::parse(&bytes).expect("well formed");
                    let mut packets = compound.packets();
                    match packets.next() {
                        Some(RtcpPacket::SenderReport(read)) => {
                            assert_eq!((read.ssrc(), Some(read.sender_info())), (Ssrc(9), sender_info));
                            assert!(read.blocks().eq(blocks.iter().copied()));
                        }
                        Some(RtcpPacket::ReceiverReport(read)) => {
                            assert_eq!((read.ssrc(), sender_info), (Ssrc(9), None));
                            assert!(read.blocks().eq(blocks.iter().copied()));
                        }
                        other => panic!("a report comes first, not {other:?}"),
                    }
                    let second = packets.next();
                    assert!(matches!(second, Some(RtcpPacket::SourceDescription)), "{second:?}");
                    match packets.next() {
                        Some(RtcpPacket::Goodbye) if is_goodbye => {}
                        None if !is_goodbye => {}
                        other => panic!("unexpected {other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn another_implementation_reads_what_we_write() {
        let cname = Cname::new("webtrunk").expect("short");
        let report = CompoundReport {
            ssrc: Ssrc(9),
            sender_info: Some(INFO),
            blocks: &[block(1)],
            cname: &cname,
            extended: None,
            is_goodbye: true,
        };
        let packets = rtc_rtcp::packet::unmarshal(&mut &write(&report)[..]).expect("well formed");
        let sender = packets[0].as_any().downcast_ref::<TheirSenderReport>().expect("a sender report");
        assert_eq!((sender.ssrc, sender.ntp_time, sender.rtp_time), (9, INFO.ntp_time.0, 0xfeed_f00d));
        assert_eq!((sender.packet_count, sender.octet_count), (1000, 160_000));
        let read = &sender.reports[0];
        assert_eq!((read.ssrc, read.fraction_lost, read.total_lost), (1, 64, 300));
        assert_eq!((read.last_sequence_number, read.jitter), (0x0002_0007, 33));
        assert_eq!((read.last_sender_report, read.delay), (0x1234_5678, 65_536));
        let description = packets[1].as_any().downcast_ref::<TheirDescription>().expect("a description");
        assert_eq!(
            (description.chunks[0].source, &description.chunks[0].items[0].text[..]),
            (9, &b"webtrunk"[..])
        );
        let goodbye = packets[2].as_any().downcast_ref::<TheirGoodbye>().expect("a goodbye");
        assert_eq!(goodbye.sources, [9]);

        let report = CompoundReport { sender_info: None, is_goodbye: false, ..report };
        let packets = rtc_rtcp::packet::unmarshal(&mut &write(&report)[..]).expect("well formed");
        assert!(packets[0].as_any().downcast_ref::<TheirReceiverReport>().is_some());
        assert_eq!(packets.len(), 2);
    }
}
