//! Telephone tones: the keys, the sounds that a caller is told by, and how loud one frequency is.
//!
//! Levels are in dBm0, and a sine that fills 16 bits has [`FULL_SCALE_DBM0`].

mod digit;
mod dtmf;
mod generator;
mod goertzel;

pub use digit::Digit;
pub use dtmf::{DtmfDetector, DtmfEvent};
pub use generator::{Tone, ToneGenerator};
pub use goertzel::goertzel_dbm0;

/// The level of a sine whose peak is the largest 16-bit sample: the load capacity of A-law (G.711 4).
/// That of u-law is 3.17 dBm0, in which its largest sample falls short of 16 bits by as much.
#[allow(clippy::approx_constant, reason = "a level, not a circle")]
pub const FULL_SCALE_DBM0: f64 = 3.14;

/// The peak, in 16-bit samples, of a sine of this level.
fn peak_of(level_dbm0: f64) -> f64 {
    32_768.0 * 10_f64.powf((level_dbm0 - FULL_SCALE_DBM0) / 20.0)
}
