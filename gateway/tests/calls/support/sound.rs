//! Sound in memory: tones made and measured, speech read from and written to WAV files.

use std::f64::consts::TAU;
use std::path::Path;

use webtrunk_codecs::tone::FULL_SCALE_DBM0;

/// Mono sound of 16 bit samples.
#[derive(Clone)]
pub(crate) struct Sound {
    pub(crate) rate: u32,
    pub(crate) samples: Vec<i16>,
}

/// The peak of a sine of -10 dBm0: one of full scale has 3.17 dBm0 (ITU-T G.711 table 5).
pub(crate) const PEAK_AT_10_DBM0: f64 = 0.2195;

/// What measuring looks at one at a time: long enough for steps of 20 Hz.
const WINDOW_MS: u32 = 50;

impl Sound {
    /// A sine of `peak` (0 to 1) of full scale. 1000 Hz is not for G.711: at 8 kHz it takes the same few
    /// values again and again, and their rounding is up to 0.4 dB of level.
    pub(crate) fn tone(rate: u32, hz: f64, peak: f64, seconds: f64) -> Self {
        let step = TAU * hz / f64::from(rate);
        let count = (seconds * f64::from(rate)) as u32;
        let samples = (0..count).map(|at| (f64::from(at) * step).sin() * peak * f64::from(i16::MAX));
        Self { rate, samples: samples.map(|sample| sample.round() as i16).collect() }
    }

    /// What a telephone hears, at 8 kHz.
    pub(crate) const fn telephone(samples: Vec<i16>) -> Self {
        Self { rate: 8000, samples }
    }

