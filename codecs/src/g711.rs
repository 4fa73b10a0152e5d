//! G.711, the telephone's two companding laws, by table.
//!
//! One code per sample, no state: the encoders have none, the decoder keeps what its concealment
//! needs. Codes are those of RFC 3551 4.5.14, which are the wire's (u-law inverted, A-law with its
//! even bits inverted); samples are the 14 (u-law) or 13 (A-law) bits of the law, left-aligned in 16.

use crate::conceal::Concealer;
use crate::{DecodeError, Decoder, EncodeError, Encoder, SampleRate};

/// Which of the two laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Law {
    /// u-law, PCMU.
    Mu,
    /// A-law, PCMA.
    A,
}

/// Encodes to PCMU or PCMA; takes a frame of any length but none.
#[derive(Debug, Clone)]
pub struct G711Encoder {
    law: Law,
}

/// Decodes PCMU or PCMA, and conceals losses in the manner of G.711 Appendix I.
#[derive(Debug, Clone)]
pub struct G711Decoder {
    law: Law,
    concealer: Concealer,
}

impl Law {
    /// The code of `sample`.
    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Mu => MU_CODES[mu_index(sample)],
            Self::A => A_CODES[a_index(sample)],
        }
    }

    /// The sample that `code` stands for.
    #[must_use]
    pub fn decode(self, code: u8) -> i16 {
        self.samples()[usize::from(code)]
    }

    fn samples(self) -> &'static [i16; 256] {
        match self {
            Self::Mu => &MU_SAMPLES,
            Self::A => &A_SAMPLES,
        }
    }
}

impl G711Encoder {
    /// An encoder of this law.
    #[must_use]
    pub const fn new(law: Law) -> Self {
        Self { law }
    }
}

impl Encoder for G711Encoder {
    fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        if pcm.is_empty() {
            return Err(EncodeError::FrameLength { samples: 0 });
        }
        let out = out.get_mut(..pcm.len()).ok_or(EncodeError::OutputTooSmall)?;
        match self.law {
            Law::Mu => out.iter_mut().zip(pcm).for_each(|(code, &sample)| *code = MU_CODES[mu_index(sample)]),
            Law::A => out.iter_mut().zip(pcm).for_each(|(code, &sample)| *code = A_CODES[a_index(sample)]),
        }
        Ok(pcm.len())
    }

    fn sample_rate(&self) -> SampleRate {
        SampleRate::HZ_8000
    }
}

impl G711Decoder {
    /// A decoder of this law that has heard silence so far.
    #[must_use]
    pub fn new(law: Law) -> Self {
        Self { law, concealer: Concealer::new(SampleRate::HZ_8000) }
    }
}

impl Decoder for G711Decoder {
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, DecodeError> {
        if payload.is_empty() {
            return Err(DecodeError::Malformed);
        }
        let out = out.get_mut(..payload.len()).ok_or(DecodeError::OutputTooSmall)?;
        let samples = self.law.samples();
        out.iter_mut().zip(payload).for_each(|(sample, &code)| *sample = samples[usize::from(code)]);
        self.concealer.received(out);
        Ok(payload.len())
    }

    fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.lost(out);
    }

    fn duration_of(&self, payload: &[u8]) -> Option<usize> {
        (!payload.is_empty()).then_some(payload.len())
    }

    fn sample_rate(&self) -> SampleRate {
        SampleRate::HZ_8000
    }
}

static MU_CODES: [u8; 1 << 14] = mu_codes();
static A_CODES: [u8; 1 << 12] = a_codes();
static MU_SAMPLES: [i16; 256] = mu_samples();
static A_SAMPLES: [i16; 256] = a_samples();

/// The 14 bits that u-law looks at, as an index: negative samples follow the positive ones.
const fn mu_index(sample: i16) -> usize {
    (sample as u16 >> 2) as usize
}

/// The 12 bits (and sign) that A-law looks at.
const fn a_index(sample: i16) -> usize {
    (sample as u16 >> 4) as usize
}

/// Sample of an index, inverse of [`mu_index`] and [`a_index`] but for the bits that were dropped.
const fn magnitude_and_sign(index: usize, bits: u32) -> (u16, bool) {
    let half = 1 << (bits - 1);
    if index < half { (index as u16, false) } else { ((2 * half - 1 - index) as u16, true) }
}

const fn mu_codes() -> [u8; 1 << 14] {
    /// Makes every segment start at a power of two (G.711 table 2).
    const BIAS: u16 = 33;
    const MAX: u16 = 0x1fff;
    let mut codes = [0; 1 << 14];
    let mut index = 0;
    while index < codes.len() {
        let (magnitude, negative) = magnitude_and_sign(index, 14);
        let biased = if magnitude + BIAS > MAX { MAX } else { magnitude + BIAS };
        let segment = biased.ilog2() - 5;
        let step = (biased >> (segment + 1)) & 0x0f;
        let code = (segment as u8) << 4 | step as u8;
        codes[index] = !(if negative { code | 0x80 } else { code });
        index += 1;
    }
    codes
}

