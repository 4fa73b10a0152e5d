//! One window of sound: is it the two tones of a key?
//!
//! The window is correlated with the eight frequencies of the keypad, each the eight bins of one Goertzel
//! recursion in closed form. The strongest row and the strongest column are the key if
//! - both are loud enough, and neither is much louder than the other (twist),
//! - the phase of each runs on, since the window before, as the tone's own frequency lets it: a tone 1.5 % off
//!   passes and one 3.5 % off does not (ITU-T Q.24), which bins of 50 Hz could not tell,
//! - together they are nearly all the energy there is. A voice has it elsewhere: in its fundamental, in the
//!   harmonics of what seemed to be a tone.
//!
//! The window is Hann's, for his leaves nothing of a row in a column, and little of a tone's edge.

use crate::dot::dot;
use crate::tone::digit::{COLUMNS_HZ, KEYPAD, ROWS_HZ};
use crate::tone::{Digit, FULL_SCALE_DBM0};
use std::f32::consts::{PI, TAU};
use std::sync::LazyLock;

/// The rate at which sound is analysed: what lies above a telephone's band is no matter.
pub(super) const RATE_HZ: u16 = 8000;
/// Samples in a window: 20 ms.
pub(super) const WINDOW: usize = 160;
/// Samples from one window to the next: 5 ms.
pub(super) const HOP: usize = 40;
/// How far a frequency may be off: between the 1.5 % to be accepted and the 3.5 % to be refused by ITU-T Q.24.
const DEVIATION_MAX: f32 = 0.025;
/// The most that one tone may be louder than the other, in dB: the widest of ITU-T Q.24's administrations.
const TWIST_MAX_DB: f32 = 10.0;
/// The least level of each tone. ITU-T Q.24 wants -25 to -29 dBm0 by administration; the weaker tone may be
/// 6 dB below that, and ours has a reserve.
const LEVEL_MIN_DBM0: f64 = -40.0;
/// The least share of the energy that the two tones have. Noise 15 dB below them takes 3 % away, a tone's edge
/// in the window's first or last quarter up to 9 %.
const PURITY_MIN: f32 = 0.9;
/// A row weaker than this share is no key whatever the columns say: by twist and purity it has 8 %, of which a
/// frequency off by 2.5 % leaves the window more than half.
const ROW_SHARE_MIN: f32 = 0.04;

/// Listens to one window after the other.
#[derive(Debug, Clone)]
pub(super) struct Analysis {
    /// Correlations of the window before with rows and columns; zero where there were none.
    before: [Complex; 8],
}

#[derive(Debug, Clone, Copy, Default)]
struct Complex {
    re: f32,
    im: f32,
}

/// A window's strongest tone of a group.
struct Peak {
    index: usize,
    now: Complex,
    before: Complex,
}

impl Analysis {
    pub(super) const fn new() -> Self {
        Self { before: [Complex { re: 0.0, im: 0.0 }; 8] }
    }

    /// The key whose tones make up this window, which begins a hop after the last one.
    pub(super) fn key_in(&mut self, window: &[f32; WINDOW]) -> Option<Digit> {
        let tables = &*TABLES;
        let squares = window.iter().zip(&tables.weights).map(|(sample, weight)| sample * sample * weight);
        let energy: f32 = squares.sum();
        let before = std::mem::take(&mut self.before);
        if energy < tables.energy_min {
            return None;
        }
        let (rows, columns) = self.before.split_at_mut(4);
        correlate(window, &tables.waves[..4], rows);
        let row = Peak::of(rows, &before[..4]);
        if tables.share_of(row.now.power(), energy) < ROW_SHARE_MIN {
            return None;
        }
        correlate(window, &tables.waves[4..], columns);
        let column = Peak::of(columns, &before[4..]);
        let row_power = row.power_on_frequency(ROWS_HZ[row.index])?;
        let column_power = column.power_on_frequency(COLUMNS_HZ[column.index])?;
        let twist_db = 10.0 * (column_power / row_power).log10();
        let is_key = row_power.min(column_power) >= tables.power_min
            && twist_db.abs() <= TWIST_MAX_DB
            && tables.share_of(row_power + column_power, energy) >= PURITY_MIN;
        let key = char::from(KEYPAD[row.index][column.index]);
        is_key.then(|| Digit::parse(key).expect("the keypad has keys only"))
    }

