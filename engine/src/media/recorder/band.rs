//! How high the sound of a packet reaches: half of a recording's band, or all of it.

use webtrunk_codecs::opus::{OpusBandwidth, bandwidth_of};
use webtrunk_codecs::{CodecId, l16::L16Rate};

/// How high sound reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoundBand {
    /// 4 kHz, a telephone's.
    Narrow,
    /// More.
    Wide,
}

impl SoundBand {
    /// Of a packet: the codec says it, or Opus does in each.
    pub(super) fn of(codec: CodecId, payload: &[u8]) -> Self {
        match codec {
            CodecId::Pcmu | CodecId::Pcma | CodecId::L16(L16Rate::Narrow) => Self::Narrow,
            CodecId::Opus if bandwidth_of(payload) == Some(OpusBandwidth::Narrow) => Self::Narrow,
            CodecId::Opus | CodecId::G722 | CodecId::L16(L16Rate::Wide | L16Rate::Full) => Self::Wide,
        }
    }
}
