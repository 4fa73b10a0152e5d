//! The handles of calls: one being dialled, one coming in, one that is up.

mod dialing;
mod handle;
mod incoming;
mod progress;

pub use dialing::Dialing;
pub use handle::Call;
pub use incoming::Incoming;
pub use progress::{CallEnd, CallProgress};

pub(super) use progress::Facts;
