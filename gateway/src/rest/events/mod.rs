//! What happens, as it happens: told to whoever listens, and kept for a while for who was away.
//!
//! ```text
//!  records of calls --- Watcher: what has changed ---.
//!  registrations ------------------------------------+--> Hub --- ring ---> who comes back with Last-Event-ID
//!                                                          `--- live ----> streams: text/event-stream
//! ```
//!
//! Nobody waits for a stream: one that does not keep up is closed, and comes back with the last number that it has.

mod event;
mod hub;
pub mod stream;
mod watcher;

pub use event::{Event, EventKind, Happening};
pub use hub::{Hub, Numbered};
pub use stream::Streams;
pub use watcher::Watcher;
