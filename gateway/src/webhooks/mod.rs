//! Webhooks: what the stream of events tells is sent to receivers too, signed, in its order, and again until it is taken.
//!
//! ```text
//!  Hub ---> Desk: for each hook what it may know ---> Schedule (bounded) ---> post ---> line ---> receiver
//!             |                                          ^
//!             '--- SpoolKeeper: never waits ---> store --'  at the start
//! ```
//!
//! All of it runs on a thread of its own: no call waits for a receiver, and no hook for another's.

mod cut_calls;
mod desk;
mod message;
mod post;
mod receiver;
mod schedule;
mod signature;
mod spool;
mod task;
mod thread;

pub use cut_calls::CutCalls;
pub use message::Message;
pub use signature::SigningKey;
pub use spool::{Kept, SpoolChange, SpoolKeeper};
pub use thread::{Counts, Left, Served, WebhookControl, Webhooks};
