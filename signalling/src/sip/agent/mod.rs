//! The user agent core: messages and commands in, messages and events out (RFC 3261 5, 8).

mod config;
mod core;
mod errands;
mod keyring;
mod requests;
mod route;
mod surroundings;
#[cfg(test)]
mod tests;

pub use config::{AgentConfig, SessionTimerConfig};
pub use core::Agent;
pub use errands::{Errand, ErrandEnd, ErrandId, ErrandOutcome};
pub use keyring::{Keyring, TrunkKeyring};
pub use route::{Reach, Route};
pub use surroundings::{Doorkeeper, LocalNames, Registered, Verdict};
