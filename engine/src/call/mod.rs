//! Calls: the plain struct, its vocabulary, and the actor that is its shell.

mod actor;
mod audibility;
mod bridge;
mod checks;
mod conference;
mod hearing;
mod messages;
mod new_leg;
mod party;
mod recording;
mod rehearsal;
mod state;
mod supplies;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use actor::CallActor;
pub use actor::CallHandle;
pub use conference::{Calls, Conference, ConferenceFull, Spoken, TICK};
pub use messages::{CallCommand, CallEvent, HearSource, KeyMode, LegSpec, TransportSpec};
#[cfg(test)]
pub(crate) use new_leg::new_leg;
pub use party::{ConferenceRole, PartySpec};
pub use rehearsal::Rehearsal;
pub use state::{Call, LEGS_MAX};
pub use supplies::Supplies;
