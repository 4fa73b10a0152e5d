//! The levels of speech and of the noise behind it, apart (as RFC 3611 4.7.4 wants them).
//!
//! The floor follows the quietest frames; frames well above it are speech, the others noise.

use super::level::LEVEL_MIN_DBOV;

/// What lies so far above the floor is speech.
const SPEECH_ABOVE_DB: f32 = 12.0;

/// Below this nothing is speech. Chosen by us: speech of a working microphone is at -45 dBov or more.
const SPEECH_MIN_DBOV: f32 = -50.0;

/// How fast the floor rises in 20 ms: 1 dB a second.
const FLOOR_RISE_DB: f32 = 0.02;

/// The floor before anything was heard.
const FLOOR_BEGIN_DBOV: f32 = -50.0;

/// The levels of one stream since the beginning.
#[derive(Debug, Clone)]
pub struct SpeechLevel {
    floor: f32,
    /// How much it rises from one frame to the next.
    rise_db: f32,
    speech: Mean,
    noise: Mean,
}

/// A mean of powers.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    power: f64,
    frames: u64,
}

impl Default for SpeechLevel {
    fn default() -> Self {
        Self::of_one_in(1)
    }
}

impl SpeechLevel {
    /// Levels of a stream of which only one frame of 20 ms in so many is heard.
    #[must_use]
    pub fn of_one_in(frames: u8) -> Self {
        let rise_db = FLOOR_RISE_DB * f32::from(frames);
        Self { floor: FLOOR_BEGIN_DBOV, rise_db, speech: Mean::default(), noise: Mean::default() }
    }

    /// Hears a frame by its level in dBov; returns whether it is speech.
    pub fn hear_level(&mut self, level: f32) -> bool {
        self.floor = level.min(self.floor + self.rise_db).max(LEVEL_MIN_DBOV);
        let is_speech = level > (self.floor + SPEECH_ABOVE_DB).max(SPEECH_MIN_DBOV);
        let mean = if is_speech { &mut self.speech } else { &mut self.noise };
        mean.power += 10_f64.powf(f64::from(level) / 10.0);
        mean.frames += 1;
        is_speech
    }

    /// The level of speech in dBov; `None` if none was heard.
    #[must_use]
    pub fn speech_dbov(&self) -> Option<f32> {
        self.speech.level()
    }

    /// The level of noise in dBov; `None` if nothing but speech was heard.
    #[must_use]
    pub fn noise_dbov(&self) -> Option<f32> {
        self.noise.level()
    }
}

impl Mean {
    fn level(self) -> Option<f32> {
        (self.frames > 0).then(|| (10.0 * (self.power / self.frames as f64).log10()) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::super::level_dbov;
    use super::*;

    #[test]
    fn speech_and_noise_are_told_apart() {
        let mut level = SpeechLevel::default();
        assert_eq!((level.speech_dbov(), level.noise_dbov()), (None, None));
        for frame in 0..500 {
            let is_loud = frame % 100 < 40;
            let sample = if is_loud { 2000 } else { 20 };
            assert_eq!(level.hear_level(level_dbov(&[sample, -sample])), is_loud, "frame {frame}");
        }
        let expected = |sample: f32| 20.0 * (sample / 32_768.0).log10();
        assert!((level.speech_dbov().expect("heard") - expected(2000.0)).abs() < 0.1);
        assert!((level.noise_dbov().expect("heard") - expected(20.0)).abs() < 0.1);
    }
}
