//! Call records: what became of every call, in one value that a machine can read years later.
//!
//! ```text
//!  Input  ---.                                  .--> Open: as far as it is, kept for the case that the process is killed
//!             +--> Clerk, one a call -- file --+
//!  Effect ---'     (watches, changes nothing)   `--> Closed: the record
//! ```
//!
//! The clerk watches what passes between a call and the world. It knows no clock: every moment comes with what happened,
//! by both clocks ([`Moment`](crate::moment::Moment)). Lengths are measured by the one that never jumps, dates are told by the other.

mod after_crash;
mod clerk;
mod end;
mod id;
mod keeper;
mod quality;
mod record;
mod stamp;
#[cfg(test)]
mod tests;
mod timeline;

pub use after_crash::{LastSign, Unseen};
pub use clerk::Clerk;
pub use end::{By, EndRecord, name_of};
pub use id::RecordId;
pub use keeper::{CdrKeeper, Filing};
pub use quality::QualityRecord;
pub use record::{CallRecord, LegEnd, LegRecord, OriginRecord, Way};
pub use stamp::Stamp;
pub use timeline::{Happening, Note, Segment, Stage, Timeline};
