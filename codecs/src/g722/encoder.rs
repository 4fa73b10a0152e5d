//! Samples in, G.722 octets out.

use super::Width;
use super::band::{HigherBand, LowerBand};
use super::qmf::Splitter;
use crate::{EncodeError, Encoder, OpenError, SampleRate};

/// A G.722 encoder, 64 kbit/s.
#[derive(Debug, Clone)]
pub struct G722Encoder {
    width: Width,
    splitter: Splitter,
    lower: LowerBand,
    higher: HigherBand,
}

impl G722Encoder {
    /// An encoder for samples at `rate`: 16 kHz, or 8 kHz for narrow band sound.
    ///
    /// # Errors
    /// [`OpenError::SampleRate`] for another rate.
    pub fn new(rate: SampleRate) -> Result<Self, OpenError> {
        Ok(Self {
            width: Width::at(rate)?,
            splitter: Splitter::new(),
            lower: LowerBand::new(),
            higher: HigherBand::new(),
        })
    }

    fn octet(&mut self, (lower, higher): (i32, i32)) -> u8 {
        self.higher.encode(higher) << 6 | self.lower.encode(lower)
    }
}

impl Encoder for G722Encoder {
    /// Takes any length at 8 kHz and any even one at 16 kHz, but none of nothing.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        let octets = pcm.len() / self.width.samples_per_octet();
        if pcm.is_empty() || !pcm.len().is_multiple_of(self.width.samples_per_octet()) {
            return Err(EncodeError::FrameLength { samples: pcm.len() });
        }
        let out = out.get_mut(..octets).ok_or(EncodeError::OutputTooSmall)?;
        match self.width {
            Width::Narrow => {
                for (octet, sample) in out.iter_mut().zip(pcm) {
                    *octet = self.octet((i32::from(*sample) >> 1, 0));
                }
            }
            Width::Wide => {
                for (octet, pair) in out.iter_mut().zip(pcm.as_chunks::<2>().0) {
                    let bands = self.splitter.split(*pair);
                    *octet = self.octet(bands);
                }
            }
        }
        Ok(octets)
    }

    fn sample_rate(&self) -> SampleRate {
        self.width.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_buffers_that_do_not_fit_are_refused() {
        let mut wide = G722Encoder::new(SampleRate::HZ_16000).expect("its rate");
        let mut out = [0; 160];
        assert_eq!(wide.encode(&[], &mut out), Err(EncodeError::FrameLength { samples: 0 }));
        assert_eq!(wide.encode(&[0; 3], &mut out), Err(EncodeError::FrameLength { samples: 3 }));
        assert_eq!(wide.encode(&[0; 322], &mut out), Err(EncodeError::OutputTooSmall));
        assert_eq!(wide.encode(&[0; 320], &mut out), Ok(160));
        let mut narrow = G722Encoder::new(SampleRate::HZ_8000).expect("its rate");
        assert_eq!(narrow.encode(&[0; 3], &mut out), Ok(3));
        assert_eq!(G722Encoder::new(SampleRate::HZ_48000).err(), Some(OpenError::SampleRate { hz: 48_000 }));
    }
}
