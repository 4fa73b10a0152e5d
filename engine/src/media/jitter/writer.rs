//! The half that packets are put into.

use std::time::Instant;

use webtrunk_codecs::ClockRate;

use super::config::JitterConfig;
use super::reader::JitterReader;
use super::record::{Content, Record};
use super::ring::{self, RingWriter};
use crate::media::limits::PACKET_MAX;
use crate::rtp::{DropReason, RtpPacket};

/// Puts packets in, on the thread that receives them.
pub struct JitterWriter {
    ring: RingWriter,
    epoch: Instant,
}

/// Makes a jitter buffer of a stream that ticks at `clock`: its two halves.
#[must_use]
pub fn jitter_buffer(config: JitterConfig, clock: ClockRate, now: Instant) -> (JitterWriter, JitterReader) {
    let (writer, reader) = ring::ring(config.ring_bytes.div_ceil(8));
    let writer = JitterWriter { ring: writer, epoch: now };
    (writer, JitterReader::new(reader, config, clock, now))
}

impl JitterWriter {
    /// Puts one packet in, that arrived at `now`.
    ///
    /// # Errors
    /// [`DropReason::TooLong`] for a payload above 1500 bytes, [`DropReason::Overrun`] when the
    /// reader has not pulled for so long that there is no room.
    pub fn insert(
        &mut self,
        packet: &RtpPacket<'_>,
        content: Content,
        now: Instant,
    ) -> Result<(), DropReason> {
        let payload = match content {
            Content::Voice | Content::Noise => packet.payload(),
            Content::Other => &[],
        };
        if payload.len() > PACKET_MAX {
            return Err(DropReason::TooLong);
        }
        let arrived_us = now.saturating_duration_since(self.epoch).as_micros() as u64;
        let record = Record::of(packet, content, payload.len() as u16, arrived_us);
        self.ring.push(record.to_words(), payload).map_err(|ring::Full| DropReason::Overrun)
    }
}
