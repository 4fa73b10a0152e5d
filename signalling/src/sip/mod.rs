//! SIP, RFC 3261 and its family: one core under every transport.

pub mod agent;
mod call;
pub mod dialog;
pub mod flow;
pub mod identifiers;
pub mod message;
pub mod registrar;
pub mod transaction;
pub mod transport;
pub mod trunk;
