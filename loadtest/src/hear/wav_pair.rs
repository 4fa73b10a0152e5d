//! What was said and what was heard as two WAV files, for a program that compares them.

use std::io;
use std::path::PathBuf;

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::wav::{Clip, WavEncoding, write_wav};

/// The two files, which are gone when it is dropped.
#[derive(Debug)]
pub(super) struct WavPair {
    folder: PathBuf,
}

impl WavPair {
    /// Both at this rate, with 16 bits.
    pub(super) fn write(said: &[i16], heard: &[i16], rate: SampleRate) -> io::Result<Self> {
        let name = format!("webtrunk-score-{:016x}", rand::random::<u64>());
        let pair = Self { folder: std::env::temp_dir().join(name) };
        std::fs::create_dir(&pair.folder)?;
        for (file, samples) in pair.files().iter().zip([said, heard]) {
            let clip = Clip { samples: samples.to_vec(), rate };
            std::fs::write(file, write_wav(&clip, WavEncoding::Pcm16))?;
        }
        Ok(pair)
    }

    /// What was said, and what was heard.
    pub(super) fn files(&self) -> [PathBuf; 2] {
        ["reference.wav", "degraded.wav"].map(|name| self.folder.join(name))
    }
}

impl Drop for WavPair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
