//! Datagrams: sockets, which leg one belongs to, what goes out, and the threads that do it.

mod address_filter;
pub mod capture;
pub mod demux;
mod frames;
mod gauges;
mod load;
mod network;
mod outbox;
mod ports;
mod shard;
mod shard_actor;
mod shard_streams;
mod socket;
mod stream;
mod tasks;
mod timers;
mod transaction_id;
mod transmit;

pub use address_filter::AddressFilter;
pub(crate) use frames::FrameCutter;
pub(crate) use gauges::Gauges;
pub use gauges::{Ledger, VitalSigns};
pub use network::{Network, NetworkError};
pub use outbox::{Outbox, SocketId};
pub use ports::{PortPool, QUARANTINE};
pub(crate) use shard::{AddressChange, Reading, Shard, SharedShard};
pub(crate) use shard_actor::AdoptStream;
#[cfg(test)]
pub(crate) use shard_actor::BreakPromise;
pub(crate) use shard_actor::{CreateCall, Pulse, Readdress, ShardActor};
pub use stream::Permit;
pub(crate) use stream::{GREETING_MAX, Newcomer};
pub(crate) use tasks::read;
pub use transaction_id::TransactionId;
pub use transmit::Transmit;
