//! Tones made: keys, call progress and plain sines, with their cadence.

use super::{Digit, peak_of};
use crate::SampleRate;
use std::f64::consts::TAU;

/// How fast a tone rises and falls, so that its edges do not click. Chosen by us.
const EDGE_MS: u32 = 5;
/// The single frequency that ITU-T E.180 recommends for dial, ringing and busy tone.
const E180_HZ: f64 = 425.0;
/// Within the -10 +- 5 dBm0 that ITU-T E.180 recommends.
const PROGRESS_DBM0: f64 = -10.0;
/// A key's low and high tone; the high one is sent louder, for lines dampen it more (ITU-T Q.24).
const KEY_DBM0: (f64, f64) = (-9.0, -7.0);

/// What a tone is: at most two sines, sounding always or in a cadence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    sines: [Sine; 2],
    cadence: Option<Cadence>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sine {
    hz: f64,
    level_dbm0: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cadence {
    on_ms: u32,
    off_ms: u32,
}

/// Makes the samples of one tone, without end, its phase running through from call to call.
#[derive(Debug, Clone)]
pub struct ToneGenerator {
    oscillators: [Oscillator; 2],
    /// Samples on, samples in all; none for a tone that never stops.
    cadence: Option<(usize, usize)>,
    position: usize,
    /// 0 to 1, on its way by `edge` per sample.
    gain: f64,
    edge: f64,
}

impl Tone {
    /// One sine of `hz` at `level_dbm0`.
    #[must_use]
    pub const fn sine(hz: f64, level_dbm0: f64) -> Self {
        Self { sines: [Sine { hz, level_dbm0 }, Sine::SILENT], cadence: None }
    }

    /// The two tones of a key, as long as it is asked for (ITU-T Q.23).
    #[must_use]
    pub fn key(digit: Digit) -> Self {
        let (low, high) = digit.frequencies_hz();
        let sines = [
            Sine { hz: low.into(), level_dbm0: KEY_DBM0.0 },
            Sine { hz: high.into(), level_dbm0: KEY_DBM0.1 },
        ];
        Self { sines, cadence: None }
    }

    /// "Dial now": continuous 425 Hz (ITU-T E.180).
    #[must_use]
    pub const fn dial() -> Self {
        Self::sine(E180_HZ, PROGRESS_DBM0)
    }

    /// "It rings there": one second of five (ITU-T E.180).
    #[must_use]
    pub const fn ringback() -> Self {
        Self::dial().with_cadence(1000, 4000)
    }

    /// "They are on the phone": half a second of each second (ITU-T E.180).
    #[must_use]
    pub const fn busy() -> Self {
        Self::dial().with_cadence(500, 500)
    }

    /// The same tone, sounding for `on_ms` and silent for `off_ms` in turn.
    #[must_use]
    pub const fn with_cadence(self, on_ms: u32, off_ms: u32) -> Self {
        Self { sines: self.sines, cadence: Some(Cadence { on_ms, off_ms }) }
    }
}

impl Sine {
    const SILENT: Self = Self { hz: 0.0, level_dbm0: f64::NEG_INFINITY };
}

impl ToneGenerator {
    /// Starts `tone` at `rate`.
    #[must_use]
    pub fn new(tone: Tone, rate: SampleRate) -> Self {
        Self {
            oscillators: tone.sines.map(|sine| Oscillator::new(sine, rate)),
            cadence: tone.cadence.map(|Cadence { on_ms, off_ms }| {
                let on = rate.samples_in_ms(on_ms);
                (on, (on + rate.samples_in_ms(off_ms)).max(1))
            }),
            position: 0,
            gain: 0.0,
            edge: 1.0 / rate.samples_in_ms(EDGE_MS).max(1) as f64,
        }
    }

    /// Fills `out` with what comes next.
    pub fn fill(&mut self, out: &mut [i16]) {
        self.oscillators.iter_mut().for_each(Oscillator::renormalise);
        out.fill_with(|| self.next_sample());
    }

    fn next_sample(&mut self) -> i16 {
        let sounding = match self.cadence {
            Some((on, all)) => {
                let sounding = self.position < on;
                self.position = (self.position + 1) % all;
                sounding
            }
            None => true,
        };
        self.gain = (self.gain + if sounding { self.edge } else { -self.edge }).clamp(0.0, 1.0);
        let sum: f64 = self.oscillators.iter_mut().map(Oscillator::next_sample).sum();
        // `as` saturates, which is all that can be done with two tones too loud.
        (sum * self.gain).round() as i16
    }
}

/// A pointer that turns by the same angle for each sample; its height is the sine.
#[derive(Debug, Clone)]
struct Oscillator {
    peak: f64,
    turn: (f64, f64),
    pointer: (f64, f64),
}

impl Oscillator {
    fn new(sine: Sine, rate: SampleRate) -> Self {
        let (sin, cos) = (TAU * sine.hz / f64::from(rate.hz())).sin_cos();
        Self { peak: peak_of(sine.level_dbm0), turn: (cos, sin), pointer: (1.0, 0.0) }
    }

    fn next_sample(&mut self) -> f64 {
        let ((x, y), (cos, sin)) = (self.pointer, self.turn);
        self.pointer = (x * cos - y * sin, x * sin + y * cos);
        y * self.peak
    }

    /// Takes away what rounding has added to the pointer's length.
    fn renormalise(&mut self) {
        let (x, y) = self.pointer;
        let length = x.hypot(y);
        self.pointer = (x / length, y / length);
    }
}

#[cfg(test)]
mod tests {
    use super::super::goertzel_dbm0;
    use super::*;

    const RATES: [SampleRate; 3] = [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_48000];

    #[test]
    fn a_sine_has_its_frequency_and_level_at_every_rate() {
        for rate in RATES {
            let made = made(Tone::sine(440.0, -20.0), rate, 1000);
            let steady = &made[rate.samples_in_ms(100)..];
            let level = goertzel_dbm0(steady, rate, 440.0);
            assert!((level + 20.0).abs() < 0.05, "{level} at {rate:?}");
            assert!(goertzel_dbm0(steady, rate, 880.0) < -70.0);
        }
    }

    #[test]
    fn a_key_is_its_two_tones_and_no_other() {
        for digit in Digit::all() {
            let made = made(Tone::key(digit), SampleRate::HZ_8000, 110);
            let (low, high) = digit.frequencies_hz();
            for hz in [697, 770, 852, 941, 1209, 1336, 1477, 1633] {
                let level = goertzel_dbm0(&made[80..], SampleRate::HZ_8000, hz.into());
                let expected = if hz == low { -9.0 } else { -7.0 };
                if hz == low || hz == high {
                    assert!((level - expected).abs() < 0.5, "{digit}: {hz} Hz at {level}");
                } else {
                    assert!(level < -20.0, "{digit}: {hz} Hz at {level}");
                }
            }
        }
    }

    #[test]
    fn call_progress_keeps_its_cadence() {
        for (tone, on_ms, all_ms) in [(Tone::ringback(), 1000, 5000), (Tone::busy(), 500, 1000)] {
            let made = made(tone, SampleRate::HZ_8000, 2 * all_ms);
            for (index, part) in made.chunks(SampleRate::HZ_8000.samples_in_ms(100)).enumerate() {
                let level = goertzel_dbm0(part, SampleRate::HZ_8000, 425.0);
                let sounding = index as u32 * 100 % all_ms < on_ms;
                assert_eq!(level > -11.0, sounding, "{tone:?}: {level} dBm0 after {index}00 ms");
                assert!(sounding || level < -20.0);
            }
        }
        let dial = made(Tone::dial(), SampleRate::HZ_8000, 6000);
        assert!(dial.chunks(800).all(|part| goertzel_dbm0(part, SampleRate::HZ_8000, 425.0) > -11.0));
    }

    #[test]
    fn frame_lengths_do_not_change_what_is_made() {
        let whole = made(Tone::busy(), SampleRate::HZ_8000, 2000);
        let mut generator = ToneGenerator::new(Tone::busy(), SampleRate::HZ_8000);
        let mut framed = vec![0; whole.len()];
        framed.chunks_mut(123).for_each(|frame| generator.fill(frame));
        let furthest = whole.iter().zip(&framed).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(furthest <= Some(1), "{furthest:?}");
    }

    #[test]
    fn it_starts_without_a_click_and_too_loud_is_clipped() {
        let quiet = made(Tone::sine(1000.0, -10.0), SampleRate::HZ_8000, 20);
        assert!(quiet[..4].iter().all(|sample| sample.abs() < 1000));
        let loud = made(Tone::sine(1000.0, 20.0), SampleRate::HZ_8000, 20);
        assert_eq!((loud.iter().max(), loud.iter().min()), (Some(&i16::MAX), Some(&i16::MIN)));
        let never = made(Tone::dial().with_cadence(0, 0), SampleRate::HZ_8000, 20);
        assert!(never.iter().all(|&sample| sample == 0));
    }

    fn made(tone: Tone, rate: SampleRate, ms: u32) -> Vec<i16> {
        let mut samples = vec![0; rate.samples_in_ms(ms)];
        ToneGenerator::new(tone, rate).fill(&mut samples);
        samples
    }
}
