//! What happens to voice between two legs.

mod adaptation;
mod conversion;
mod earpiece;
mod held_packets;
mod intake;
pub mod jitter;
mod lent;
mod limits;
mod listening;
pub mod mixer;
mod output;
mod pace;
mod packetizer;
mod path;
mod playback;
mod player;
pub mod quality;
mod receiver;
mod recorder;
mod reorder;
mod reports;
mod sender;
mod stream_stats;
mod tone_ear;
mod tone_mouth;
mod transcoder;
mod wall_clock;

pub(crate) use earpiece::Earpiece;
pub(crate) use intake::Intake;
pub use listening::Overheard;
pub(crate) use listening::{Listening, band_at, own_band};
pub use output::OutputStream;
pub use packetizer::Packetizer;
pub(crate) use path::Path;
pub use playback::PlaybackId;
pub use player::{Player, Prompt};
pub(crate) use receiver::Receiver;
pub(crate) use recorder::{Begin, Recorder, Side, TapHeard, Told};
pub use recorder::{Feed, RecordingEnd, RecordingFile, RecordingFormat, Tap, tap};
pub use reorder::{Inserted, Ready, ReorderBuffer, ReorderCounters};
pub(crate) use reports::{Halves, Reports};
pub(crate) use sender::{Heard, HeardKind, Hears, SendAgreement, Sender, Ticked, meeting_rate};
#[cfg(test)]
pub(crate) use transcoder::tests::ENCODED;
pub use transcoder::{Coded, Transcoder, TranscoderCounters};
pub use wall_clock::WallClock;
