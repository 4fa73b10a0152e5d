//! What the mixer tells.

use std::time::Instant;

use super::role::SlotId;

/// Something that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MixerEvent {
    /// A party began to talk.
    TalkingStarted {
        /// Who.
        slot: SlotId,
        /// The tick at which it was certain.
        at: Instant,
    },
    /// A party has not talked for half a second.
    TalkingStopped {
        /// Who.
        slot: SlotId,
        /// The tick at which it was certain.
        at: Instant,
    },
    /// Another party is the one to look at.
    SpeakerChanged {
        /// Who it is; `None` when nobody talks any more.
        speaker: Option<SlotId>,
        /// The tick at which it was certain.
        at: Instant,
    },
}
