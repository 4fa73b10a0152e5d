//! What operators see of calls: every message of the late ones, as a ladder, as a capture, and sent to a collector.
//!
//! ```text
//!   SIP transports, switchboard --- Tap ---> watcher (a thread) ---> Ring --+--> ladder/   text, JSON, SVG
//!                                               |                           `--> pcap/     a file for Wireshark
//!                                               `--> hep/ (a thread) ---> collector
//! ```
//!
//! Secrets are masked by the watcher, before anything is kept or sent.

mod captures;
pub mod hep;
pub mod ladder;
mod own_address;
pub mod pcap;
#[cfg(test)]
mod sample;
mod watcher;

pub use captures::Captures;
pub use watcher::{Sight, SightCounts, SightError};
