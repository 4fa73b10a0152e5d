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

/// Prompts one after another, without a gap between them.
#[derive(Debug)]
struct Sequence {
    prompts: Vec<Arc<[i16]>>,
    /// Which of them is played, and from where on.
    index: usize,
    position: usize,
    is_looped: bool,
}

#[derive(Debug)]
enum Source {
    Prompts(Sequence),
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
    /// Plays prompts one after another, once or over and over, to a leg whose codec carries `native`.
    #[must_use]
    pub fn prompts(prompts: &[Prompt], is_looped: bool, native: SampleRate) -> Self {
        let rate = Prompt::rate_for(native);
        let samples = |prompt: &Prompt| {
            Arc::clone(if rate == SampleRate::HZ_8000 { &prompt.narrow } else { &prompt.wide })
        };
        // An empty prompt has nothing to play.
        let prompts = prompts.iter().map(samples).filter(|samples| !samples.is_empty()).collect();
        Self { source: Source::Prompts(Sequence { prompts, index: 0, position: 0, is_looped }), rate }
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

    /// Whether there is nothing to hear in it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        matches!(self.source, Source::Silence)
    }

    /// The rate of the frames.
    #[must_use]
    pub fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    /// Fills the next frame; false when the source was over before it. A last frame is filled up with silence.
    pub fn pull(&mut self, frame: &mut [i16]) -> bool {
        match &mut self.source {
            Source::Prompts(sequence) => sequence.pull(frame),
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

impl Sequence {
    fn pull(&mut self, frame: &mut [i16]) -> bool {
        let mut filled = 0;
        while filled < frame.len() {
            if self.index == self.prompts.len() && self.is_looped {
                self.index = 0;
            }
            let Some(samples) = self.prompts.get(self.index) else { break };
            let rest = &samples[self.position..];
            let taken = rest.len().min(frame.len() - filled);
            frame[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            self.position += taken;
            if self.position == samples.len() {
                (self.index, self.position) = (self.index + 1, 0);
            }
        }
        frame[filled..].fill(0);
        filled > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_played_once_and_padded() {
        let prompt = Prompt::new(&[7; 200], SampleRate::HZ_8000);
        let mut player = Player::prompts(&[prompt], false, SampleRate::HZ_8000);
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
        let mut player = Player::prompts(&[prompt], true, SampleRate::HZ_8000);
        let mut frame = [0; 160];
        for _ in 0..3 {
            assert!(player.pull(&mut frame));
            assert_eq!(frame, [7; 160]);
        }
    }

    #[test]
    fn prompts_follow_each_other_without_a_gap() {
        let prompts = [7, 8].map(|sample| Prompt::new(&[sample; 100], SampleRate::HZ_8000));
        let mut player = Player::prompts(&prompts, false, SampleRate::HZ_8000);
        let mut heard = [0; 240];
        for frame in heard.chunks_mut(80) {
            assert!(player.pull(frame));
        }
        assert_eq!(heard, [[7; 100].as_slice(), &[8; 100], &[0; 40]].concat()[..]);
        assert!(!player.pull(&mut [0; 80]));

        let mut player = Player::prompts(&prompts, true, SampleRate::HZ_8000);
        let mut heard = [0; 400];
        assert!(player.pull(&mut heard));
        assert_eq!(heard, [[7; 100], [8; 100], [7; 100], [8; 100]].concat()[..]);
    }

    #[test]
    fn an_empty_prompt_is_over_even_when_looped() {
        let prompt = Prompt::new(&[], SampleRate::HZ_8000);
        assert!(!Player::prompts(&[prompt], true, SampleRate::HZ_8000).pull(&mut [0; 160]));
    }
}
