//! Judging what was heard: levels, gain, likeness, gaps, losses, delays.

mod alignment;
mod arrivals;
mod delay;
mod e_model;
mod hum;
mod opinion;
mod percentiles;
mod pesq;
mod scorer;
mod sound;
mod stall;
mod wav_pair;

pub use alignment::Alignment;
pub use arrivals::{Arrivals, losses_in_order};
pub use delay::{Delays, Passage, numbered_delays};
pub use e_model::{EModel, burst_ratio};
pub use hum::{Hole, Hum, HumHeard, Stranger};
pub use opinion::opinion;
pub use percentiles::Percentiles;
pub use pesq::{PesqBand, PesqError, pesq};
pub use sound::{level_dbm0, longest_silence, rms};
pub use stall::Stall;
pub use webtrunk_codecs::tone::goertzel_dbm0;

pub(crate) use hum::{PACKETS_PER_BEEP, below_said, hum_in, level_beside};
pub(crate) use scorer::own_score;
