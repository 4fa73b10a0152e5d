//! Every SIP message that went by, for whoever asks afterwards what happened.
//!
//! ```text
//!   transport --- Tap --> (bounded) --> TapReader --> redacted --> Ring --> ladder, pcap
//!   adapter, switchboard --^                              `------> whoever exports
//! ```
//!
//! Nothing here waits, and nothing here holds a message up: a tap that is not read drops and counts.

mod bodies;
mod mask;
mod message;
mod record;
mod redact;
mod ring;
mod tap;

pub use message::{Direction, Passing, Seen};
pub use record::CallTrace;
pub use redact::redact;
pub use ring::{NotFound, Ring, TraceBounds, TraceTotals};
pub use tap::{Gone, Note, Tap, TapCounts, TapReader, tap};
