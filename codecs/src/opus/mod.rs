//! Opus (RFC 6716, RFC 7587) over libopus, at the sample rate that the caller works in.
//!
//! libopus itself codes and decodes at 8, 16 and 48 kHz, so a call to a telephone never sees more
//! than 8 kHz and needs no resampler. Our side is always mono; a stereo packet is mixed down by the
//! decoder at no change of level.

mod decoder;
mod encoder;
mod library;
mod packet;

pub use decoder::OpusDecoder;
pub use encoder::{OpusApplication, OpusBandwidth, OpusEncoder, OpusEncoderConfig};
pub use packet::bandwidth_of;
pub(crate) use packet::ticks_in;

use crate::{OpenError, SampleRate};

/// The rates at which we run libopus.
fn check_rate(rate: SampleRate) -> Result<(), OpenError> {
    match rate {
        SampleRate::HZ_8000 | SampleRate::HZ_16000 | SampleRate::HZ_48000 => Ok(()),
        other => Err(OpenError::SampleRate { hz: other.hz() }),
    }
}

/// Samples in 2.5 ms, Opus' unit of time: every frame is a multiple of it.
fn samples_in_step(rate: SampleRate) -> usize {
    (rate.hz() / 400) as usize
}
