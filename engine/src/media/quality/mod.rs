//! How good a call sounds, by figures, and whether it sounds at all.
//!
//! ```text
//! fates of packets -> loss, bursts --+
//! round trip, buffer, codec -> delay-+-> E-model -> R, MOS: live, at the end, in RTCP XR
//! what codec, recovered or not ------+
//! levels, kinds of packets ------------> heard, silent, comfort noise only, no RTP -> events
//! ```
//!
//! All of it is pure: packets, levels and the time come as arguments.

mod audio_watch;
mod codec_impairment;
mod delay_impairment;
mod e_model;
mod level;
mod loss_runs;
mod monitor;
mod one_way;
mod speech_level;

pub use audio_watch::{AudioEvent, AudioState, AudioWatch, AudioWatchConfig, Expectation};
pub use codec_impairment::{Band, CodecImpairment, Repair};
pub use e_model::{EModelInput, Rating};
pub use level::{LEVEL_MIN_DBOV, level_dbov};
pub use loss_runs::{LossFigures, LossRuns};
pub use monitor::{Delays, Fate, Quality, QualityMonitor};
pub use one_way::{OneWay, OneWayWatch};
pub use speech_level::SpeechLevel;
