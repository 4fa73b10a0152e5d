//! Transactions, RFC 3261 17 with the corrections of RFC 6026: four pure machines and the layer that
//! finds the right one for each message.

mod broken;
mod client;
pub(in crate::sip) mod derived;
mod detour;
mod inbound;
mod invite_client;
mod invite_server;
mod layer;
mod machine;
mod matching;
mod moved;
mod outcome;
mod sending;
mod server;
mod step;
mod strays;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
pub(in crate::sip) mod timers;

pub use detour::DETOUR_MAX;
pub use layer::{Lane, TransactionConfig, TransactionLayer};
pub use outcome::{Received, TransactionEvent, TransactionKey, Transmit};
pub use strays::Stray;
pub use timers::TimerConfig;