const fn mu_samples() -> [i16; 256] {
    let mut samples = [0; 256];
    let mut code = 0;
    while code < samples.len() {
        let bits = !(code as u8);
        let (segment, step) = ((bits >> 4) & 7, (bits & 0x0f) as i16);
        let magnitude = 4 * (((2 * step + 33) << segment) - 33);
        samples[code] = if bits & 0x80 == 0 { magnitude } else { -magnitude };
        code += 1;
    }
    samples
}

const fn a_codes() -> [u8; 1 << 12] {
    let mut codes = [0; 1 << 12];
    let mut index = 0;
    while index < codes.len() {
        let (magnitude, negative) = magnitude_and_sign(index, 12);
        let code = if magnitude < 32 {
            magnitude as u8
        } else {
            let segment = magnitude.ilog2() - 3;
            (segment as u8) << 4 | ((magnitude >> (segment - 1)) & 0x0f) as u8
        };
        codes[index] = (if negative { code } else { code | 0x80 }) ^ 0x55;
        index += 1;
    }
    codes
}

const fn a_samples() -> [i16; 256] {
    let mut samples = [0; 256];
    let mut code = 0;
    while code < samples.len() {
        let bits = code as u8 ^ 0x55;
        let (segment, step) = ((bits >> 4) & 7, (bits & 0x0f) as i16);
        let magnitude = if segment == 0 { (2 * step + 1) << 3 } else { (2 * step + 33) << (segment + 2) };
        samples[code] = if bits & 0x80 == 0 { -magnitude } else { magnitude };
        code += 1;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_laws_own_table_values() {
        // G.711 tables 1a, 1b, 2a, 2b: first and last positive and negative output values.
        let rows = [
            (Law::Mu, 0xff, 0),
            (Law::Mu, 0x80, 32124),
            (Law::Mu, 0x00, -32124),
            (Law::A, 0xd5, 8),
            (Law::A, 0xaa, 32256),
            (Law::A, 0x2a, -32256),
            (Law::A, 0x55, -8),
        ];
        for (law, code, sample) in rows {
            assert_eq!(law.decode(code), sample, "{law:?} {code:#04x}");
        }
    }

    #[test]
    fn a_code_survives_the_round_trip() {
        for code in 0..=255 {
            assert_eq!(Law::A.encode(Law::A.decode(code)), code);
            // u-law has two zeros; a linear sample cannot tell them apart.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(Law::Mu.encode(Law::Mu.decode(code)), expected);
        }
    }

    #[test]
    fn codes_change_at_the_laws_decision_values() {
        // G.711 tables 1a and 2a: eight segments, each by its first decision value and its step.
        let mu = decision_values(&[
            (1, 2),
            (31, 4),
            (95, 8),
            (223, 16),
            (479, 32),
            (991, 64),
            (2015, 128),
            (4063, 256),
        ]);
        let a =
            decision_values(&[(1, 1), (16, 1), (32, 2), (64, 4), (128, 8), (256, 16), (512, 32), (1024, 64)]);
        for sample in 0..=i16::MAX {
            let (mu_rank, a_rank) = (rank(&mu, sample / 4), rank(&a, sample / 16));
            assert_eq!(Law::Mu.encode(sample), !mu_rank, "u-law of {sample}");
            assert_eq!(Law::Mu.encode(!sample), !(mu_rank | 0x80), "u-law of {}", !sample);
            assert_eq!(Law::A.encode(sample), (a_rank | 0x80) ^ 0x55, "A-law of {sample}");
            assert_eq!(Law::A.encode(!sample), a_rank ^ 0x55, "A-law of {}", !sample);
        }
    }

    fn decision_values(segments: &[(i16, i16)]) -> Vec<i16> {
        let ends = segments[1..].iter().map(|&(start, _)| start).chain([i16::MAX]);
        let steps = |(&(start, step), end): (&(i16, i16), i16)| {
            (0..16).map(move |n| start + n * step).take_while(move |&value| value < end)
        };
        segments.iter().zip(ends).flat_map(steps).collect()
    }

    /// How many decision values lie at or below `magnitude`; the last interval has no end.
    fn rank(values: &[i16], magnitude: i16) -> u8 {
        values.partition_point(|&value| value <= magnitude).min(127) as u8
    }

    #[test]
    fn buffers_and_frames_that_do_not_fit_are_refused() {
        let mut encoder = G711Encoder::new(Law::Mu);
        assert_eq!(encoder.encode(&[], &mut [0; 4]), Err(EncodeError::FrameLength { samples: 0 }));
        assert_eq!(encoder.encode(&[0; 5], &mut [0; 4]), Err(EncodeError::OutputTooSmall));
        let mut decoder = G711Decoder::new(Law::A);
        assert_eq!(decoder.decode(&[], &mut [0; 4]), Err(DecodeError::Malformed));
        assert_eq!(decoder.decode(&[0; 5], &mut [0; 4]), Err(DecodeError::OutputTooSmall));
        assert_eq!(decoder.duration_of(&[]), None);
        assert_eq!(decoder.duration_of(&[0; 160]), Some(160));
    }
}
