//! Legs: our side of one media association each.

mod agreement;
mod candidates;
mod error;
mod latch;
#[expect(clippy::module_inception, reason = "the folder's noun has a file of its own; this one is the index")]
mod leg;
mod make;
mod rtp;
mod sdes;
mod stats;
mod transport;
pub mod webrtc;
mod wish;

pub use error::DescriptionError;
pub use latch::Latch;
pub use leg::Leg;
pub(crate) use leg::{Deed, LegEvent, LegParts};
pub use rtp::RtpTransport;
pub use stats::{LegStats, LiveAndTotal};
pub(crate) use transport::{LegTransport, OwnSockets};
pub use wish::CodecReason;
pub(crate) use wish::{FarSide, answer_reason, codec_order, opus_wish, order_reason, preferred_codec};
