//! RTCP: compound packets read where they lie, reports written where they go (RFC 3550 6).
//!
//! What a peer says here is information, not command: a BYE ends no call, and a report moves
//! nothing but statistics.

mod compound;
mod extended_report;
mod goodbye;
mod report;
mod source_description;
mod voip_metrics;
mod writer;

pub use compound::{CompoundPacket, RtcpPacket};
pub use extended_report::{ExtendedBlock, ExtendedReport, ExtendedReportWriter};
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use source_description::Cname;
pub use voip_metrics::{ReceiverConfig, VoipMetrics};
pub use writer::CompoundReport;

/// Packet types (RFC 3550 12.1, RFC 3611 2).
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SOURCE_DESCRIPTION: u8 = 202;
    pub(super) const GOODBYE: u8 = 203;
    pub(super) const EXTENDED_REPORT: u8 = 207;
}

/// The 32-bit number at `at`; the caller checked that it is there.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*bytes[at..].first_chunk().expect("the length was checked"))
}
