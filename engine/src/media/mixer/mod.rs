//! Mix-minus: everyone in a conference hears everyone but himself, on one clock of 20 ms.
//!
//! ```text
//! frames in -> gain, fades -> mixing rate -> sum of all --+-- less himself -> limiter -> party's rate
//!                                                         +-- and who whispers to him
//! ```
//!
//! # Invariant: the mixer does not know legs
//! It knows slots. Which leg sits in which slot is for the call to know, so mixing is tested with
//! arrays and no network. It allocates when someone joins or leaves, never on a tick
//! (`tests/mixer_allocation.rs`).

mod chain;
mod event;
mod limiter;
mod mix;
mod party;
mod role;
mod speaker;
#[cfg(test)]
mod tests;

pub use event::MixerEvent;
pub use limiter::Limiter;
pub use mix::{JoinError, Mixer};
pub use role::{Role, SlotId};

/// Milliseconds in a tick.
pub const TICK_MS: u32 = 20;
