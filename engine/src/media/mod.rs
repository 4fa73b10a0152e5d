//! What happens to voice between two legs.

mod earpiece;
mod intake;
pub mod jitter;
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
mod transcoder;
mod wall_clock;

pub(crate) use earpiece::Earpiece;
pub(crate) use intake::{Intake, Missed};
pub use listening::Overheard;
pub(crate) use listening::{Listening, band_at};
pub use output::OutputStream;
pub use packetizer::Packetizer;
pub(crate) use path::Path;
pub use player::{Player, Prompt};
pub(crate) use receiver::Receiver;
pub(crate) use recorder::{Begin, Recorder, Side, TapHeard, Told};
pub use recorder::{Feed, RecordingEnd, RecordingFile, RecordingFormat, Tap, tap};
pub use reorder::{Inserted, Ready, ReorderBuffer, ReorderCounters};
pub(crate) use reports::{Halves, Reports};
pub(crate) use sender::{Heard, Hears, SendAgreement, Sender, Ticked, meeting_rate};
pub use transcoder::{Coded, Transcoder, TranscoderCounters};
pub use wall_clock::WallClock;
