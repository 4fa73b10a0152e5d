//! L16: samples as they are, 16 bits, most significant octet first (RFC 3551 4.5.11).
//!
//! The clock is the sample rate. A caller that works at another rate is served through a resampler;
//! losses are concealed at the rate that it hears.

use crate::conceal::Concealer;
use crate::resample::Resampler;
use crate::{DecodeError, Decoder, EncodeError, Encoder, OpenError, SampleRate};

/// Samples worked through at a time: 10 ms at the highest rate.
const BLOCK: usize = 480;

/// The rates of L16 that have a payload format here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum L16Rate {
    /// 8 kHz.
    Narrow,
    /// 16 kHz.
    Wide,
    /// 48 kHz.
    Full,
}

/// Encodes to L16, mono.
#[derive(Debug, Clone)]
pub struct L16Encoder {
    rate: SampleRate,
    resampler: Resampler,
    /// How many samples taken make a whole number of samples sent.
    multiple: usize,
}

/// Decodes L16, mono.
#[derive(Debug, Clone)]
pub struct L16Decoder {
    rate: SampleRate,
    resampler: Resampler,
    concealer: Concealer,
}

impl L16Rate {
    /// Samples per second on the wire.
    #[must_use]
    pub const fn sample_rate(self) -> SampleRate {
        match self {
            Self::Narrow => SampleRate::HZ_8000,
            Self::Wide => SampleRate::HZ_16000,
            Self::Full => SampleRate::HZ_48000,
        }
    }
}

impl L16Encoder {
    /// An encoder from samples at `rate`, 8, 16 or 48 kHz, to L16 at `wire`.
    ///
    /// # Errors
    /// [`OpenError::SampleRate`] for another rate.
    pub fn new(wire: L16Rate, rate: SampleRate) -> Result<Self, OpenError> {
        let resampler = resampler(rate, rate, wire.sample_rate())?;
        let multiple = (rate.hz() / wire.sample_rate().hz()).max(1) as usize;
        Ok(Self { rate, resampler, multiple })
    }
}

impl Encoder for L16Encoder {
    /// Takes any length but none that makes a whole number of samples at the rate sent.
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        if pcm.is_empty() || !pcm.len().is_multiple_of(self.multiple) {
            return Err(EncodeError::FrameLength { samples: pcm.len() });
        }
        let octets = 2 * self.resampler.output_len(pcm.len());
        let mut out = out.get_mut(..octets).ok_or(EncodeError::OutputTooSmall)?.as_chunks_mut::<2>().0;
        let mut block = [0; BLOCK];
        // So many that the block holds what any ratio makes of them.
        for pcm in pcm.chunks(BLOCK / 6) {
            let made = self.resampler.process(pcm, &mut block);
            let (here, rest) = out.split_at_mut(made);
            here.iter_mut().zip(&block).for_each(|(octets, sample)| *octets = sample.to_be_bytes());
            out = rest;
        }
        Ok(octets)
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }
}

impl L16Decoder {
    /// A decoder from L16 at `wire` to samples at `rate`: 8, 16 or 48 kHz.
    ///
    /// # Errors
    /// [`OpenError::SampleRate`] for another rate.
    pub fn new(wire: L16Rate, rate: SampleRate) -> Result<Self, OpenError> {
        let resampler = resampler(rate, wire.sample_rate(), rate)?;
        Ok(Self { rate, resampler, concealer: Concealer::new(rate) })
    }
}

impl Decoder for L16Decoder {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, DecodeError> {
        let samples = self.duration_of(payload).ok_or(DecodeError::Malformed)?;
        let out = out.get_mut(..samples).ok_or(DecodeError::OutputTooSmall)?;
        let (mut block, mut written) = ([0; BLOCK], 0);
        for octets in payload.as_chunks::<2>().0.chunks(BLOCK) {
            let block = &mut block[..octets.len()];
            block.iter_mut().zip(octets).for_each(|(sample, octets)| *sample = i16::from_be_bytes(*octets));
            written += self.resampler.process(block, &mut out[written..]);
        }
        self.concealer.received(out);
        Ok(samples)
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.lost(out);
    }

