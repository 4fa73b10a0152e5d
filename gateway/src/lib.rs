//! The gateway as a library, so that `main.rs` stays short and tests can reach the parts.

pub mod config;
pub mod prompts;
