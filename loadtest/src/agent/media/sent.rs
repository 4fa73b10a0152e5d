//! What was sent, packet by packet.

use std::time::SystemTime;

use webtrunk_codecs::CodecId;

/// What an agent sent in one call.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// The audio packets, in their order.
    pub packets: Vec<SentPacket>,
    /// What the latest of them was encoded with.
    pub codec: Option<CodecId>,
    /// How many times the clock was due, sending or not, since media could flow.
    pub ticks: u64,
}

/// One audio packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentPacket {
    /// When it was handed to the kernel.
    pub at: SystemTime,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Which packet of the voice it was, counted from its beginning.
    pub index: u32,
    /// An [`Uplink`](super::Uplink) lost it on purpose.
    pub is_dropped: bool,
}

impl Sent {
    /// When media began.
    #[must_use]
    pub fn first_at(&self) -> Option<SystemTime> {
        self.packets.first().map(|packet| packet.at)
    }

    /// Those that left.
    pub fn carried(&self) -> impl Iterator<Item = &SentPacket> {
        self.packets.iter().filter(|packet| !packet.is_dropped)
    }
}
