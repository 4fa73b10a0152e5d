//! Audio codecs: samples in, bytes out.
//!
//! A codec knows neither RTP nor time nor threads. Buffers are lent by the caller; nothing here
//! allocates after construction. The catalogue ([`CodecId`]) holds what session descriptions need
//! to name a codec; [`encoder`] and [`decoder`] make one at the sample rate that the caller works in.

mod catalogue;
pub mod comfort_noise;
mod conceal;
mod dot;
mod error;
pub mod g711;
pub mod g722;
pub mod l16;
pub mod ogg_opus;
pub mod opus;
pub mod resample;
pub mod tone;
pub mod wav;

pub use catalogue::{ClockRate, CodecId, SampleRate};
pub use error::{DecodeError, EncodeError, OpenError};

use g711::{G711Decoder, G711Encoder, Law};
use g722::{G722Decoder, G722Encoder};
use l16::{L16Decoder, L16Encoder};
use opus::{OpusDecoder, OpusEncoder, OpusEncoderConfig};

/// Turns one frame of mono samples into the payload of one packet.
pub trait Encoder: Send {
    /// Encodes `pcm`, a whole packet's worth at [`Self::sample_rate`], into `out`; returns the bytes written.
    ///
    /// # Errors
    /// [`EncodeError`] when the frame length is one that the codec has not, or `out` is too small.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError>;

    /// The rate of the samples that [`Self::encode`] takes.
    fn sample_rate(&self) -> SampleRate;

    /// Tells how much loss the far end reports, 0..=100 %; codecs without loss protection ignore it.
    fn set_expected_loss(&mut self, _percent: u8) {}

    /// Takes no more than so much of the configured bitrate, in percent; codecs of one bitrate ignore it.
    fn set_bitrate_share(&mut self, _percent: u8) {}

    /// Changes the work per packet, 0..=10, from the next packet on; codecs without a choice ignore it.
    fn set_complexity(&mut self, _complexity: u8) {}

    /// Whether a payload only says that nothing is said, and need not be sent.
    fn is_silence(&self, _payload: &[u8]) -> bool {
        false
    }
}

/// Turns payloads into mono samples, and invents what was lost.
pub trait Decoder: Send {
    /// Decodes one packet into `out` and returns the number of samples written.
    ///
    /// # Errors
    /// [`DecodeError`] when the payload is not of this codec or `out` is too small; the state is as before.
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, DecodeError>;

    /// Fills `out` with a concealment of that many lost samples.
    fn conceal(&mut self, out: &mut [i16]);

    /// Restores the packet lost just before `next` from the redundancy inside `next`, filling `out`
    /// (whose length is the lost packet's duration in samples). Falls back to [`Self::conceal`].
    /// Returns whether redundancy was found. `next` itself is to be decoded afterwards.
    fn recover(&mut self, _next: &[u8], out: &mut [i16]) -> bool {
        self.conceal(out);
        false
    }

    /// How many samples, at [`Self::sample_rate`], `payload` decodes to; `None` if it is malformed.
    fn duration_of(&self, payload: &[u8]) -> Option<usize>;

    /// The rate of the samples that [`Self::decode`] writes.
    fn sample_rate(&self) -> SampleRate;
}

/// What the encoders may be told; each takes its own part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EncoderConfig {
    /// For [`CodecId::Opus`].
    pub opus: OpusEncoderConfig,
}

/// Makes an encoder of `codec` for samples at `rate`.
///
/// # Errors
/// [`OpenError`] when the codec does not work at this rate: G.711 has 8 kHz, G.722 8 and 16 kHz, Opus and
/// L16 8, 16 and 48 kHz.
pub fn encoder(
    codec: CodecId,
    rate: SampleRate,
    config: &EncoderConfig,
) -> Result<Box<dyn Encoder>, OpenError> {
    match codec {
        CodecId::Pcmu => telephone(rate).map(|()| Box::new(G711Encoder::new(Law::Mu)) as _),
        CodecId::Pcma => telephone(rate).map(|()| Box::new(G711Encoder::new(Law::A)) as _),
        CodecId::Opus => OpusEncoder::new(rate, &config.opus).map(|encoder| Box::new(encoder) as _),
        CodecId::G722 => G722Encoder::new(rate).map(|encoder| Box::new(encoder) as _),
        CodecId::L16(wire) => L16Encoder::new(wire, rate).map(|encoder| Box::new(encoder) as _),
    }
}

/// Makes a decoder of `codec` to samples at `rate`.
///
/// # Errors
/// As [`encoder`].
pub fn decoder(codec: CodecId, rate: SampleRate) -> Result<Box<dyn Decoder>, OpenError> {
    match codec {
        CodecId::Pcmu => telephone(rate).map(|()| Box::new(G711Decoder::new(Law::Mu)) as _),
        CodecId::Pcma => telephone(rate).map(|()| Box::new(G711Decoder::new(Law::A)) as _),
        CodecId::Opus => OpusDecoder::new(rate).map(|decoder| Box::new(decoder) as _),
        CodecId::G722 => G722Decoder::new(rate).map(|decoder| Box::new(decoder) as _),
        CodecId::L16(wire) => L16Decoder::new(wire, rate).map(|decoder| Box::new(decoder) as _),
    }
}

fn telephone(rate: SampleRate) -> Result<(), OpenError> {
    if rate == SampleRate::HZ_8000 { Ok(()) } else { Err(OpenError::SampleRate { hz: rate.hz() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_opens_at_its_rates_and_no_other() {
        for codec in CodecId::ALL {
            for hz in [8000, 11_025, 16_000, 44_100, 48_000] {
                let rate = SampleRate::new(hz).expect("not zero");
                let works = match codec {
                    CodecId::Pcmu | CodecId::Pcma => hz == 8000,
                    CodecId::G722 => [8000, 16_000].contains(&hz),
                    CodecId::Opus | CodecId::L16(_) => [8000, 16_000, 48_000].contains(&hz),
                };
                let encoder = encoder(codec, rate, &EncoderConfig::default());
                let decoder = decoder(codec, rate);
                assert_eq!((encoder.is_ok(), decoder.is_ok()), (works, works), "{codec:?} at {hz} Hz");
                assert_eq!(encoder.err(), (!works).then_some(OpenError::SampleRate { hz }));
                if let Ok(decoder) = decoder {
                    assert_eq!(decoder.sample_rate(), rate);
                }
            }
        }
    }

    #[test]
    fn what_one_makes_the_other_reads() {
        for codec in CodecId::ALL {
            let mut encoder = encoder(codec, SampleRate::HZ_8000, &EncoderConfig::default()).expect("8 kHz");
            let mut decoder = decoder(codec, SampleRate::HZ_8000).expect("8 kHz");
            let (mut payload, mut pcm) = ([0; 1920], [0; 960]);
            let length = encoder.encode(&[100; 160], &mut payload).expect("20 ms");
            assert_eq!(decoder.duration_of(&payload[..length]), Some(160), "{codec:?}");
            assert_eq!(decoder.decode(&payload[..length], &mut pcm), Ok(160), "{codec:?}");
        }
    }
}
