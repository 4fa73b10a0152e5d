//! PESQ (ITU-T P.862) by the Python package of that name, where a Python with it is at hand.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};

use webtrunk_codecs::SampleRate;

use super::wav_pair::WavPair;

/// Which of the two models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PesqBand {
    /// P.862.1, at 8 kHz.
    Narrow,
    /// P.862.2, at 16 kHz.
    Wide,
}

/// No score could be had.
#[derive(Debug, thiserror::Error)]
pub enum PesqError {
    /// No interpreter is named.
    #[error("no Python with the package pesq is named; set WEBTRUNK_PYTHON to one")]
    NoPython,
    /// It could not be run.
    #[error("cannot run {0:?}: {1}")]
    Run(OsString, #[source] io::Error),
    /// It failed; what it said.
    #[error("PESQ failed: {0}")]
    Failed(String),
}

/// Reads the two files and prints the score.
const SCRIPT: &str = "\
import sys
from pesq import pesq
from scipy.io import wavfile
rate, reference = wavfile.read(sys.argv[1])
_, degraded = wavfile.read(sys.argv[2])
print(pesq(rate, reference, degraded, sys.argv[3]))
";
/// Who names the interpreter.
const VARIABLES: [&str; 2] = ["WEBTRUNK_PYTHON", "WEBTRUNK_TEST_PYTHON"];

/// The score of `degraded` against `reference`, both at the band's rate and of about the same sound.
///
/// # Errors
/// No Python is named by `WEBTRUNK_PYTHON` (or `WEBTRUNK_TEST_PYTHON`), or it failed.
pub fn pesq(reference: &[i16], degraded: &[i16], band: PesqBand) -> Result<f64, PesqError> {
    let python = VARIABLES.iter().find_map(std::env::var_os).ok_or(PesqError::NoPython)?;
    let run = |error| PesqError::Run(python.clone(), error);
    let pair = WavPair::write(reference, degraded, band.rate()).map_err(run)?;
    let mut command = Command::new(&python);
    command.args(["-c", SCRIPT]).args(pair.files()).arg(band.mode()).stdin(Stdio::null());
    let output = command.output().map_err(run)?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_| PesqError::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

impl PesqBand {
    /// The rate that both signals must have.
    #[must_use]
    pub const fn rate(self) -> SampleRate {
        match self {
            Self::Narrow => SampleRate::HZ_8000,
            Self::Wide => SampleRate::HZ_16000,
        }
    }

    const fn mode(self) -> &'static str {
        match self {
            Self::Narrow => "nb",
            Self::Wide => "wb",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use webtrunk_codecs::resample::resample;
    use webtrunk_codecs::wav::read_wav;

    use super::*;

    #[test]
    fn speech_scores_by_what_was_done_to_it() {
        if VARIABLES.iter().all(|name| std::env::var_os(name).is_none()) {
            assert!(std::env::var("WEBTRUNK_TEST_TOOLS").as_deref() != Ok("required"), "no Python is named");
            eprintln!("passed over: no Python with PESQ is named");
            return;
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
        let clip = read_wav(&std::fs::read(file).expect("in the repository")).expect("WAV");
        let speech = resample(&clip.samples, clip.rate, SampleRate::HZ_8000);
        let coarse: Vec<_> = speech.iter().map(|sample| sample / 1024 * 1024).collect();
        let same = pesq(&speech, &speech, PesqBand::Narrow).expect("a score");
        let worse = pesq(&speech, &coarse, PesqBand::Narrow).expect("a score");
        assert!(same > 4.4 && worse < 3.5, "{same} {worse}");
        let silence = vec![0; speech.len()];
        assert!(matches!(pesq(&silence, &silence, PesqBand::Narrow), Err(PesqError::Failed(_))));
    }
}
