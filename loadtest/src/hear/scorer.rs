//! Another score of speech beside what was said, by a program of the user's own: PESQ, POLQA, or what there is.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use webtrunk_codecs::SampleRate;

use super::wav_pair::WavPair;

/// The user's own program gives no score.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScorerError {
    /// It could not be run.
    #[error("WEBTRUNK_SCORER: cannot run {program:?}: {source}")]
    Run {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It takes too long.
    #[error("WEBTRUNK_SCORER: {0:?} gives no score within {seconds} s", seconds = PATIENCE.as_secs())]
    Silent(String),
    /// It failed, or printed no number; what it said.
    #[error("WEBTRUNK_SCORER: {program:?} gives no number: {said}")]
    Failed {
        /// Which.
        program: String,
        /// What it said.
        said: String,
    },
}

/// Who names the program: its words, behind which the two files come.
const VARIABLE: &str = "WEBTRUNK_SCORER";
/// How long a score may take: calls are scored one after the other.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Octets of what it says that are kept, the last ones: the score is in its last line.
const KEPT: usize = 4096;

/// The score of what was heard beside what was said, both at 8 kHz and of the same sound; `None` where no program is named.
///
/// # Errors
/// The program cannot be run, fails, or prints no number as its last line.
pub(crate) fn own_score(said: &[i16], heard: &[i16]) -> Option<Result<f64, ScorerError>> {
    let command = std::env::var(VARIABLE).ok().filter(|it| !it.trim().is_empty())?;
    Some(score_by(&command, said, heard))
}

fn score_by(command: &str, said: &[i16], heard: &[i16]) -> Result<f64, ScorerError> {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default().to_owned();
    let run = |source| ScorerError::Run { program: program.clone(), source };
    let pair = WavPair::write(said, heard, SampleRate::HZ_8000).map_err(run)?;
    let mut child = Command::new(&program)
        .args(words)
        .args(pair.files())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(run)?;
    // A pipe that nobody empties holds up who writes much.
    let printing = child.stdout.take().map(|pipe| thread::spawn(move || last_of(pipe)));
    let complaining = child.stderr.take().map(|pipe| thread::spawn(move || last_of(pipe)));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(run)? {
            break status;
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(ScorerError::Silent(program));
        }
        thread::sleep(LOOK_INTERVAL);
    };
    let [printed, complained] =
        [printing, complaining].map(|told| told.and_then(|it| it.join().ok()).unwrap_or_default());
    let score =
        printed.lines().rev().find(|line| !line.trim().is_empty()).and_then(|it| it.trim().parse().ok());
    match score.filter(|score: &f64| status.success() && score.is_finite()) {
        Some(score) => Ok(score),
        None => {
            let said = format!("{complained}{printed}");
            Err(ScorerError::Failed { program, said: said.trim().to_owned() })
        }
    }
}

/// The last that comes of a pipe, up to its end.
fn last_of(mut pipe: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; KEPT]);
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_score_and_both_files_are_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("score.sh");
        let by = |lines: &str| {
            std::fs::write(&script, lines).expect("the folder is ours");
            score_by(&format!("sh {}", script.display()), &[1; 800], &[2; 400])
        };
        // A header of 44 octets, and two for each sample.
        let sizes = "[ $(wc -c < \"$1\") = 1644 ] && [ $(wc -c < \"$2\") = 844 ] || exit 1\n";
        assert!(
            matches!(by(&format!("{sizes}echo loading\necho ' 3.25 '\necho")), Ok(score) if score == 3.25)
        );
        for lines in ["echo 3.25; exit 1", "echo good", "echo NaN", "true"] {
            let error = by(lines).expect_err("no score");
            assert!(matches!(error, ScorerError::Failed { .. }), "{lines}: {error}");
        }
        let told = by("echo no licence >&2; exit 2").expect_err("no score").to_string();
        assert!(told.contains("WEBTRUNK_SCORER") && told.contains("no licence"), "{told}");
        let much = "yes loading | head -c 200000";
        let scored = by(&format!("{much}\n{much} >&2\necho 2.5"));
        assert!(matches!(scored, Ok(score) if score == 2.5), "who says much is read meanwhile: {scored:?}");
        let told = by(&format!("{much}\nexit 2")).expect_err("no score").to_string();
        assert!(told.len() < 2 * KEPT, "of {} octets", told.len());
        let missing = score_by("/nowhere/scorer --fast", &[0; 8], &[0; 8]).expect_err("it is not there");
        assert!(matches!(missing, ScorerError::Run { program, .. } if program == "/nowhere/scorer"));
    }
}
