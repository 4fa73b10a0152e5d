//! RTP and RTCP as values: packets read where they lie, headers written where they go (RFC 3550).
//!
//! Nothing here knows a socket, a clock or a key. What can be wrong with a packet is a
//! [`DropReason`]; numbers that wrap are compared in `sequence.rs` and nowhere else.

mod drop_reason;
mod header;
mod ntp;
mod packet;
mod receiver_stats;
pub mod rtcp;
mod sender_stats;
mod sequence;
pub mod telephone_event;

pub use drop_reason::{DropCounters, DropReason};
pub use header::{PayloadType, RtpHeader, Ssrc};
pub use ntp::{NtpTime, ShortNtpTime};
pub(crate) use packet::header_len;
pub use packet::{RtpPacket, is_rtcp};
pub use receiver_stats::ReceiverStats;
pub use sender_stats::{RemoteReport, SenderStats};
pub use sequence::{ExtendedSequence, SequenceNumber, SequenceUnwrapper, Timestamp};
