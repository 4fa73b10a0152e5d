//! Samples to the bytes of a WAV file.

use super::{Clip, TAG_A_LAW, TAG_MU_LAW, TAG_PCM};
use crate::SampleRate;
use crate::g711::Law;

/// How samples lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WavEncoding {
    /// Two bytes a sample, exact.
    Pcm16,
    /// One byte a sample.
    G711(Law),
}

/// Makes a mono file of `clip`. RIFF counts in 32 bits: what lies beyond 4 GiB is left out.
#[must_use]
pub fn write_wav(clip: &Clip, encoding: WavEncoding) -> Vec<u8> {
    let (tag, bytes_per_sample) = match encoding {
        WavEncoding::Pcm16 => (TAG_PCM, 2_u16),
        WavEncoding::G711(Law::Mu) => (TAG_MU_LAW, 1),
        WavEncoding::G711(Law::A) => (TAG_A_LAW, 1),
    };
    // Whatever is not PCM says so by a size of extension and a `fact` chunk (RFC 2361 2).
    let extended = tag != TAG_PCM;
    let samples = &clip.samples[..clip.samples.len().min(samples_max(bytes_per_sample))];
    let data_size = samples.len() as u32 * u32::from(bytes_per_sample);

    let mut chunks = Vec::with_capacity(64 + data_size as usize);
    chunks.extend(b"WAVEfmt ");
    chunks.extend(if extended { 18_u32 } else { 16 }.to_le_bytes());
    chunks.extend(tag.to_le_bytes());
    chunks.extend(1_u16.to_le_bytes());
    chunks.extend(clip.rate.hz().to_le_bytes());
    chunks.extend(clip.rate.hz().saturating_mul(bytes_per_sample.into()).to_le_bytes());
    chunks.extend(bytes_per_sample.to_le_bytes());
    chunks.extend((8 * bytes_per_sample).to_le_bytes());
    if extended {
        chunks.extend(0_u16.to_le_bytes());
        chunks.extend(b"fact");
        chunks.extend(4_u32.to_le_bytes());
        chunks.extend((samples.len() as u32).to_le_bytes());
    }
    chunks.extend(b"data");
    chunks.extend(data_size.to_le_bytes());
    match encoding {
        WavEncoding::Pcm16 => chunks.extend(samples.iter().flat_map(|sample| sample.to_le_bytes())),
        WavEncoding::G711(law) => chunks.extend(samples.iter().map(|&sample| law.encode(sample))),
    }
    chunks.resize(chunks.len().next_multiple_of(2), 0);

    let mut file = b"RIFF".to_vec();
    file.extend((chunks.len() as u32).to_le_bytes());
    file.append(&mut chunks);
    file
}

/// Bytes of [`stereo_header`].
pub const STEREO_HEADER: usize = 44;

/// The header of a file of two channels of 16-bit PCM that is written bit by bit: `data` bytes of it are there.
/// RIFF counts in 32 bits; what lies beyond is there, and not counted.
#[must_use]
pub fn stereo_header(rate: SampleRate, data: u64) -> [u8; STEREO_HEADER] {
    const CHANNELS: u16 = 2;
    const FRAME: u16 = 2 * CHANNELS;
    const REST: u32 = STEREO_HEADER as u32 - 8;
    let data = u32::try_from(data).unwrap_or(u32::MAX).min(u32::MAX - REST);
    let mut header = [0; STEREO_HEADER];
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &(data + REST).to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &TAG_PCM.to_le_bytes(),
        &CHANNELS.to_le_bytes(),
        &rate.hz().to_le_bytes(),
        &(rate.hz() * u32::from(FRAME)).to_le_bytes(),
        &FRAME.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &data.to_le_bytes(),
    ];
    let mut rest = &mut header[..];
    for field in fields {
        let (place, after) = rest.split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = after;
    }
    header
}

/// As many as leave the sizes room for the header.
const fn samples_max(bytes_per_sample: u16) -> usize {
    (u32::MAX as usize - 64) / bytes_per_sample as usize
}

#[cfg(test)]
mod tests {
    use super::super::read_wav;
    use super::*;
    use crate::SampleRate;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(samples in prop::collection::vec(any::<i16>(), 0..99), hz in 4000..96_000_u32) {
            let clip = Clip { samples, rate: SampleRate::new(hz).expect("not zero") };
            prop_assert_eq!(read_wav(&write_wav(&clip, WavEncoding::Pcm16)), Ok(clip.clone()));
            for law in [Law::Mu, Law::A] {
                let samples = clip.samples.iter().map(|&sample| law.decode(law.encode(sample))).collect();
                let expected = Clip { samples, rate: clip.rate };
                prop_assert_eq!(read_wav(&write_wav(&clip, WavEncoding::G711(law))), Ok(expected));
            }
        }
    }

    #[test]
    fn an_independent_reader_reads_it() {
        let clip = Clip { samples: vec![1, -2, i16::MIN], rate: SampleRate::HZ_16000 };
        let file = write_wav(&clip, WavEncoding::Pcm16);
        let mut reader = hound::WavReader::new(file.as_slice()).expect("a WAV file");
        assert_eq!((reader.spec().channels, reader.spec().sample_rate), (1, 16_000));
        assert!(reader.samples::<i16>().map(|sample| sample.expect("a sample")).eq(clip.samples));
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let clip = Clip { samples: vec![1, -2], rate: SampleRate::HZ_8000 };
        let pcm = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\x01\0\xfe\xff";
        assert_eq!(write_wav(&clip, WavEncoding::Pcm16), pcm);
        let silence = Clip { samples: vec![0], rate: SampleRate::HZ_8000 };
        let mu = b"RIFF\x34\0\0\0WAVEfmt \x12\0\0\0\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0fact\x04\0\0\0\x01\0\0\0data\x01\0\0\0\xff\0";
        assert_eq!(write_wav(&silence, WavEncoding::G711(Law::Mu)), mu);
    }
}
