//! Recordings that calls play: WAV and Ogg-Opus files, and the announcement that is built in.

use std::path::{Path, PathBuf};

use webtrunk_codecs::ogg_opus::{OggOpusError, read_ogg_opus};
use webtrunk_codecs::wav::{Clip, WavError, read_wav};

use crate::files;

/// A recording that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file cannot be read.
    #[error("{}: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no WAV file that can be played.
    #[error("{}: {source}", .file.display())]
    Wav {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: WavError,
    },
    /// The file is an Ogg file, and none that can be played.
    #[error("{}: {source}", .file.display())]
    OggOpus {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: OggOpusError,
    },
    /// The recording is empty, or longer than is held in memory.
    #[error("{}: it lasts {seconds} s", .file.display())]
    Length {
        /// The file.
        file: PathBuf,
        /// Its duration in whole seconds.
        seconds: usize,
    },
}

/// The name of the recording that is built in; docs/configuration.md tells how it was made.
pub const ANNOUNCEMENT: &str = "announcement";

const ANNOUNCEMENT_WAV: &[u8] = include_bytes!("../assets/announcement.wav");

/// Longest recording. Chosen by us: each is held in memory, at 48 kHz with 115 MB for this long.
const SECONDS_MAX: usize = 1200;

/// Largest file, in MiB: the longest recording at 48 kHz, in stereo.
const FILE_MAX: u64 = 256;

/// A recording that needs no file.
#[must_use]
pub fn built_in(name: &str) -> Option<Clip> {
    let announcement = || read_wav(ANNOUNCEMENT_WAV).expect("the announcement that we ship is a WAV file");
    (name == ANNOUNCEMENT).then(announcement)
}

/// Reads a WAV or Ogg-Opus file: which of them it is, its first bytes tell.
///
/// # Errors
/// [`PromptError`] where the file cannot be played.
pub fn read(path: &Path) -> Result<Clip, PromptError> {
    let file = || path.to_owned();
    let bytes =
        files::read(path, FILE_MAX).map_err(|source| PromptError::Unreadable { file: file(), source })?;
    let clip = if bytes.starts_with(b"OggS") {
        read_ogg_opus(&bytes, SECONDS_MAX).map_err(|source| PromptError::OggOpus { file: file(), source })?
    } else {
        read_wav(&bytes).map_err(|source| PromptError::Wav { file: file(), source })?
    };
    let seconds = clip.samples.len() / clip.rate.samples_in_ms(1000);
    if clip.samples.is_empty() || seconds > SECONDS_MAX {
        return Err(PromptError::Length { file: file(), seconds });
    }
    Ok(clip)
}

impl PromptError {
    /// What to do about it.
    #[must_use]
    pub fn cure(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                format!("name a WAV or Ogg-Opus file, or {ANNOUNCEMENT:?}, which is built in")
            }
            Self::Wav { .. } => "convert it: sox in.wav -c 1 -b 16 -r 16000 out.wav".to_owned(),
            Self::OggOpus { source: OggOpusError::TooLong { .. }, .. } => {
                format!("a prompt is not empty and lasts up to {SECONDS_MAX} s")
            }
            Self::OggOpus { .. } => "make it anew: opusenc in.wav out.opus".to_owned(),
            Self::Length { .. } => format!("a prompt is not empty and lasts up to {SECONDS_MAX} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_there_and_audible() {
        let clip = built_in(ANNOUNCEMENT).expect("it is built in");
        assert_eq!(clip.rate.hz(), 16_000);
        let seconds = clip.samples.len() / 16_000;
        assert!((5..15).contains(&seconds), "{seconds} s");
        assert!(clip.samples.iter().any(|sample| sample.unsigned_abs() > 10_000));
        assert!(built_in("other").is_none());
    }

    #[test]
    fn what_cannot_be_played_is_told_with_its_cure() {
        let told = |name: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            read(&path).map(drop).map_err(|error| (error.to_string(), error.cure()))
        };
        assert_eq!(told("assets/announcement.wav"), Ok(()));
        let (error, cure) = told("Cargo.toml").expect_err("no WAV file");
        assert!(error.contains("Cargo.toml: ") && cure.starts_with("convert it: sox"), "{error}; {cure}");
        let ogg = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(ogg.path(), b"OggS, and no more").expect("it is ours");
        let (error, cure) = told(&ogg.path().display().to_string()).expect_err("no Opus");
        assert!(error.contains("not an Ogg file") && cure.contains("opusenc"), "{error}; {cure}");
        let (error, cure) = told("assets/none.wav").expect_err("no file");
        assert!(error.contains("No such file") && cure.contains("\"announcement\""), "{error}; {cure}");
    }
}
