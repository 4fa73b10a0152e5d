//! Keys said to a party as tones in its voice, where its trunk wants them so.
//!
//! The queue of telephone-events says when which key is down: each of its packets becomes a frame of the key's
//! tone, and the two that only repeat its end become silence, so that the next key begins after a pause.

use webtrunk_codecs::tone::{Digit, Tone, ToneGenerator};
use webtrunk_codecs::{CodecId, Encoder, EncoderConfig, OpenError, SampleRate};

use super::limits::PAYLOAD_MAX;
use super::sender::SendAgreement;
use crate::rtp::telephone_event::EventPacket;

/// Longest frame: 60 ms at 8 kHz.
const FRAME_MAX: usize = 480;

/// Makes tones for one stream.
pub(crate) struct ToneMouth {
    codec: CodecId,
    encoder: Box<dyn Encoder>,
    /// The key that is down.
    tone: Option<ToneGenerator>,
    samples: usize,
    frame: [i16; FRAME_MAX],
    payload: [u8; PAYLOAD_MAX],
}

impl ToneMouth {
    /// A mouth for what was agreed.
    ///
    /// # Errors
    /// [`OpenError`] where there is no memory for the encoder.
    pub(crate) fn new(agreement: &SendAgreement) -> Result<Self, OpenError> {
        let rate = SampleRate::HZ_8000;
        Ok(Self {
            codec: agreement.codec,
            encoder: webtrunk_codecs::encoder(agreement.codec, rate, &EncoderConfig::default())?,
            tone: None,
            samples: rate.samples_in_ms(agreement.ptime_ms).min(FRAME_MAX),
            frame: [0; FRAME_MAX],
            payload: [0; PAYLOAD_MAX],
        })
    }

    /// The payload that takes the place of an event's packet, and its length in ticks of the codec's clock; `None`
    /// where the packet takes no time.
    pub(crate) fn say(&mut self, event: &EventPacket) -> Option<(&[u8], u32)> {
        if event.closes_segment() {
            return None;
        }
        if event.marker {
            let digit = Digit::from_event_code(event.payload.event)?;
            self.tone = Some(ToneGenerator::new(Tone::key(digit), SampleRate::HZ_8000));
        }
        let frame = &mut self.frame[..self.samples];
        match &mut self.tone {
            Some(tone) => tone.fill(frame),
            None => frame.fill(0),
        }
        if event.payload.is_end {
            self.tone = None;
        }
        let length = self.encoder.encode(frame, &mut self.payload).ok()?;
        Some((&self.payload[..length], self.ticks()))
    }

    /// Length of a frame in ticks of the codec's clock.
    fn ticks(&self) -> u32 {
        let clock = self.codec.clock_rate().hz() as usize;
        let ticks = self.samples * clock / SampleRate::HZ_8000.hz() as usize;
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}
