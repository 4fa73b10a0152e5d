//! Is it voice, or only the background? And what does the background sound like?
//!
//! Sound is looked at in blocks of 10 ms. The background is the quietest block of the last 1.6 s; what is
//! well above it is voice, and so is what follows voice for 200 ms, where words fade. So a background may
//! grow louder, and is taken for voice for 1.6 s only. Above a fixed level nothing is background, however
//! steady: a dial tone is not to be lost.

use super::sid::Sid;
use crate::SampleRate;

/// How far above the quietest block voice begins. White noise itself varies by 3 dB from block to block.
const VOICE_ABOVE_DB: f32 = 9.0;
/// Above this all is voice. Chosen by us: a loud office is at -45 dBov, a dial tone at -16.
const BACKGROUND_MAX_DBOV: f32 = -38.0;
/// Below this all is silence: the last bits of a 13-bit codec.
const VOICE_MIN_DBOV: f32 = -68.0;
/// How many blocks are voice after voice: 200 ms.
const HANGOVER: u32 = 20;
/// The time in which the quietest block is looked for: eight parts of 200 ms.
const PARTS: usize = 8;
const PART_BLOCKS: u32 = 20;
/// Coefficients of the spectrum that we tell: enough for a hum or a hiss, in seven octets.
const ORDER: usize = 6;
/// How much a block adds to what is known of the background: it is an average over some 100 ms.
const LEARNING: f32 = 0.1;
/// 10 ms at 48 kHz.
const BLOCK_MAX: usize = 480;

/// What a stretch of sound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activity {
    /// To be encoded.
    Voice,
    /// Background: comfort noise will do.
    Silence,
}

/// Tells voice from background, and describes the background.
#[derive(Debug, Clone)]
pub struct SilenceDetector {
    /// 10 ms, of which so many samples are there.
    block: Box<[i16]>,
    filled: usize,
    /// The least level of each part of the past, the one under way first.
    quietest_dbov: [f32; PARTS],
    /// Blocks in the part under way.
    blocks: u32,
    hangover: u32,
    activity: Activity,
    /// Averages of the background, per sample, by lag.
    correlation: [f32; ORDER + 1],
    is_learned: bool,
    /// Of the block that was heard last.
    level_dbov: f32,
}

impl SilenceDetector {
    /// A detector for sound at `rate`, 48 kHz at most; it begins with voice.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self {
            block: vec![0; rate.samples_in_ms(10).clamp(1, BLOCK_MAX)].into(),
            filled: 0,
            quietest_dbov: [f32::INFINITY; PARTS],
            blocks: 0,
            hangover: HANGOVER,
            activity: Activity::Voice,
            correlation: [0.0; ORDER + 1],
            is_learned: false,
            level_dbov: f32::NEG_INFINITY,
        }
    }

    /// Hears `samples`, any number of them; voice if any block that they complete is, or if they complete none
    /// and the last one was.
    pub fn push(&mut self, mut samples: &[i16]) -> Activity {
        let mut heard = None;
        while !samples.is_empty() {
            let (now, rest) = samples.split_at(samples.len().min(self.block.len() - self.filled));
            self.block[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            samples = rest;
            if self.filled == self.block.len() {
                self.filled = 0;
                self.activity = self.hear_block();
                if heard != Some(Activity::Voice) {
                    heard = Some(self.activity);
                }
            }
        }
        heard.unwrap_or(self.activity)
    }

    /// What is to be sent of the background as it was heard last; silence where none was heard yet.
    #[must_use]
    pub fn sid(&self) -> Sid {
        let sid = Sid::white(level_dbov(self.correlation[0]));
        if self.correlation[0] > 0.0 { sid.with_spectrum(&reflections(&self.correlation)) } else { sid }
    }

    /// How loud it was in the last block that was full, be that voice or not; minus infinity before the first.
    #[must_use]
    pub fn level_dbov(&self) -> f32 {
        self.level_dbov
    }

    fn hear_block(&mut self) -> Activity {
        let block = &self.block;
        let correlation = std::array::from_fn(|lag| {
            let pairs = block.iter().zip(&block[lag.min(block.len())..]);
            pairs.map(|(&a, &b)| f32::from(a) * f32::from(b)).sum::<f32>() / block.len() as f32
        });
        let level = level_dbov(correlation[0]);
        self.level_dbov = level;
        self.note_level(level);
        let quietest = self.quietest_dbov.iter().copied().fold(f32::INFINITY, f32::min);
        let is_voice =
            level > BACKGROUND_MAX_DBOV || level > VOICE_MIN_DBOV && level > quietest + VOICE_ABOVE_DB;
        if is_voice {
            self.hangover = HANGOVER;
            return Activity::Voice;
        }
        self.hangover = self.hangover.saturating_sub(1);
        if self.hangover > 0 {
            return Activity::Voice;
        }
        self.learn(&correlation);
        Activity::Silence
    }

    fn note_level(&mut self, level_dbov: f32) {
        if self.blocks == PART_BLOCKS {
            self.quietest_dbov.rotate_right(1);
            self.quietest_dbov[0] = f32::INFINITY;
            self.blocks = 0;
        }
        self.blocks += 1;
        self.quietest_dbov[0] = self.quietest_dbov[0].min(level_dbov);
    }

    fn learn(&mut self, correlation: &[f32; ORDER + 1]) {
        let learning = if std::mem::replace(&mut self.is_learned, true) { LEARNING } else { 1.0 };
        for (known, heard) in self.correlation.iter_mut().zip(correlation) {
            *known += learning * (heard - *known);
        }
    }
}

