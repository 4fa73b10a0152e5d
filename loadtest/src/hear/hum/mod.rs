//! Sound that tells who says it, and when: a hum at a frequency of its own, and a beep every two seconds.
//!
//! ```text
//! beep 2500 Hz  ##                  ##                  ##
//! hum           ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
//!               0 s                 2 s                 4 s
//! ```
//!
//! The hum never stops, so any hole in it was made on its way. Its frequency names the end of the call, so that an
//! echo, or another call's audio, is known by its name. The beep begins with a packet, so that its way can be timed.

mod beeps;
mod heard;
mod holes;
mod said;
#[cfg(test)]
mod tests;

use webtrunk_codecs::SampleRate;

pub use heard::{HumHeard, Stranger};
pub use holes::Hole;
pub use said::Hum;

pub(crate) use heard::{hum_in, level_beside};
pub(crate) use said::{PACKETS_PER_BEEP, below_said};

/// The rate at which it is listened to: what a telephone carries.
const RATE: SampleRate = SampleRate::HZ_8000;
