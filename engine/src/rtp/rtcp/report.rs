//! Sender and receiver reports (RFC 3550 6.4).

use super::u32_at;
use crate::rtp::{DropReason, NtpTime, ShortNtpTime, Ssrc, Timestamp};

/// A sender report: what its source sent, and what it received.
#[derive(Debug, Clone, Copy)]
pub struct SenderReport<'a> {
    fixed: &'a [u8; 4 + SenderInfo::LEN],
    blocks: &'a [u8],
}

/// A receiver report: what its source, which sends nothing, received.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverReport<'a> {
    ssrc: &'a [u8; 4],
    blocks: &'a [u8],
}

/// What a source sent since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was sent.
    pub ntp_time: NtpTime,
    /// The same moment on the stream's clock.
    pub rtp_timestamp: Timestamp,
    /// Packets; wraps.
    pub packet_count: u32,
    /// Payload bytes; wraps.
    pub octet_count: u32,
}

/// What a receiver has of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: Ssrc,
    /// Lost since the last report, in 1/256 of what was expected.
    pub fraction_lost: u8,
    /// Lost since the beginning; negative where packets came twice. Written in 24 bits.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its wraps above.
    pub highest_sequence: u32,
    /// Interarrival jitter in clock rate units.
    pub jitter: u32,
    /// When the source's last sender report was sent, by itself; zero if none came.
    pub last_sender_report: ShortNtpTime,
    /// How long ago that came, in 1/65536 s; zero if none came.
    pub delay_since_last_sender_report: u32,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(body: &'a [u8], count: usize) -> Result<Self, DropReason> {
        let (fixed, behind) = body.split_first_chunk().ok_or(DropReason::TooShort)?;
        Ok(Self { fixed, blocks: blocks_of(behind, count)? })
    }

    /// Who reports.
    #[must_use]
    pub fn ssrc(&self) -> Ssrc {
        Ssrc(u32_at(self.fixed, 0))
    }

    /// What it sent.
    #[must_use]
    pub fn sender_info(&self) -> SenderInfo {
        SenderInfo {
            ntp_time: NtpTime(u64::from(u32_at(self.fixed, 4)) << 32 | u64::from(u32_at(self.fixed, 8))),
            rtp_timestamp: Timestamp(u32_at(self.fixed, 12)),
            packet_count: u32_at(self.fixed, 16),
            octet_count: u32_at(self.fixed, 20),
        }
    }

    /// What it received, by source.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        read_blocks(self.blocks)
    }
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(body: &'a [u8], count: usize) -> Result<Self, DropReason> {
        let (ssrc, behind) = body.split_first_chunk().ok_or(DropReason::TooShort)?;
        Ok(Self { ssrc, blocks: blocks_of(behind, count)? })
    }

    /// Who reports.
    #[must_use]
    pub fn ssrc(&self) -> Ssrc {
        Ssrc(u32_at(self.ssrc, 0))
    }

    /// What it received, by source.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        read_blocks(self.blocks)
    }
}

impl SenderInfo {
    /// Bytes of it in a report.
    pub(super) const LEN: usize = 20;

    pub(super) fn write_to(&self, out: &mut [u8; Self::LEN]) {
        out[..8].copy_from_slice(&self.ntp_time.0.to_be_bytes());
        out[8..12].copy_from_slice(&self.rtp_timestamp.0.to_be_bytes());
        out[12..16].copy_from_slice(&self.packet_count.to_be_bytes());
        out[16..].copy_from_slice(&self.octet_count.to_be_bytes());
    }
}

impl ReportBlock {
    /// Bytes of it in a report.
    pub(super) const LEN: usize = 24;

    fn read(bytes: &[u8; Self::LEN]) -> Self {
        let loss = u32_at(bytes, 4);
        Self {
            ssrc: Ssrc(u32_at(bytes, 0)),
            fraction_lost: (loss >> 24) as u8,
            // Up and down again carries the sign of the 24 bits along.
            cumulative_lost: (loss << 8).cast_signed() >> 8,
            highest_sequence: u32_at(bytes, 8),
            jitter: u32_at(bytes, 12),
            last_sender_report: ShortNtpTime(u32_at(bytes, 16)),
            delay_since_last_sender_report: u32_at(bytes, 20),
        }
    }

    pub(super) fn write_to(&self, out: &mut [u8; Self::LEN]) {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        let loss = u32::from(self.fraction_lost) << 24 | lost;
        for (bytes, word) in out.chunks_exact_mut(4).zip([
            self.ssrc.0,
            loss,
            self.highest_sequence,
            self.jitter,
            self.last_sender_report.0,
            self.delay_since_last_sender_report,
        ]) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
    }
}

/// The bytes of `count` blocks; a profile's extension may follow them (RFC 3550 6.4.3).
fn blocks_of(bytes: &[u8], count: usize) -> Result<&[u8], DropReason> {
    bytes.get(..count * ReportBlock::LEN).ok_or(DropReason::TooShort)
}

fn read_blocks(bytes: &[u8]) -> impl Iterator<Item = ReportBlock> {
    bytes.as_chunks().0.iter().map(ReportBlock::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_and_extreme_losses_survive_24_bits() {
        for (written, read) in
            [(-1, -1), (0, 0), (8_388_607, 8_388_607), (9_000_000, 8_388_607), (-9_000_000, -8_388_608)]
        {
            let block = ReportBlock {
                ssrc: Ssrc(1),
                fraction_lost: 0xff,
                cumulative_lost: written,
                highest_sequence: 0x0001_ffff,
                jitter: 7,
                last_sender_report: ShortNtpTime(8),
                delay_since_last_sender_report: 9,
            };
            let mut bytes = [0; ReportBlock::LEN];
            block.write_to(&mut bytes);
            assert_eq!(ReportBlock::read(&bytes), ReportBlock { cumulative_lost: read, ..block });
        }
    }

    #[test]
    fn a_profile_extension_is_passed_over() {
        let body = [&[0, 0, 0, 1][..], &[0; ReportBlock::LEN], b"extension..."].concat();
        assert_eq!(ReceiverReport::parse(&body, 1).expect("well formed").blocks().count(), 1);
        assert_eq!(ReceiverReport::parse(&body, 2).expect_err("one block only"), DropReason::TooShort);
    }
}
