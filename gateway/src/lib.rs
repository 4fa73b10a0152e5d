//! The gateway as a library, so that `main.rs` stays short and tests reach its parts.
//!
//! ```text
//! main -> cli -> config -> serve --+-- http (page, WebSocket at /sip)
//!                  demo -----^     +-- SIP adapter, engine
//! ```

pub mod addresses;
pub mod cli;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod directory;
pub mod files;
pub mod http;
pub mod logging;
mod media_load;
pub mod prompts;
pub mod reload;
pub mod serve;
pub mod shutdown;
pub mod sight;
pub mod status;
pub mod store;
pub mod supervision;
pub mod telephony;
pub mod tls;
pub mod wiring;
