//! What is said of speech: whether it is heard at all, how loud, and how good it sounds.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::resample::resample;

use super::call::{Happened, Side};
use super::{DirectionVerdict, FindingKind, Limits};
use crate::agent::Voice;
use crate::hear::{Alignment, hum_in, level_dbm0, opinion, own_score};

/// Likeness from which a place in the speech is believed: codecs leave it far above.
const LIKENESS_MIN: f64 = 0.5;
/// What is quieter is line noise, and nobody speaks.
const SILENCE_DBM0: f64 = -55.0;
/// Samples that are scored: 3 to 10 seconds.
const SCORED: std::ops::Range<usize> = 3 * 8000..10 * 8000;

impl DirectionVerdict {
    /// Listens to samples at 8 kHz in which `voice` was to be heard. Speech has no beeps: how late it is, is not told.
    pub(super) fn listen_to_speech(
        &mut self,
        voice: &Voice,
        samples: &[i16],
        from: &Side<'_>,
        limits: &Limits,
        happened: &Happened,
    ) {
        let Some(clip) = voice.clip() else { return };
        let found = Alignment::find(clip, samples).filter(|it| it.correlation >= LIKENESS_MIN);
        let Some(found) = found else {
            return self.judge_unlike(samples, from, happened);
        };
        self.is_heard = true;
        self.gain_db = Some(found.gain_db);
        self.judge_level(limits);
        let heard = &samples[..samples.len().min(SCORED.end)];
        if heard.len() >= SCORED.start {
            let said = resample(&clip.samples, clip.rate, SampleRate::HZ_8000);
            let said: Vec<_> = said.iter().cycle().skip(found.offset).take(heard.len()).copied().collect();
            self.opinion = opinion(&said, heard);
            self.scored = own_score(&said, heard).and_then(|scored| {
                scored.inspect_err(|error| tracing::error!(%error, "a call is not scored")).ok()
            });
        }
    }

    /// What was said is not in it: silence, the hum of a call that does not speak, or whatever.
    fn judge_unlike(&mut self, samples: &[i16], from: &Side<'_>, happened: &Happened) {
        if level_dbm0(samples) < SILENCE_DBM0 {
            return self.judge_silence(from.sent, happened);
        }
        self.is_heard = true;
        match hum_in(samples) {
            Some(whose) => {
                let detail = format!("the audio of another call, which hums at {} Hz", whose.hz());
                self.find(FindingKind::Swapped, detail);
            }
            None => self.judge_other(),
        }
    }
}
