//! Where beeps begin.

use std::time::Duration;

use webtrunk_codecs::tone::goertzel_dbm0;

use super::RATE;
use super::said::{BEEP_HZ, BEEP_MS};

/// The window of a beep and its step, in samples: 10 ms and 1 ms.
const WINDOW: usize = 80;
const WINDOW_STEP: usize = 8;
/// A beep is louder than this in its window: a hum that begins or ends is not.
const BEEP_MIN_DBM0: f64 = -28.0;

/// A window half full of beep has half its amplitude: there it begins.
pub(super) fn beeps(samples: &[i16]) -> Vec<Duration> {
    let levels: Vec<_> = (0..samples.len().saturating_sub(WINDOW))
        .step_by(WINDOW_STEP)
        .map(|at| goertzel_dbm0(&samples[at..at + WINDOW], RATE, BEEP_HZ))
        .collect();
    let Some(top) = levels.iter().copied().max_by(f64::total_cmp).filter(|top| *top > BEEP_MIN_DBM0) else {
        return Vec::new();
    };
    let half = top - 6.0;
    let mut found = Vec::new();
    let mut at = 0;
    while at < levels.len() {
        let length = levels[at..].iter().take_while(|level| **level > half).count();
        // Half of it at least: what a hole leaves of one is not where it began.
        if length * WINDOW_STEP * 1000 / 8000 >= BEEP_MS as usize / 2 && at > 0 {
            let middle = at * WINDOW_STEP + WINDOW / 2;
            found.push(Duration::from_secs_f64(middle as f64 / f64::from(RATE.hz())));
        }
        at += length.max(1);
    }
    found
}
