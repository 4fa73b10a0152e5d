//! What a party of a conference hears, by the clock: frames of 20 ms in, payloads of its ptime out.

use webtrunk_codecs::{Encoder, EncoderConfig, OpenError};

use super::limits::PAYLOAD_MAX;
use super::packetizer::Packetizer;
use super::sender::SendAgreement;

/// One party's encoder, at the highest rate that its codec carries.
pub(crate) struct Earpiece {
    agreement: SendAgreement,
    encoder: Box<dyn Encoder>,
    packetizer: Packetizer,
    payload: Box<[u8; PAYLOAD_MAX]>,
    /// What a payload lasts, in ticks of the clock.
    ticks: u32,
    is_begun: bool,
}

impl Earpiece {
    pub(crate) fn open(agreement: &SendAgreement, config: &EncoderConfig) -> Result<Self, OpenError> {
        let SendAgreement { codec, ptime_ms, .. } = *agreement;
        let rate = codec.native_rate();
        Ok(Self {
            agreement: *agreement,
            encoder: webtrunk_codecs::encoder(codec, rate, &agreement.encoder_config(config))?,
            packetizer: Packetizer::new(rate.samples_in_ms(ptime_ms)),
            payload: Box::new([0; PAYLOAD_MAX]),
            ticks: codec.clock_rate().hz() / 1000 * ptime_ms,
            is_begun: false,
        })
    }

    /// Whether it goes on under this agreement, so that a re-offer need not disturb it.
    pub(crate) fn fits(&self, agreement: &SendAgreement) -> bool {
        let of = |it: &SendAgreement| (it.codec, it.ptime_ms, it.opus);
        of(&self.agreement) == of(agreement)
    }

    /// Whether this is asked for the first time, or the first after a stall.
    pub(crate) fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.is_begun, true)
    }

    /// Frames were left out: what comes next begins at its own time.
    pub(crate) fn begin_anew(&mut self) {
        self.is_begun = false;
    }

    /// The encoder, to be told what the far end and the machine can bear.
    pub(crate) fn encoder(&mut self) -> &mut dyn Encoder {
        self.encoder.as_mut()
    }

    /// Takes a frame and hands every payload that became full to `send`, with its length in ticks. A frame
    /// that the codec cannot make, or need not send, or that is of no use, is an empty payload: its time passes.
    pub(crate) fn handle_frame(&mut self, frame: &[i16], may_send: bool, mut send: impl FnMut(&[u8], u32)) {
        let Self { encoder, packetizer, payload, ticks, .. } = self;
        packetizer.push(frame, |frame| {
            let encoded = may_send.then(|| encoder.encode(frame, &mut payload[..]));
            let length = encoded.and_then(Result::ok).unwrap_or(0);
            let length = if encoder.is_silence(&payload[..length]) { 0 } else { length };
            send(&payload[..length], *ticks);
        });
    }
}
