//! Ogg-Opus files (RFC 7845) in memory: read into samples, and written page by page.

mod head;
mod pair;
mod read;
mod write;

pub use head::HeadError;
pub use read::{OggOpusError, read_ogg_opus, read_ogg_opus_channels};
pub use write::OggOpusWriter;

/// The rate of everything that the container counts (RFC 7845 4).
const CONTAINER_HZ: u32 = 48_000;
