//! What a party of a conference says, by the clock: packets go into a jitter buffer as they come, frames
//! are taken out of it as they are needed.

use std::time::Instant;

use webtrunk_codecs::{CodecId, OpenError, SampleRate};

use super::jitter::{Content, JitterConfig, JitterCounters, JitterWriter, Played, Playout, jitter_buffer};
use super::listening::{LEVEL_ONE_IN, Overheard};
use super::quality::level_dbov;
use super::transcoder::TranscoderCounters;
use crate::rtp::{DropReason, RtpPacket};

/// Bytes of the ring of a linear codec: 0.6 s at 48 kHz, where the usual ring has less than a packet may wait.
const LINEAR_RING_BYTES: usize = 64 * 1024;

/// One party's jitter buffer, both halves of it, and the decoder behind.
pub(crate) struct Intake {
    codec: CodecId,
    writer: JitterWriter,
    playout: Playout,
    /// Frames of voice until one is measured again.
    until_level: u8,
    level_dbov: Option<f32>,
    /// Packets given up, come late and restored, as far as was told.
    told: (u64, u64, u64),
}

/// What became of packets since this was last asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Missed {
    /// They were not there when they were to be played.
    pub(crate) given_up: u32,
    /// Such came after all.
    pub(crate) late: u32,
    /// Whether one was restored, and how loud the party is.
    pub(crate) overheard: Overheard,
}

impl Intake {
    /// Decodes at the highest rate that the codec carries.
    pub(crate) fn open(codec: CodecId, now: Instant) -> Result<Self, OpenError> {
        let decoder = webtrunk_codecs::decoder(codec, codec.native_rate())?;
        let plain = JitterConfig::default();
        let config = match codec {
            CodecId::L16(_) => JitterConfig { ring_bytes: LINEAR_RING_BYTES, ..plain },
            CodecId::Opus | CodecId::Pcmu | CodecId::Pcma | CodecId::G722 => plain,
        };
        let (writer, reader) = jitter_buffer(config, codec.clock_rate(), now);
        let playout = Playout::new(reader, decoder, codec.clock_rate());
        Ok(Self { codec, writer, playout, until_level: 0, level_dbov: None, told: (0, 0, 0) })
    }

    /// The codec that it was opened for.
    pub(crate) fn codec(&self) -> CodecId {
        self.codec
    }

    /// The rate of the frames.
    pub(crate) fn sample_rate(&self) -> SampleRate {
        self.codec.native_rate()
    }

    /// Takes a packet that came at `now`.
    pub(crate) fn insert(
        &mut self,
        packet: &RtpPacket<'_>,
        content: Content,
        now: Instant,
    ) -> Result<(), DropReason> {
        self.writer.insert(packet, content, now)
    }

    /// Fills `frame` with what is to be heard from `now` on.
    pub(crate) fn pull_frame(&mut self, now: Instant, frame: &mut [i16]) {
        if self.playout.pull_frame(now, frame) != Played::Voice {
            return;
        }
        if self.until_level == 0 {
            self.until_level = LEVEL_ONE_IN;
            self.level_dbov = Some(level_dbov(frame));
        }
        self.until_level -= 1;
    }

    /// What became of packets since this was last asked.
    pub(crate) fn take_missed(&mut self) -> Missed {
        let fates = self.playout.fates();
        // One that comes late after it was given up is moved from the lost to the late.
        let now = (fates.lost + fates.late, fates.late, self.playout.counters().recovered);
        let before = std::mem::replace(&mut self.told, now);
        let since = |now: u64, before: u64| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        let level_dbov = self.level_dbov.take();
        let overheard = Overheard { recovered: since(now.2, before.2), level_dbov, ..Overheard::default() };
        Missed { given_up: since(now.0, before.0), late: since(now.1, before.1), overheard }
    }

    /// What became of packets.
    pub(crate) fn fates(&self) -> JitterCounters {
        self.playout.fates()
    }

    /// What was repaired.
    pub(crate) fn repaired(&self) -> TranscoderCounters {
        let (fates, played) = (self.playout.fates(), self.playout.counters());
        TranscoderCounters {
            recovered: played.recovered,
            concealed: fates.concealed.saturating_sub(played.recovered),
            undecodable: played.undecodable,
        }
    }
}
