//! The user agent core: messages and commands in, messages and events out (RFC 3261 5, 8).

mod call_ids;
mod config;
mod core;
mod devices;
mod errands;
mod faults;
mod flows;
mod keeping;
mod keyring;
mod refusals;
mod requests;
mod responses;
mod route;
mod slots;
mod surroundings;
#[cfg(test)]
mod tests;
mod texts;
mod watching;

pub use config::{AgentChange, AgentConfig, SessionTimerConfig, TextConfig};
pub use core::Agent;
pub use errands::{Errand, ErrandEnd, ErrandId, ErrandOutcome};
pub use keyring::{Keyring, TrunkKeyring};
pub use route::{Alternative, OtherFlow, Reach, Route};
pub use surroundings::{Doorkeeper, LocalNames, Registered, Verdict};
pub(in crate::sip) use texts::{check_text, delivery_of, respond_to_text};
