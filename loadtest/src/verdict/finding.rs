//! What can be wrong with a call that was answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is wrong with one direction of a call, or with all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How much, for people.
    pub detail: String,
    /// The load tester itself was late in this call by enough to have caused it: the target is not blamed.
    pub is_own: bool,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// No audio in any direction.
    NoMedia,
    /// Audio in one direction alone.
    OneWay,
    /// Packets without the sound that was said, or none at all, in the one direction that there is.
    Silent,
    /// The audio of another call.
    Swapped,
    /// A sound that neither this call nor another one said, or what was said, mangled beyond likeness.
    OtherSound,
    /// What an end said itself comes back to it.
    Echo,
    /// It begins long after the answer.
    LateStart,
    /// The first that was said was never heard.
    ClippedStart,
    /// Holes in the audio.
    Gaps,
    /// From mouth to ear it takes too long.
    Late,
    /// Packets are lost.
    Lossy,
    /// Packets come unevenly.
    Jittery,
    /// It is much louder or quieter than it was said.
    Level,
    /// Digits that were pressed did not come.
    DigitsLost,
    /// Digits came more often than they were pressed.
    DigitsDoubled,
    /// Other digits came than were pressed.
    DigitsWrong,
}

impl FindingKind {
    /// As reports write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMedia => "no_media",
            Self::OneWay => "one_way",
            Self::Silent => "silent",
            Self::Swapped => "swapped",
            Self::OtherSound => "other_sound",
            Self::Echo => "echo",
            Self::LateStart => "late_start",
            Self::ClippedStart => "clipped_start",
            Self::Gaps => "gaps",
            Self::Late => "late",
            Self::Lossy => "lossy",
            Self::Jittery => "jittery",
            Self::Level => "level",
            Self::DigitsLost => "digits_lost",
            Self::DigitsDoubled => "digits_doubled",
            Self::DigitsWrong => "digits_wrong",
        }
    }

    /// Whether a load tester that is late makes it.
    #[must_use]
    pub const fn may_be_own(self) -> bool {
        matches!(
            self,
            Self::LateStart | Self::ClippedStart | Self::Gaps | Self::Late | Self::Jittery | Self::Lossy
        )
    }
}
