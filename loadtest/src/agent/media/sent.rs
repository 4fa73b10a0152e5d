//! What was sent, packet by packet.

use std::time::SystemTime;

use webtrunk_codecs::CodecId;

/// What an agent sent in one call.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// The audio packets, in their order.
    pub packets: Vec<SentPacket>,
    /// The digits, in their order.
    pub digits: Vec<SentDigit>,
    /// What the latest of them was encoded with.
    pub codec: Option<CodecId>,
    /// How many times the clock was due, sending or not, since media could flow.
    pub ticks: u64,
    /// Of those, how many in silence, by its [`Talk`](super::Talk).
    pub silent_ticks: u64,
    /// When it was silent, by its [`Talk`](super::Talk).
    pub pauses: Vec<Pause>,
}

/// A time in which an agent said nothing, as it was to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When it began.
    pub from: SystemTime,
    /// When it spoke again, if it did.
    pub to: Option<SystemTime>,
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
    /// It is one of silence; its index means nothing.
    pub is_silent: bool,
}

/// A digit that was sent as telephone-event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentDigit {
    /// The key.
    pub digit: char,
    /// When its first packet was handed to the kernel.
    pub at: SystemTime,
    /// Which of the digits that were heard it returns; `None` where it was pressed.
    pub returns: Option<usize>,
}

impl Sent {
    /// When media began.
    #[must_use]
    pub fn first_at(&self) -> Option<SystemTime> {
        self.packets.first().map(|packet| packet.at)
    }

    /// Those in which something was said.
    pub fn spoken(&self) -> impl Iterator<Item = &SentPacket> {
        self.packets.iter().filter(|packet| !packet.is_silent)
    }

    /// It speaks or does not, from this step of the clock on.
    pub(super) fn note_turn(&mut self, speaks: bool) {
        self.silent_ticks += u64::from(!speaks);
        match self.pauses.last_mut().filter(|pause| pause.to.is_none()) {
            Some(pause) if speaks => pause.to = Some(SystemTime::now()),
            None if !speaks => self.pauses.push(Pause { from: SystemTime::now(), to: None }),
            _ => {}
        }
    }

    /// Those that left.
    pub fn carried(&self) -> impl Iterator<Item = &SentPacket> {
        self.packets.iter().filter(|packet| !packet.is_dropped)
    }
}
