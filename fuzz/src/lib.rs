//! What is fuzzed: one function for each door that strangers' octets come in by.
//!
//! Each takes octets and panics where a promise is broken: not only "no panic below", but that what is
//! printed reads back, that limits hold, and that nothing stays of a call that is over. `make fuzz` runs
//! them under libFuzzer (`targets/`), `tests/corpus.rs` replays what that found worth keeping.

pub mod dialog;
pub mod digest;
pub mod message;
pub mod sdp;
pub mod stream;
pub mod token;
pub mod transaction;
pub mod uri;
pub mod websocket;
mod world;

/// A door, and how to knock.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of its program and of its folder below `corpus/`.
    pub name: &'static str,
    /// Takes any octets.
    ///
    /// # Panics
    /// A promise is broken.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "message", run: message::run },
    Target { name: "uri", run: uri::run },
    Target { name: "stream", run: stream::run },
    Target { name: "websocket", run: websocket::run },
    Target { name: "digest", run: digest::run },
    Target { name: "token", run: token::run },
    Target { name: "sdp", run: sdp::run },
    Target { name: "transaction", run: transaction::run },
    Target { name: "dialog", run: dialog::run },
];