    fn duration_of(&self, payload: &[u8]) -> Option<usize> {
        let is_whole = !payload.is_empty() && payload.len().is_multiple_of(2);
        is_whole.then(|| self.resampler.output_len(payload.len() / 2))
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }
}

fn resampler(asked: SampleRate, from: SampleRate, to: SampleRate) -> Result<Resampler, OpenError> {
    Resampler::new(from, to).ok_or(OpenError::SampleRate { hz: asked.hz() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [L16Rate; 3] = [L16Rate::Narrow, L16Rate::Wide, L16Rate::Full];

    #[test]
    fn samples_cross_in_network_byte_order() {
        for wire in RATES {
            let rate = wire.sample_rate();
            let mut encoder = L16Encoder::new(wire, rate).expect("its rate");
            let mut decoder = L16Decoder::new(wire, rate).expect("its rate");
            let (mut payload, mut heard) = ([0; 6], [0; 3]);
            assert_eq!(encoder.encode(&[0x1234, -2, i16::MIN], &mut payload), Ok(6));
            assert_eq!(payload, [0x12, 0x34, 0xff, 0xfe, 0x80, 0x00]);
            assert_eq!(decoder.decode(&payload, &mut heard), Ok(3));
            assert_eq!(heard, [0x1234, -2, i16::MIN]);
        }
    }

    #[test]
    fn a_caller_at_any_rate_hears_as_long_as_was_said() {
        for wire in RATES {
            for hz in [8000, 16_000, 48_000] {
                let rate = SampleRate::new(hz).expect("not zero");
                let mut encoder = L16Encoder::new(wire, rate).expect("a rate we run");
                let mut decoder = L16Decoder::new(wire, rate).expect("a rate we run");
                let (frame, mut payload, mut heard) =
                    (vec![1000; rate.samples_in_ms(20)], [0; 1920], [0; 960]);
                for _ in 0..5 {
                    let octets = encoder.encode(&frame, &mut payload).expect("20 ms");
                    assert_eq!(octets, 2 * wire.sample_rate().samples_in_ms(20));
                    assert_eq!(decoder.duration_of(&payload[..octets]), Some(frame.len()));
                    assert_eq!(decoder.decode(&payload[..octets], &mut heard), Ok(frame.len()));
                }
                let settled = &heard[..frame.len()];
                assert!(settled.iter().all(|sample| sample.abs_diff(1000) <= 5), "{wire:?} at {hz} Hz");
            }
        }
    }

    #[test]
    fn frames_and_buffers_that_do_not_fit_are_refused() {
        let mut encoder = L16Encoder::new(L16Rate::Narrow, SampleRate::HZ_48000).expect("a rate we run");
        let mut out = [0; 8];
        assert_eq!(encoder.encode(&[], &mut out), Err(EncodeError::FrameLength { samples: 0 }));
        assert_eq!(encoder.encode(&[0; 7], &mut out), Err(EncodeError::FrameLength { samples: 7 }));
        assert_eq!(encoder.encode(&[0; 30], &mut out), Err(EncodeError::OutputTooSmall));
        let mut decoder = L16Decoder::new(L16Rate::Wide, SampleRate::HZ_16000).expect("its rate");
        for malformed in [&[][..], &[0; 3]] {
            assert_eq!(decoder.duration_of(malformed), None);
            assert_eq!(decoder.decode(malformed, &mut [0; 4]), Err(DecodeError::Malformed));
        }
        assert_eq!(decoder.decode(&[0; 10], &mut [0; 4]), Err(DecodeError::OutputTooSmall));
        let odd = SampleRate::new(11_025).expect("not zero");
        assert_eq!(L16Decoder::new(L16Rate::Wide, odd).err(), Some(OpenError::SampleRate { hz: 11_025 }));
    }
}
