//! What a sample of the calls says.

use std::path::Path;

use super::within;
use crate::agent::Voice;
use crate::scenario::Speech;
use crate::scenario::fault::Faults;
use crate::scenario::file::SpeechSection;

/// Of how many calls one speaks where nothing is said.
const EVERY: usize = 20;
const EVERY_MAX: usize = 1_000_000;
/// Seconds that a score is made of at least, and that one file may have: all of it is encoded.
const SECONDS: std::ops::RangeInclusive<usize> = 3..=60;

/// `None` without the section, and after a fault.
pub(super) fn check(
    section: Option<&SpeechSection>,
    folder: &Path,
    faults: &mut Faults<'_>,
) -> Option<Speech> {
    let SpeechSection { file, every } = section?;
    if let Some(every) = every {
        within(faults, "speech.every", every, 1..=EVERY_MAX);
    }
    let every = every.as_ref().map_or(EVERY, |every| *every.get_ref());
    let voice = Voice::from_wav(&folder.join(file.get_ref()));
    let voice = voice.map_err(|error| error.to_string()).and_then(|voice| {
        let seconds = voice.clip().map_or(0, |clip| clip.samples.len() / clip.rate.hz() as usize);
        if SECONDS.contains(&seconds) { Ok(voice) } else { Err(format!("it has {seconds} s of sound")) }
    });
    match voice {
        Ok(voice) => Some(Speech { voice, every }),
        Err(problem) => {
            let cure = format!("give a WAV file with {} to {} s of speech", SECONDS.start(), SECONDS.end());
            faults.add(file.span(), "speech.file", problem, cure);
            None
        }
    }
}
