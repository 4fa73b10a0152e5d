//! Calls: the plain struct, its vocabulary, and the actor that is its shell.

mod actor;
mod audibility;
mod bridge;
mod messages;
mod new_leg;
mod recording;
mod state;
mod supplies;
#[cfg(test)]
mod tests;

pub(crate) use actor::CallActor;
pub use actor::CallHandle;
pub use messages::{CallCommand, CallEvent, HearSource, LegSpec, TransportSpec};
#[cfg(test)]
pub(crate) use new_leg::new_leg;
pub use state::{Call, LEGS_MAX};
pub use supplies::Supplies;
