//! Datagrams: sockets, which leg one belongs to, what goes out, and the threads that do it.

mod address_filter;
pub mod demux;
mod gauges;
mod network;
mod outbox;
mod ports;
mod shard;
mod shard_actor;
mod socket;
mod tasks;
mod timers;
mod transmit;

pub use address_filter::AddressFilter;
pub(crate) use gauges::Gauges;
pub use gauges::Ledger;
pub use network::{Network, NetworkError};
pub use outbox::{Outbox, SocketId};
pub use ports::{PortPool, QUARANTINE};
pub(crate) use shard::{Reading, Shard, SharedShard};
#[cfg(test)]
pub(crate) use shard_actor::BreakPromise;
pub(crate) use shard_actor::{CreateCall, Pulse, ShardActor};
pub(crate) use tasks::read;
pub use transmit::Transmit;
