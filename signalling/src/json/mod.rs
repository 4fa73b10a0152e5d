//! Calls by JSON-RPC over a WebSocket: a phone in any page, without a SIP stack or a SIP password there.
//!
//! What is said stands in [`protocol`], what one page and its calls are in [`session`], and [`adapter`] is the shell
//! with the sockets around it. `docs/JSON_API.md` is the same for who writes a page.

mod accounts;
pub mod adapter;
mod config;
mod core;
mod door;
pub mod protocol;
pub mod session;
#[cfg(test)]
mod tests;

pub use config::{JsonConfig, LISTENER};
pub use door::{AccountPassword, AccountPasswords, Entry, Owned, Proofs};
