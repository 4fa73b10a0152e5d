//! Secure RTP (RFC 3711, RFC 7714): one [`SrtpContext`] per direction of a leg.
//!
//! Packets are protected and unprotected in the buffer that they lie in. Everything that depends
//! on the key alone is computed when the context is made, so a packet costs its cipher and its
//! tag, no key schedule and no allocation. Nothing changes before a packet has been
//! authenticated: not the replay list, not the rollover counter, not which streams exist.

mod cipher;
mod context;
mod counter_mode;
mod gcm;
mod key_derivation;
mod packet_index;
mod profile;
mod replay;
mod sdes;
mod streams;
#[cfg(test)]
mod vectors;

pub use context::{ProtectError, SRTCP_OVERHEAD_MAX, SRTP_OVERHEAD_MAX, SrtpContext};
pub use profile::{KeyLengthError, KeyingMaterial, MasterKey, ProtectionProfile};
pub use sdes::SdesKey;
pub use streams::STREAMS_MAX;
