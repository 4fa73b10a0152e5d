//! What packets may be, whoever reads or makes them.

/// Longest packet that is decoded, in milliseconds: what RFC 3551 4.2 asks receivers to take. Those of Opus end at 120 ms.
pub(super) const PACKET_MS_MAX: u32 = 200;

/// Packets invented in a row before silence is the better lie: 100 ms at 20 ms a packet, where concealment has faded out
/// by itself.
pub(super) const CONCEALED_MAX: u32 = 5;

/// Largest payload that we make: Opus' limit of one frame (RFC 6716 3.2.1).
pub(super) const PAYLOAD_MAX: usize = 1275;

/// Largest packet, and payload, that is kept: what an Ethernet frame carries.
pub(super) const PACKET_MAX: usize = 1500;
