//! Frames to the bytes of a file that can be read at any moment, up to what was written last.
//!
//! A WAV file's sizes are set right after each write; Ogg is written by whole pages.

use std::io::{self, SeekFrom};

use webtrunk_codecs::ogg_opus::OggOpusWriter;
use webtrunk_codecs::opus::{OpusBandwidth, OpusEncoderConfig};
use webtrunk_codecs::wav::{STEREO_HEADER, stereo_header};

use super::band::SoundBand;
use super::storage::Storage;
use super::{Frame, RATE, RecordingFormat};

/// A recording's bitrate for each party. Chosen by us: speech is whole at it (docs/decisions/0008), and a
/// recording is not for music.
const BITRATE_BPS: u32 = 24_000;

/// The encoder's work for a side of a telephone's band. At 3 it takes 38 µs for 20 ms, where 5 takes 48 and PESQ is 0.00 to 0.06
/// better, out of 4.4; below, steady tones lose a decibel (`docs/PERFORMANCE.md`).
const COMPLEXITY_NARROW: u8 = 3;

/// For a wider one: below 4 wide-band PESQ falls from 3.9 to 3.1.
const COMPLEXITY_WIDE: u8 = 5;

/// A file that is written.
pub(super) struct Sink<S> {
    storage: S,
    /// Bytes of it that are whole.
    whole: u64,
    coding: Coding,
    bytes: Vec<u8>,
}

enum Coding {
    Wav,
    /// With how each side is encoded.
    Ogg(Box<OggOpusWriter>, [SoundBand; 2]),
}

impl<S: Storage> Sink<S> {
    /// Begins a file; `serial` names the stream inside, where the format has names.
    pub(super) fn begin(storage: S, format: RecordingFormat, serial: u32) -> io::Result<Self> {
        let coding = match format {
            RecordingFormat::Wav => Coding::Wav,
            RecordingFormat::Ogg => {
                let config = OpusEncoderConfig {
                    bitrate_bps: BITRATE_BPS,
                    complexity: COMPLEXITY_WIDE,
                    ..OpusEncoderConfig::default()
                };
                let writer = OggOpusWriter::new(RATE, &config, serial).map_err(io::Error::other)?;
                Coding::Ogg(Box::new(writer), [SoundBand::Wide; 2])
            }
        };
        let mut sink = Self { storage, whole: 0, coding, bytes: Vec::new() };
        sink.write(&[], [SoundBand::Narrow; 2])?;
        Ok(sink)
    }

    /// Adds frames, with the band that each side has there. After an error [`Self::mend`] is due.
    pub(super) fn write(&mut self, frames: &[Frame], bands: [SoundBand; 2]) -> io::Result<()> {
        match &mut self.coding {
            Coding::Wav => {
                if self.whole == 0 {
                    self.write_header()?;
                    self.whole = STEREO_HEADER as u64;
                }
                self.bytes.clear();
                self.bytes.extend(frames.as_flattened().iter().flat_map(|sample| sample.to_le_bytes()));
                self.storage.write_all(&self.bytes)?;
                self.whole += self.bytes.len() as u64;
                self.write_header()
            }
            Coding::Ogg(writer, known) => {
                for (side, (known, band)) in known.iter_mut().zip(bands).enumerate() {
                    if *known != band {
                        *known = band;
                        let (bandwidth, complexity) = encoding_of(band);
                        writer.encode_as(side, bandwidth, complexity);
                    }
                }
                writer.push(frames);
                self.write_pages()
            }
        }
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Coding::Ogg(writer, _) = &mut self.coding {
            writer.finish();
            self.write_pages()?;
        }
        self.storage.flush()
    }

    /// Lets the file end where it is whole, and say so, as far as a full or failing disk lets it.
    pub(super) fn mend(&mut self) -> io::Result<()> {
        self.storage.cut(self.whole)?;
        self.storage.seek(SeekFrom::Start(self.whole))?;
        match self.coding {
            Coding::Wav => self.write_header(),
            Coding::Ogg(..) => self.finish(),
        }
    }

    fn write_pages(&mut self) -> io::Result<()> {
        let Coding::Ogg(writer, _) = &mut self.coding else { return Ok(()) };
        let pages = writer.take_pages();
        self.storage.write_all(&pages)?;
        self.whole += pages.len() as u64;
        Ok(())
    }

    /// Writes the header for what is there.
    fn write_header(&mut self) -> io::Result<()> {
        let data = self.whole.saturating_sub(STEREO_HEADER as u64);
        self.storage.seek(SeekFrom::Start(0))?;
        self.storage.write_all(&stereo_header(RATE, data))?;
        self.storage.seek(SeekFrom::Start(self.whole.max(STEREO_HEADER as u64)))?;
        Ok(())
    }
}

/// Where there is no more than a telephone's band, more would only be noise: without it, the same bits sound better.
const fn encoding_of(band: SoundBand) -> (OpusBandwidth, u8) {
    match band {
        SoundBand::Narrow => (OpusBandwidth::Narrow, COMPLEXITY_NARROW),
        SoundBand::Wide => (OpusBandwidth::Wide, COMPLEXITY_WIDE),
    }
}
