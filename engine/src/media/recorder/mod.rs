//! What two parties say, on disk: the caller on the left, whom it hears on the right.
//!
//! The media thread ships packets as they came, through a queue that never waits; all else is done by a thread
//! of its own, which can afford to be late.
//!
//! ```text
//! media thread      Tap ----- ring: party, arrival, timestamp, codec, payload -----.
//!                                                                                  v
//! recorder thread   Take: Feed -> Track (left)  -- decode, repair, place by the clock --.
//!                              -> Track (right) ---------------------------------------+-> Sink -> file
//! ```
//!
//! Everything but `thread.rs` is stepped by hand, with the time as an argument.

mod band;
mod feed;
mod name;
mod place;
mod recovery;
mod sink;
mod storage;
mod take;
#[cfg(test)]
mod tests;
mod thread;
mod track;

use std::path::PathBuf;

pub use feed::{Feed, Tap, tap};
pub(crate) use feed::{Heard as TapHeard, Side};
pub(crate) use thread::{Begin, Recorder, Told};

/// What a recording is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordingFormat {
    /// Samples as they are: 16-bit PCM, two channels, 16 kHz; 3.8 MB a minute.
    Wav,
    /// Ogg-Opus, a mono stream for each party; 0.4 MB a minute.
    Ogg,
}

/// Why a recording ended. What is in its file then can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingEnd {
    /// It was told to.
    Stopped,
    /// The recorded party, or the call, is gone.
    CallEnded,
    /// The disk is full.
    DiskFull,
    /// The file cannot be made or written; what the system said.
    Failed(String),
    /// Our own broken assumption.
    InternalError,
}

/// A recording as a file.
pub type RecordingFile = PathBuf;

/// The rate of every recording: what telephones and browsers carry of speech.
const RATE: webtrunk_codecs::SampleRate = webtrunk_codecs::SampleRate::HZ_16000;

/// Left and right of one moment.
type Frame = [i16; 2];

/// How many frames there are in so many microseconds.
const fn frames_in_us(us: i64) -> i64 {
    us * RATE.hz() as i64 / 1_000_000
}
