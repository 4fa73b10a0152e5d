//! The gateway as a library, so that `main.rs` stays short and tests reach its parts.
//!
//! ```text
//! main -> cli -> config -> serve --+-- http (page, WebSocket at /sip)
//!          |       demo -----^     +-- SIP adapter, engine
//!          `-- admin client ------ +-- admin (for operators)
//! ```

pub mod addresses;
pub mod admin;
pub mod certificates;
pub mod cli;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod directory;
pub mod drain;
pub mod entry;
pub mod files;
pub mod health;
pub mod http;
pub mod http_client;
pub mod jwks;
pub mod logging;
mod media_load;
mod memory;
pub mod metrics;
pub mod outgoing;
pub mod people;
pub mod prompts;
pub mod reload;
#[allow(unused_qualifications, reason = "utoipa names what it is given by its whole path")]
pub mod rest;
pub mod roster;
pub mod serve;
pub mod shutdown;
pub mod sight;
pub mod status;
pub mod store;
pub mod supervision;
pub mod tally;
pub mod telemetry;
pub mod telephony;
pub mod tls;
pub mod webhooks;
pub mod wiring;
