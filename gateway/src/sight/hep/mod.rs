//! Copies of messages for a capture server, by HEP version 3 (the protocol of Homer, "HEP3 Network Protocol
//! Specification" rev. 36).

mod exporter;
mod packet;

pub use exporter::{Exporter, HepCounts};
pub use packet::{Agent, packet};
