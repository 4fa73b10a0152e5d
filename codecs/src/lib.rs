//! Audio codecs: samples in, bytes out.
//!
//! A codec knows neither RTP nor time nor threads. Buffers are lent by the caller; nothing here
//! allocates after construction. The catalogue ([`CodecId`]) holds what session descriptions need
//! to name a codec; [`encoder`] and [`decoder`] make one at the sample rate that the caller works in.

mod catalogue;
mod error;

pub use catalogue::{ClockRate, CodecId, SampleRate};
pub use error::{DecodeError, EncodeError, OpenError};

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
