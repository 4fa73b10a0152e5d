//! Calls: the plain struct, its vocabulary, and the actor that is its shell.

mod actor;
mod addresses;
mod audibility;
mod bridge;
mod checks;
mod conference;
mod events;
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
pub use events::CallEvent;
pub use messages::{CallCommand, HearSource, KeyMode, LegSpec, TransportSpec};
#[cfg(test)]
pub(crate) use new_leg::new_leg;
pub use party::{ConferenceRole, PartySpec};
pub use rehearsal::Rehearsal;
pub use state::{Call, LEGS_MAX};
pub use supplies::Supplies;
