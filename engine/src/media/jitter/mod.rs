//! The jitter buffer: packets in as they come, media out as the clock asks for it.
//!
//! [`JitterWriter::insert`] belongs to the thread that receives, [`JitterReader::pull`] to the one
//! that plays; between them lies a ring without locks. All intelligence is the reader's: order,
//! fates, the delay to aim at. [`Playout`] is a reader with a decoder behind it, which gives frames
//! of samples and shortens or lengthens the sound to keep that delay.
//!
//! ```text
//! insert -> ring -> sequence window -> target delay -> pull -> decode, recover, conceal
//!                                                        -> shorten or lengthen -> frame
//! ```
//!
//! For clock-driven consumers only (mixer, recorder): the bridge of two parties is driven by packets.

mod config;
mod delay;
mod fates;
mod playout;
mod reader;
mod record;
pub(super) mod ring;
mod seen;
mod stretch;
#[cfg(test)]
mod tests;
mod waiting;
mod writer;

pub use config::JitterConfig;
pub use fates::JitterCounters;
pub use playout::{Played, Playout, PlayoutCounters};
pub use reader::{JitterReader, Pull, Pulled};
pub use record::Content;
pub use stretch::TimeStretch;
pub use writer::{JitterWriter, jitter_buffer};

/// The atomics of `ring.rs`; its loom test puts others in their place.
mod atomic {
    pub(super) use std::sync::Arc;
    pub(super) use std::sync::atomic::{AtomicU64, AtomicU64 as Word, Ordering};
}
