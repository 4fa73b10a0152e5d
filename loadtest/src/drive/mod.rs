//! A scenario at work: agents, calls at their times, and what came of each.

mod agent;
mod answerers;
mod call;
mod crowd;
mod run;
mod state;
mod steps;
mod stop;
mod voices;

pub use crowd::{Crowd, CrowdError};
pub use run::{run, run_telling};
pub use state::{Live, State};
pub use stop::Stop;
