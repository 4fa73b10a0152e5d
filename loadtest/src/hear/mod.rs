//! Judging what was heard: levels, gain, likeness, gaps, losses, delays.

mod alignment;
mod arrivals;
mod delay;
mod percentiles;
mod pesq;
mod sound;
mod stall;

pub use alignment::Alignment;
pub use arrivals::Arrivals;
pub use delay::{Delays, Passage, numbered_delays};
pub use percentiles::Percentiles;
pub use pesq::{PesqBand, PesqError, pesq};
pub use sound::{level_dbm0, longest_silence, rms};
pub use stall::Stall;
pub use webtrunk_codecs::tone::goertzel_dbm0;
