//! What the gateway itself says to a party: prompts, tones, silence. Clock-driven, one frame a tick.

use std::sync::Arc;

use webtrunk_codecs::tone::{Tone, ToneGenerator};
use webtrunk_codecs::{SampleRate, resample};

/// A recording made ready for playing at the rates that legs work in.
#[derive(Debug, Clone)]
pub struct Prompt {
    narrow: Arc<[i16]>,
    wide: Arc<[i16]>,
}

/// Plays one source, frame by frame.
#[derive(Debug)]
pub struct Player {
    source: Source,
    rate: SampleRate,
}

#[derive(Debug)]
enum Source {
    Prompt { samples: Arc<[i16]>, position: usize, is_looped: bool },
    Tone(ToneGenerator),
    Silence,
}

impl Prompt {
    /// Prepares mono `samples` of any rate; slow, so not for a media thread.
    #[must_use]
    pub fn new(samples: &[i16], rate: SampleRate) -> Self {
        let at = |to| Arc::from(resample::resample(samples, rate, to));
        Self { narrow: at(SampleRate::HZ_8000), wide: at(SampleRate::HZ_16000) }
    }

    /// The rate at which this prompt is played to a leg whose codec carries `native`.
    #[must_use]
    pub fn rate_for(native: SampleRate) -> SampleRate {
        native.min(SampleRate::HZ_16000)
    }
}

impl Player {
    /// Plays a prompt, once or over and over, to a leg whose codec carries `native`.
    #[must_use]
    pub fn prompt(prompt: &Prompt, is_looped: bool, native: SampleRate) -> Self {
        let rate = Prompt::rate_for(native);
        let samples = if rate == SampleRate::HZ_8000 { &prompt.narrow } else { &prompt.wide };
        Self { source: Source::Prompt { samples: Arc::clone(samples), position: 0, is_looped }, rate }
    }

    /// Plays a sine of `hz` at `level_dbm0` without end.
    #[must_use]
    pub fn tone(hz: f64, level_dbm0: f64) -> Self {
        let rate = SampleRate::HZ_8000;
        Self { source: Source::Tone(ToneGenerator::new(Tone::sine(hz, level_dbm0), rate)), rate }
    }

    /// Plays silence without end: a party that is on hold, or whose peer is.
    #[must_use]
    pub fn silence() -> Self {
        Self { source: Source::Silence, rate: SampleRate::HZ_8000 }
    }

    /// The rate of the frames.
    #[must_use]
    pub fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    /// Fills the next frame; false when the source was over before it. A last frame is filled up with silence.
    pub fn pull(&mut self, frame: &mut [i16]) -> bool {
        match &mut self.source {
            Source::Prompt { samples, position, is_looped } => {
                pull_prompt(samples, position, *is_looped, frame)
            }
            Source::Tone(tone) => {
                tone.fill(frame);
                true
            }
            Source::Silence => {
                frame.fill(0);
                true
            }
        }
    }
}

fn pull_prompt(samples: &[i16], position: &mut usize, is_looped: bool, frame: &mut [i16]) -> bool {
    if *position >= samples.len() {
        if !is_looped || samples.is_empty() {
            return false;
        }
        *position = 0;
    }
    let taken = frame.len().min(samples.len() - *position);
    frame[..taken].copy_from_slice(&samples[*position..*position + taken]);
    frame[taken..].fill(0);
    *position += taken;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_played_once_and_padded() {
        let prompt = Prompt::new(&[7; 200], SampleRate::HZ_8000);
        let mut player = Player::prompt(&prompt, false, SampleRate::HZ_8000);
        let mut frame = [1; 160];
        assert!(player.pull(&mut frame));
        assert_eq!(frame, [7; 160]);
        assert!(player.pull(&mut frame));
        assert_eq!((frame[39], frame[40]), (7, 0));
        assert!(!player.pull(&mut frame));
    }

    #[test]
    fn a_looped_prompt_goes_on() {
        let prompt = Prompt::new(&[7; 160], SampleRate::HZ_8000);
        let mut player = Player::prompt(&prompt, true, SampleRate::HZ_8000);
        let mut frame = [0; 160];
        for _ in 0..3 {
            assert!(player.pull(&mut frame));
            assert_eq!(frame, [7; 160]);
        }
    }

    #[test]
    fn an_empty_prompt_is_over_even_when_looped() {
        let prompt = Prompt::new(&[], SampleRate::HZ_8000);
        assert!(!Player::prompt(&prompt, true, SampleRate::HZ_8000).pull(&mut [0; 160]));
    }
}
