//! SIP, RFC 3261 and its family: one core under every transport.

pub mod adapter;
pub mod agent;
mod call;
pub mod config;
pub mod dialog;
pub mod doorkeeper;
pub mod flow;
pub mod hop;
pub mod identifiers;
pub mod identity;
mod long_request;
pub mod media_types;
pub mod message;
mod notices;
mod overload;
pub mod own_headers;
pub mod passing;
mod reflection;
pub mod registrar;
pub mod subscription;
pub mod trace;
pub mod transaction;
pub mod transport;
pub mod trunk;
pub mod trunk_board;
pub mod trunk_load;
pub mod upstream;

pub use call::cause::status_of;
pub use call::{CallChange, CallKeeper, KeptCall, headers_of};