    /// Forgets what was heard.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

impl Peak {
    fn of(group: &[Complex], before: &[Complex]) -> Self {
        let mut index = 0;
        for candidate in 1..group.len() {
            if group[candidate].power() > group[index].power() {
                index = candidate;
            }
        }
        Self { index, now: group[index], before: before[index] }
    }

    /// The power of the tone itself, whose frequency is found by how far the phase ran on since the window
    /// before; `None` if that is not `hz` or there was nothing before.
    fn power_on_frequency(&self, hz: u16) -> Option<f32> {
        if self.before.power() == 0.0 {
            return None;
        }
        let Complex { re, im } = self.now.times_conjugate(self.before);
        let hop_s = HOP as f32 / f32::from(RATE_HZ);
        let expected = TAU * (f32::from(hz) * hop_s).fract();
        let ahead = im.atan2(re) - expected;
        let off_hz = (ahead - TAU * (ahead / TAU).round()) / (TAU * hop_s);
        if off_hz.abs() > DEVIATION_MAX * f32::from(hz) {
            return None;
        }
        let bins = off_hz * WINDOW as f32 / f32::from(RATE_HZ);
        Some(self.now.power() / hann_response(bins).powi(2))
    }
}

impl Complex {
    fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    fn times_conjugate(self, other: Self) -> Self {
        Self { re: self.re * other.re + self.im * other.im, im: self.im * other.re - self.re * other.im }
    }
}

/// What Hann's window leaves of the amplitude of a tone so many bins off, less than one.
fn hann_response(bins: f32) -> f32 {
    let sinc = if bins.abs() < 1e-3 { 1.0 } else { (PI * bins).sin() / (PI * bins) };
    sinc / (1.0 - bins * bins)
}

fn correlate(window: &[f32; WINDOW], waves: &[Wave], out: &mut [Complex]) {
    for (wave, out) in waves.iter().zip(out) {
        *out = Complex { re: dot(window, &wave.cos), im: -dot(window, &wave.sin) };
    }
}

/// A frequency of the keypad, under the window.
struct Wave {
    cos: [f32; WINDOW],
    sin: [f32; WINDOW],
}

struct Tables {
    /// Hann's window.
    weights: [f32; WINDOW],
    /// The sum of the weights.
    weight: f32,
    /// Rows, then columns.
    waves: [Wave; 8],
    /// The squared correlation of a tone of the least level.
    power_min: f32,
    /// The weighted energy of two such tones.
    energy_min: f32,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

impl Tables {
    fn new() -> Self {
        let weights: [f32; WINDOW] =
            std::array::from_fn(|n| 0.5 - 0.5 * (TAU * (n as f32 + 0.5) / WINDOW as f32).cos());
        let weight: f32 = weights.iter().sum();
        let turn = |tone: usize, n: usize| {
            let hz = if tone < 4 { ROWS_HZ[tone] } else { COLUMNS_HZ[tone - 4] };
            std::f64::consts::TAU * f64::from(hz) * n as f64 / f64::from(RATE_HZ)
        };
        let waves = std::array::from_fn(|tone| Wave {
            cos: std::array::from_fn(|n| weights[n] * turn(tone, n).cos() as f32),
            sin: std::array::from_fn(|n| weights[n] * turn(tone, n).sin() as f32),
        });
        let peak = (32_768.0 * 10_f64.powf((LEVEL_MIN_DBM0 - FULL_SCALE_DBM0) / 20.0)) as f32;
        let power_min = (peak * weight / 2.0).powi(2);
        // The edge of a tone that is coming up is to be looked at, for the sake of the phase.
        let energy_min = peak * peak * weight / 100.0;
        Self { weights, weight, waves, power_min, energy_min }
    }

    /// The share of the window's energy that a sine of this squared correlation has.
    fn share_of(&self, power: f32, energy: f32) -> f32 {
        2.0 * power / (self.weight * energy)
    }
}
