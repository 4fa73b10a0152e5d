//! G.722 octets in, samples out; losses are concealed.

use super::Width;
use super::band::{HigherBand, LowerBand};
use super::qmf::Joiner;
use crate::conceal::Concealer;
use crate::{DecodeError, Decoder, OpenError, SampleRate};

/// A G.722 decoder, 64 kbit/s.
#[derive(Debug, Clone)]
pub struct G722Decoder {
    width: Width,
    joiner: Joiner,
    lower: LowerBand,
    higher: HigherBand,
    concealer: Concealer,
}

impl G722Decoder {
    /// A decoder to samples at `rate`: 16 kHz, or 8 kHz for the lower band alone.
    ///
    /// # Errors
    /// [`OpenError::SampleRate`] for another rate.
    pub fn new(rate: SampleRate) -> Result<Self, OpenError> {
        Ok(Self {
            width: Width::at(rate)?,
            joiner: Joiner::new(),
            lower: LowerBand::new(),
            higher: HigherBand::new(),
            concealer: Concealer::new(rate),
        })
    }
}

impl Decoder for G722Decoder {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, DecodeError> {
        let samples = self.duration_of(payload).ok_or(DecodeError::Malformed)?;
        let out = out.get_mut(..samples).ok_or(DecodeError::OutputTooSmall)?;
        match self.width {
            Width::Narrow => {
                for (sample, octet) in out.iter_mut().zip(payload) {
                    // 15 bits, left-aligned.
                    *sample = (self.lower.decode(*octet) << 1) as i16;
                }
            }
            Width::Wide => {
                for (pair, octet) in out.as_chunks_mut::<2>().0.iter_mut().zip(payload) {
                    let (lower, higher) = (self.lower.decode(*octet), self.higher.decode(*octet >> 6));
                    *pair = self.joiner.join(lower, higher);
                }
            }
        }
        self.concealer.received(out);
        Ok(samples)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.lost(out);
    }

    fn duration_of(&self, payload: &[u8]) -> Option<usize> {
        (!payload.is_empty()).then_some(payload.len() * self.width.samples_per_octet())
    }

    fn sample_rate(&self) -> SampleRate {
        self.width.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_is_two_samples_of_wide_band_and_one_of_narrow_band() {
        for (rate, samples) in [(SampleRate::HZ_8000, 160), (SampleRate::HZ_16000, 320)] {
            let mut decoder = G722Decoder::new(rate).expect("its rate");
            let mut out = [0; 320];
            assert_eq!(decoder.duration_of(&[0xff; 160]), Some(samples));
            assert_eq!(
                decoder.decode(&[0xff; 160], &mut out[..samples - 1]),
                Err(DecodeError::OutputTooSmall)
            );
            assert_eq!(decoder.decode(&[0xff; 160], &mut out), Ok(samples));
            assert_eq!(decoder.decode(&[], &mut out), Err(DecodeError::Malformed));
            assert_eq!(decoder.duration_of(&[]), None);
        }
    }
}
