//! Bytes of a WAV file to samples, with a clear word on what is wrong with it.
//!
//! ```text
//! RIFF size WAVE | fmt  size tag channels rate .. | other chunks, skipped | data size samples
//! ```

use super::{Clip, TAG_A_LAW, TAG_EXTENSIBLE, TAG_MU_LAW, TAG_PCM};
use crate::SampleRate;
use crate::g711::Law;

/// The rates that audio is recorded at; others are damage, and would cost a resampler its memory.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4000..=384_000;

/// Why a file cannot be played: always the file's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// It does not begin with RIFF and WAVE.
    #[error("not a WAV file")]
    NotWav,
    /// It ends within a chunk that is needed.
    #[error("the file ends within its `{chunk}` chunk")]
    Truncated {
        /// The chunk's name.
        chunk: &'static str,
    },
    /// A chunk that is needed is not there, or `data` comes before `fmt`.
    #[error("no `{chunk}` chunk where one is due")]
    MissingChunk {
        /// The chunk's name.
        chunk: &'static str,
    },
    /// Neither 16-bit PCM nor 8-bit u-law or A-law.
    #[error("format {tag:#06x} of {bits} bits; 16-bit PCM, 8-bit u-law and 8-bit A-law are understood")]
    Format {
        /// The format's number.
        tag: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// Neither mono nor stereo.
    #[error("{channels} channels; one and two are understood")]
    Channels {
        /// How many it says.
        channels: u16,
    },
    /// No sensible sample rate.
    #[error("sample rate of {hz} Hz")]
    Rate {
        /// What it says.
        hz: u32,
    },
}