/// The level of a mean square; the least that a descriptor can tell where there is nothing.
fn level_dbov(mean_square: f32) -> f32 {
    (10.0 * (mean_square / 32_768_f32.powi(2)).log10()).max(-127.0)
}

/// The reflection coefficients of an autocorrelation, by the recursion of Levinson and Durbin.
fn reflections(correlation: &[f32; ORDER + 1]) -> [f32; ORDER] {
    /// A floor of noise 40 dB below keeps the recursion away from zero.
    const FLOOR: f32 = 1.0001;
    let mut reflections = [0.0; ORDER];
    let mut predictor = [0.0; ORDER];
    let mut error = correlation[0] * FLOOR;
    for order in 0..ORDER {
        let predicted: f32 = (0..order).map(|lag| predictor[lag] * correlation[order - lag]).sum();
        let reflection = -(correlation[order + 1] + predicted) / error;
        reflections[order] = reflection;
        let before = predictor;
        for lag in 0..order {
            predictor[lag] += reflection * before[order - 1 - lag];
        }
        predictor[order] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    reflections
}

#[cfg(test)]
mod tests {
    use super::super::NoiseGenerator;
    use super::*;
    use crate::tone::{FULL_SCALE_DBM0, Tone, ToneGenerator};

    const RATE: SampleRate = SampleRate::HZ_8000;

    fn noise(sid: &Sid, ms: u32) -> Vec<i16> {
        let mut generator = NoiseGenerator::new(RATE, 9);
        generator.update(sid);
        let mut samples = vec![0; RATE.samples_in_ms(ms)];
        generator.fill(&mut samples);
        samples
    }

    /// Frames of 20 ms, and how many of them were voice.
    fn voiced(detector: &mut SilenceDetector, samples: &[i16]) -> usize {
        samples.chunks(160).filter(|frame| detector.push(frame) == Activity::Voice).count()
    }

    #[test]
    fn a_background_is_described_as_it_is() {
        for spectrum in [&[][..], &[-0.8, 0.2], &[0.6], &[-0.5, 0.5, -0.3]] {
            for level in [-45.0, -55.0, -65.0] {
                let truth = Sid::white(level).with_spectrum(spectrum);
                let mut detector = SilenceDetector::new(RATE);
                voiced(&mut detector, &noise(&truth, 4000));
                let told = detector.sid();
                assert!((told.level_dbov() - level).abs() <= 1.5, "{told:?} for {truth:?}");
                let furthest = truth.spectrum().zip(told.spectrum()).map(|(a, b)| (a - b).abs());
                assert!(furthest.fold(0.0, f32::max) < 0.2, "{told:?} for {truth:?}");
            }
        }
    }

    #[test]
    fn noise_is_silence_soon_and_stays_so() {
        let mut detector = SilenceDetector::new(RATE);
        let background = noise(&Sid::white(-55.0), 20_000);
        assert!(voiced(&mut detector, &background[..3200]) <= 11, "the hangover of the beginning");
        assert!(voiced(&mut detector, &background[3200..]) <= 5);
    }

    #[test]
    fn voice_is_heard_from_its_first_block_to_200_ms_after_its_last() {
        let mut detector = SilenceDetector::new(RATE);
        let background = noise(&Sid::white(-60.0), 1000);
        voiced(&mut detector, &background);
        let mut voice = vec![0; 3200];
        ToneGenerator::new(Tone::sine(300.0, -30.0), RATE).fill(&mut voice);
        assert_eq!(voiced(&mut detector, &voice), 20);
        let after = voiced(&mut detector, &background);
        assert!((9..=11).contains(&after), "{after} frames after the voice");
        assert!((detector.sid().level_dbov() + 60.0).abs() <= 1.5, "voice is no background");
    }

    #[test]
    fn a_background_that_grows_louder_is_voice_for_two_seconds_at_most() {
        let mut detector = SilenceDetector::new(RATE);
        voiced(&mut detector, &noise(&Sid::white(-65.0), 3000));
        let louder = noise(&Sid::white(-48.0), 5000);
        assert!(voiced(&mut detector, &louder[..4800]) > 25);
        voiced(&mut detector, &louder[4800..16_000]);
        assert!(voiced(&mut detector, &louder[16_000..]) <= 3);
        assert!((detector.sid().level_dbov() + 48.0).abs() <= 1.5);
    }

    #[test]
    fn a_steady_tone_is_never_silence_and_nothing_is() {
        let mut detector = SilenceDetector::new(RATE);
        let mut tone = vec![0; 80_000];
        ToneGenerator::new(Tone::sine(425.0, -30.0 + FULL_SCALE_DBM0), RATE).fill(&mut tone);
        assert_eq!(voiced(&mut detector, &tone), 500);
        let mut detector = SilenceDetector::new(RATE);
        assert!(voiced(&mut detector, &[0; 8000]) <= 10);
        assert_eq!(detector.sid(), Sid::white(-127.0));
    }

    #[test]
    fn frame_lengths_do_not_matter() {
        let background = noise(&Sid::white(-50.0), 1000);
        let told = |length: usize| {
            let mut detector = SilenceDetector::new(RATE);
            background.chunks(length).for_each(|frame| {
                detector.push(frame);
            });
            detector.sid()
        };
        assert_eq!(told(160), told(7));
        assert_eq!(told(160), told(8000));
    }
}
