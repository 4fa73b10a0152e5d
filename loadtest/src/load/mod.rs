//! Many calls at once: WebRTC callers through a gateway, or through rtpengine, to a phone in this process, and
//! what came of it.

mod calls;
mod config;
mod judge;
mod losses;
mod process;
mod report;
mod rtpengine;
mod run;
mod soak;
mod stopped;

pub use config::{LoadConfig, LoadError, LoadProgress};
pub use losses::Losses;
pub use process::{ProcessMeter, Usage};
pub use report::{Connections, DirectionReport, GatewayReport, LoadReport, Setup, Spread};
pub use run::{run, run_until};
pub use soak::{SoakConfig, SoakReport, Tally, soak};
use stopped::Stopped;