/// Reads a WAV file of one or two channels; of two it takes the mean.
///
/// A `data` chunk whose size was never filled in, or that was cut short, gives what is there.
///
/// # Errors
/// [`WavError`] says what is wrong with the file.
pub fn read_wav(file: &[u8]) -> Result<Clip, WavError> {
    let (Some((b"RIFF", _)), Some(b"WAVE")) = (file.split_first_chunk(), file.get(8..12)) else {
        return Err(WavError::NotWav);
    };
    let mut rest = &file[12..];
    let mut format = None;
    while let Some((name, size, body)) = chunk(rest) {
        match name {
            b"fmt " => {
                let fields = body.get(..size).ok_or(WavError::Truncated { chunk: "fmt" })?;
                format = Some(Format::read(fields)?);
            }
            b"data" => {
                let format = format.ok_or(WavError::MissingChunk { chunk: "fmt" })?;
                return Ok(format.clip(&body[..size.min(body.len())]));
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = body.get(size.saturating_add(size % 2)..).unwrap_or_default();
    }
    Err(WavError::MissingChunk { chunk: if format.is_some() { "data" } else { "fmt" } })
}

/// A chunk's name, its size as claimed, and all that follows.
fn chunk(rest: &[u8]) -> Option<(&[u8; 4], usize, &[u8])> {
    let (name, rest) = rest.split_first_chunk()?;
    let (size, body) = rest.split_first_chunk()?;
    Some((name, u32::from_le_bytes(*size) as usize, body))
}

#[derive(Debug, Clone, Copy)]
struct Format {
    coding: Coding,
    stereo: bool,
    rate: SampleRate,
}

#[derive(Debug, Clone, Copy)]
enum Coding {
    Pcm16,
    G711(Law),
}

impl Format {
    fn read(fields: &[u8]) -> Result<Self, WavError> {
        let truncated = WavError::Truncated { chunk: "fmt" };
        let u16_at = |at: usize| {
            let bytes = fields.get(at..at + 2).ok_or(truncated)?;
            Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        let (mut tag, channels, bits) = (u16_at(0)?, u16_at(2)?, u16_at(14)?);
        let hz = u32::from(u16_at(4)?) | u32::from(u16_at(6)?) << 16;
        if tag == TAG_EXTENSIBLE {
            // The sub-format is a GUID whose first two bytes are the tag.
            tag = u16_at(24)?;
        }
        let coding = match (tag, bits) {
            (TAG_PCM, 16) => Coding::Pcm16,
            (TAG_MU_LAW, 8) => Coding::G711(Law::Mu),
            (TAG_A_LAW, 8) => Coding::G711(Law::A),
            _ => return Err(WavError::Format { tag, bits }),
        };
        if !(1..=2).contains(&channels) {
            return Err(WavError::Channels { channels });
        }
        let rate = SampleRate::new(hz).filter(|_| RATES_HZ.contains(&hz)).ok_or(WavError::Rate { hz })?;
        Ok(Self { coding, stereo: channels == 2, rate })
    }

    fn clip(self, data: &[u8]) -> Clip {
        let decoded: Vec<i16> = match self.coding {
            Coding::Pcm16 => {
                data.as_chunks().0.iter().map(|&pair: &[u8; 2]| i16::from_le_bytes(pair)).collect()
            }
            Coding::G711(law) => data.iter().map(|&code| law.decode(code)).collect(),
        };
        let samples = if self.stereo {
            decoded.as_chunks().0.iter().map(|&[left, right]| left.midpoint(right)).collect()
        } else {
            decoded
        };
        Clip { samples, rate: self.rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: u32 = 8000;

    #[test]
    fn reads_each_coding_in_mono_and_stereo() {
        let check = |tag, channels, bits, data: &[u8], samples: &[i16]| {
            let read = read_wav(&file(&[(b"fmt ", &format(tag, channels, RATE, bits)), (b"data", data)]));
            let expected = Clip { samples: samples.to_vec(), rate: SampleRate::HZ_8000 };
            assert_eq!(read, Ok(expected), "{tag} x {channels}");
        };
        check(TAG_PCM, 1, 16, &[1, 0, 0xff, 0xff, 0, 0x80], &[1, -1, i16::MIN]);
        check(TAG_PCM, 2, 16, &[10, 0, 20, 0, 0xff, 0x7f, 0xff, 0x7f], &[15, i16::MAX]);
        check(TAG_MU_LAW, 1, 8, &[0xff, 0x80, 0x00], &[0, 32124, -32124]);
        check(TAG_A_LAW, 1, 8, &[0xd5, 0xaa], &[8, 32256]);
        check(TAG_A_LAW, 2, 8, &[0xd5, 0x55], &[0]);
    }

    #[test]
    fn other_chunks_and_their_padding_are_skipped() {
        let fmt = format(TAG_PCM, 1, RATE, 16);
        let read =
            read_wav(&file(&[(b"LIST", b"odd"), (b"fmt ", &fmt), (b"fact", b"four"), (b"data", &[7, 0])]));
        assert_eq!(read.map(|clip| clip.samples), Ok(vec![7]));
    }

    #[test]
    fn the_extensible_format_is_looked_into() {
        let mut fmt = format(TAG_EXTENSIBLE, 1, RATE, 16);
        fmt.extend([22, 0, 16, 0, 4, 0, 0, 0, 1, 0]);
        fmt.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
        let read = read_wav(&file(&[(b"fmt ", &fmt), (b"data", &[7, 0])]));
        assert_eq!(read.map(|clip| clip.samples), Ok(vec![7]));
    }

    #[test]
    fn a_stream_that_was_never_closed_gives_what_is_there() {
        let mut unclosed = file(&[(b"fmt ", &format(TAG_PCM, 1, RATE, 16)), (b"data", &[1, 0, 2, 0, 3])]);
        let size_at = 12 + 24 + 4;
        unclosed[size_at..size_at + 4].fill(0xff);
        unclosed.truncate(size_at + 4 + 5);
        assert_eq!(read_wav(&unclosed).map(|clip| clip.samples), Ok(vec![1, 2]));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let fmt = |tag, channels, hz, bits| {
            file(&[(b"fmt ", &format(tag, channels, hz, bits)), (b"data", &[0; 8])])
        };
        let rows = [
            (vec![], WavError::NotWav),
            (b"ID3\x03 an mp3 file".to_vec(), WavError::NotWav),
            (b"RIFF\x04\0\0\0AVI ".to_vec(), WavError::NotWav),
            (fmt(TAG_PCM, 1, RATE, 24), WavError::Format { tag: TAG_PCM, bits: 24 }),
            (fmt(3, 1, RATE, 32), WavError::Format { tag: 3, bits: 32 }),
            (fmt(TAG_PCM, 6, RATE, 16), WavError::Channels { channels: 6 }),
            (fmt(TAG_PCM, 0, RATE, 16), WavError::Channels { channels: 0 }),
            (fmt(TAG_PCM, 1, 0, 16), WavError::Rate { hz: 0 }),
            (fmt(TAG_PCM, 1, u32::MAX, 16), WavError::Rate { hz: u32::MAX }),
            (file(&[(b"data", &[0; 4])]), WavError::MissingChunk { chunk: "fmt" }),
            (file(&[(b"fmt ", &format(TAG_PCM, 1, RATE, 16))]), WavError::MissingChunk { chunk: "data" }),
            (file(&[]), WavError::MissingChunk { chunk: "fmt" }),
            (file(&[(b"fmt ", &[1, 0, 1, 0])]), WavError::Truncated { chunk: "fmt" }),
        ];
        for (file, error) in rows {
            assert_eq!(read_wav(&file), Err(error));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_clip_or_an_error(
            cut in 0..80_usize,
            changes in prop::collection::vec((0..64_usize, any::<u8>()), 0..6),
        ) {
            let mut bytes = file(&[(b"fmt ", &format(TAG_PCM, 2, RATE, 16)), (b"data", &[0; 24])]);
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            bytes.truncate(cut);
            if let Ok(clip) = read_wav(&bytes) {
                prop_assert!(clip.samples.len() <= bytes.len());
            }
        }
    }

    fn format(tag: u16, channels: u16, hz: u32, bits: u16) -> Vec<u8> {
        let mut fields = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        fields.extend(hz.to_le_bytes());
        fields.extend([0; 6]);
        fields.extend(bits.to_le_bytes());
        fields
    }

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
        for (name, body) in chunks {
            file.extend(*name);
            file.extend((body.len() as u32).to_le_bytes());
            file.extend(*body);
            file.resize(file.len().next_multiple_of(2), 0);
        }
        file
    }
}