    /// Reads a mono WAV file of 16 bit.
    pub(crate) fn read(path: &Path) -> Self {
        let reader = hound::WavReader::open(path);
        let mut reader = reader.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.bits_per_sample), (1, 16), "{}", path.display());
        Self { rate: spec.sample_rate, samples: reader.samples().map_while(Result::ok).collect() }
    }

    /// Writes a mono WAV file of 16 bit.
    pub(crate) fn write(&self, path: &Path) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: self.rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).expect("the folder is ours");
        self.samples.iter().for_each(|sample| writer.write_sample(*sample).expect("the disk has room"));
        writer.finalize().expect("the disk has room");
    }

    /// The same, several times.
    pub(crate) fn repeated(&self, times: usize) -> Self {
        Self { rate: self.rate, samples: self.samples.repeat(times) }
    }

    /// The end of it.
    pub(crate) fn last_seconds(&self, seconds: f64) -> Self {
        let count = (seconds * f64::from(self.rate)) as usize;
        let from = self.samples.len().checked_sub(count).expect("it is longer");
        Self { rate: self.rate, samples: self.samples[from..].to_vec() }
    }

    /// How long it is.
    pub(crate) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate)
    }

    /// The energy of all there is, in seconds of a full-scale square wave.
    pub(crate) fn energy(&self) -> f64 {
        let full_scale = f64::from(i16::MAX);
        let sum: f64 = self.samples.iter().map(|sample| (f64::from(*sample) / full_scale).powi(2)).sum();
        sum / f64::from(self.rate)
    }

    /// The level of a sine of this frequency, in dB of a full-scale sine: the median of all windows,
    /// which a moment's gap does not move.
    pub(crate) fn level_at(&self, hz: f64) -> f64 {
        self.median(|window| goertzel(window, hz / f64::from(self.rate)))
    }

    /// The level of all there is, in dB of a full-scale sine: the median of all windows.
    pub(crate) fn level(&self) -> f64 {
        self.median(rms)
    }

    /// The part of the windows in which a tone is the most of what is heard, 0 to 1.
    pub(crate) fn share_of_tone(&self, hz: f64) -> f64 {
        let count = self.windows().filter(|window| self.is_tone(window, hz)).count();
        count as f64 / self.windows().count().max(1) as f64
    }

    /// The longest time without this tone, in seconds.
    pub(crate) fn longest_without(&self, hz: f64) -> f64 {
        let (mut longest, mut lasting) = (0, 0);
        for window in self.windows() {
            lasting = if self.is_tone(window, hz) { 0 } else { lasting + 1 };
            longest = longest.max(lasting);
        }
        f64::from(longest * WINDOW_MS) / 1000.0
    }

    /// Whether a tone is the most of what is heard.
    fn is_tone(&self, window: &[i16], hz: f64) -> bool {
        let (tone, all) = (goertzel(window, hz / f64::from(self.rate)), rms(window));
        tone > FAINTEST_TONE && tone > 0.7 * all
    }

    /// Fails unless this is a tone of a level, with little beside it.
    ///
    /// # Panics
    /// When [`Sound::expect_tone`] says no.
    pub(crate) fn assert_tone(&self, hz: f64, peak: f64, tolerance_db: f64) {
        self.expect_tone(hz, peak, tolerance_db).unwrap_or_else(|told| panic!("{told}"));
    }

    /// Whether this is a tone of a level, with little beside it.
    ///
    /// # Errors
    /// What it is instead, where it is another tone, or none, or its level is off by more than `tolerance_db`.
    pub(crate) fn expect_tone(&self, hz: f64, peak: f64, tolerance_db: f64) -> Result<(), String> {
        let (tone, all, share) = (self.level_at(hz), self.level(), self.share_of_tone(hz));
        let told = format!(
            "{hz} Hz at {tone:.2} dB of {all:.2} dB, in {:.0} % of {:.1} s",
            share * 100.0,
            self.seconds()
        );
        let gain = tone - 20.0 * peak.log10();
        if share <= 0.9 {
            return Err(format!("not the tone: {told}"));
        }
        if gain.abs() > tolerance_db {
            return Err(format!("gain is {gain:.2} dB: {told}"));
        }
        Ok(())
    }

    /// The level of a tone in dBm0: the median of all windows.
    pub(crate) fn dbm0_at(&self, hz: f64) -> f64 {
        self.level_at(hz) + FULL_SCALE_DBM0
    }

    fn windows(&self) -> impl Iterator<Item = &[i16]> {
        self.samples.chunks_exact((self.rate * WINDOW_MS / 1000) as usize)
    }

    fn median(&self, of: impl Fn(&[i16]) -> f64) -> f64 {
        let mut all: Vec<f64> = self.windows().map(of).collect();
        all.sort_by(f64::total_cmp);
        20.0 * all.get(all.len() / 2).copied().unwrap_or(0.0).max(1e-6).log10()
    }
}

/// Below this a tone counts as silence: -50 dB.
const FAINTEST_TONE: f64 = 0.003;

/// The amplitude of one frequency, in cycles per sample; 1 is a full-scale sine.
fn goertzel(samples: &[i16], cycles: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let (sin, cos) = (TAU * cycles * at as f64).sin_cos();
        real += f64::from(*sample) * cos;
        imaginary += f64::from(*sample) * sin;
    }
    2.0 * real.hypot(imaginary) / (samples.len() as f64 * f64::from(i16::MAX))
}

/// The amplitude of the sine that has this power; 1 is a full-scale sine.
fn rms(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (2.0 * power / samples.len() as f64).sqrt() / f64::from(i16::MAX)
}

#[test]
fn tones_are_told_apart_and_their_level_is_found() {
    let tone = Sound::tone(48_000, 1020.0, 0.25, 1.0);
    tone.assert_tone(1020.0, 0.25, 0.01);
    assert!(tone.level_at(1400.0) < -40.0 && tone.share_of_tone(1400.0) == 0.0);
    let silence = Sound { rate: 8000, samples: vec![0; 8000] };
    assert!(silence.level() < -100.0 && silence.share_of_tone(1020.0) == 0.0);
    let [first, last] = [0.5, 0.2].map(|seconds| Sound::tone(8000, 1020.0, 0.25, seconds).samples);
    let torn = Sound::telephone([first, silence.samples, last].concat());
    assert!((torn.longest_without(1020.0) - 1.0).abs() < 0.01);
}
