//! A run by several load testers: one leads, agents on other machines call, and NATS carries what they say.
//!
//! ```text
//!                    orders                          SIP, media
//! leader  ----->  NATS server  ----->  agent a  <----------------->  target
//!         <-----               ----->  agent b  <----------------->
//!           calls that are over, seconds, accounts
//! ```
//!
//! `lead` and `duty` are what both ends know and decide, without a clock or a network of their own; [`Fleet`] and [`serve`] are
//! their shells. The leader gets each call's row as it ends, so that distributions are of all calls, and what an agent had told
//! before it vanished is not lost.

mod admission;
mod agent;
mod bus;
mod duty;
mod error;
mod lead;
mod leader;
mod member;
mod merge;
mod sources;
mod split;
#[cfg(test)]
mod tests;
mod words;

use std::time::SystemTime;

pub use admission::AgentConfig;
pub use agent::serve;
pub use bus::{Bus, BusConfig};
pub use error::{BusError, FleetError, LeadError};
pub use leader::{Fleet, Plan};

/// Milliseconds since 1970 by this machine's clock, which others' clocks need not agree with.
fn clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
