//! WAV files (RIFF) in memory: 16-bit PCM, u-law and A-law, read into mono samples and written from them.

mod read;
mod write;

pub use read::{WavError, read_wav};
pub use write::{STEREO_HEADER, WavEncoding, stereo_header, write_wav};

use crate::SampleRate;

/// A mono clip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The samples.
    pub samples: Vec<i16>,
    /// How many of them make a second.
    pub rate: SampleRate,
}

/// Format tags of the `fmt ` chunk (registered in RFC 2361 A).
const TAG_PCM: u16 = 0x0001;
const TAG_A_LAW: u16 = 0x0006;
const TAG_MU_LAW: u16 = 0x0007;
/// "See the sub-format": what is written by programs that know of more than two channels.
const TAG_EXTENSIBLE: u16 = 0xfffe;
