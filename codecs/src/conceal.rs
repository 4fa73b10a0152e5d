//! Packet loss concealment for codecs that have none, in the manner of ITU-T G.711 Appendix I.
//!
//! A lost stretch is filled by repeating the last pitch period of what was heard: one period at
//! first, two after 10 ms and three after 20 ms so that it does not buzz, fading out until 60 ms.
//! Every seam is overlapped: where the repeated stretch meets itself, where it grows by a period,
//! and where good audio returns.
//!
//! ```text
//!  heard            lost                                     heard again
//! ...~~~~~~~~|P|   P P P P | 2P 2P | 3P 3P ... fading |   \/~~~~~~~~
//!             ^ last period  10 ms   20 ms       60 ms    overlap
//! ```
//!
//! The appendix delays all audio by 3.75 ms to overlap the seam at the start of a loss too. Here
//! nothing is delayed: the repetition starts with the offset that makes it meet the last sample
//! heard, and the offset dies within a quarter of a period.
//!
//! All of it is for 8 kHz, the only rate of G.711; lengths are samples.

/// Shortest pitch period looked for: 5 ms, 200 Hz. A higher voice is found by a multiple of its period.
const PITCH_MIN: usize = 40;
/// Longest pitch period looked for: 15 ms, 66 Hz.
const PITCH_MAX: usize = 120;
/// The stretch in which a period must resemble the one before it: 20 ms.
const RESEMBLANCE: usize = 160;
/// What is kept of the past: three of the longest periods, and a quarter to overlap.
const HISTORY: usize = 3 * PITCH_MAX + PITCH_MAX / 4;
/// 10 ms, the appendix' step of growing and fading.
const STEP: usize = 80;
/// Where a concealment has become silent: 60 ms.
const SILENT_AFTER: usize = 6 * STEP;

/// Fills lost stretches of an 8 kHz signal from its past.
#[derive(Debug, Clone)]
pub(crate) struct Concealer {
    /// What was played last, received or concealed; the newest is last.
    history: [i16; HISTORY],
    erasure: Option<Erasure>,
}

impl Concealer {
    /// A concealer that has heard silence so far.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { history: [0; HISTORY], erasure: None }
    }

    /// Takes a frame that was received. The first after a loss is changed at its start, to follow smoothly.
    pub(crate) fn received(&mut self, frame: &mut [i16]) {
        if let Some(mut erasure) = self.erasure.take() {
            erasure.merge_into(frame);
        }
        self.remember(frame);
    }

    /// Fills `out`, the place of a lost frame.
    pub(crate) fn lost(&mut self, out: &mut [i16]) {
        let erasure = self.erasure.get_or_insert_with(|| Erasure::after(&self.history));
        out.fill_with(|| erasure.next_sample());
        self.remember(out);
    }

    fn remember(&mut self, frame: &[i16]) {
        if let Some(newest) = frame.len().checked_sub(HISTORY) {
            self.history.copy_from_slice(&frame[newest..]);
        } else {
            self.history.copy_within(frame.len().., 0);
            self.history[HISTORY - frame.len()..].copy_from_slice(frame);
        }
    }
}

/// One loss under way.
#[derive(Debug, Clone)]
struct Erasure {
    /// What had been heard when it began.
    past: [f32; HISTORY],
    /// The pitch period found in it.
    period: usize,
    /// How many periods are being repeated: 1..=3.
    periods: usize,
    /// Where in them we are.
    position: usize,
    /// Samples made so far.
    made: usize,
    /// How far the repetition starts off from the last sample heard.
    offset: f32,
}

impl Erasure {
    fn after(history: &[i16; HISTORY]) -> Self {
        let past = history.map(f32::from);
        let period = pitch_period(&past);
        let offset = past[HISTORY - 1] - past[HISTORY - 1 - period];
        Self { past, period, periods: 1, position: 0, made: 0, offset }
    }

    /// The stretch over which seams are overlapped: a quarter of the period.
    const fn overlap(&self) -> usize {
        self.period / 4
    }

    fn next_sample(&mut self) -> i16 {
        if self.made >= SILENT_AFTER {
            return 0;
        }
        if self.made == STEP || self.made == 2 * STEP {
            self.periods += 1;
        }
        let mut sample = self.repeated(self.periods, self.position);
        let since_step = self.made % STEP;
        if self.periods > 1 && self.made < 3 * STEP && since_step < self.overlap() {
            let fewer = self.periods - 1;
            let previous = self.repeated(fewer, self.position % (fewer * self.period));
            sample = crossfade(previous, sample, since_step, self.overlap());
        }
        if self.made < self.overlap() {
            sample += self.offset * (1.0 - (self.made + 1) as f32 / self.overlap() as f32);
        }
        let gain = self.gain();
        self.position = (self.position + 1) % (self.periods * self.period);
        self.made += 1;
        (sample * gain) as i16
    }

    /// Unchanged for 10 ms, then a fifth less every 10 ms.
    fn gain(&self) -> f32 {
        1.0 - self.made.saturating_sub(STEP) as f32 / (SILENT_AFTER - STEP) as f32
    }

    /// The sample at `position` in the last `periods` periods of the past, whose end runs over into
    /// what came before their start, so that they can be repeated without a step.
    fn repeated(&self, periods: usize, position: usize) -> f32 {
        let length = periods * self.period;
        let at = HISTORY - length + position;
        let sample = self.past[at];
        let overlap = self.overlap();
        match (position + overlap).checked_sub(length) {
            Some(into) => crossfade(sample, self.past[at - length], into, overlap),
            None => sample,
        }
    }

    /// Goes over from the concealment to `frame`: a quarter of a period, and 4 ms more for every 10 ms
    /// that were lost beyond the first, 10 ms at most.
    fn merge_into(&mut self, frame: &mut [i16]) {
        let further_steps = self.made.saturating_sub(1) / STEP;
        let overlap = (self.overlap() + 32 * further_steps).min(STEP).min(frame.len());
        for (into, sample) in frame[..overlap].iter_mut().enumerate() {
            let concealed = f32::from(self.next_sample());
            *sample = crossfade(concealed, f32::from(*sample), into, overlap) as i16;
        }
    }
}

/// From `old` to `new`, at step `into` of `steps`.
fn crossfade(old: f32, new: f32, into: usize, steps: usize) -> f32 {
    let weight = (into + 1) as f32 / (steps + 1) as f32;
    old + (new - old) * weight
}

/// The lag at which the newest 20 ms resemble their past best.
fn pitch_period(past: &[f32; HISTORY]) -> usize {
    let newest = &past[HISTORY - RESEMBLANCE..];
    let (mut best, mut best_resemblance) = (PITCH_MAX, 0.0);
    for lag in PITCH_MIN..=PITCH_MAX {
        let earlier = &past[HISTORY - RESEMBLANCE - lag..HISTORY - lag];
        let resemblance = dot(newest, earlier) / dot(earlier, earlier).max(1.0).sqrt();
        if resemblance > best_resemblance {
            (best, best_resemblance) = (lag, resemblance);
        }
    }
    best
}

/// The sum of products of two stretches of one length, in sums enough to fill vector registers.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    for (left, right) in left.as_chunks::<LANES>().0.iter().zip(right.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn a_hole_in_a_tone_has_no_gap_and_no_click() {
        for hz in [100.0, 150.0, 230.0, 440.0, 700.0, 1000.0] {
            let mut heard = sine(hz, 1600);
            let steepest = largest_step(&heard);
            let mut concealer = Concealer::new();
            for (index, frame) in heard.chunks_mut(160).enumerate() {
                if index == 5 {
                    concealer.lost(frame);
                } else {
                    concealer.received(frame);
                }
            }
            let around = &heard[700..1100];
            assert!(largest_step(around) <= steepest * 5 / 4, "{hz} Hz clicks");
            for quarter in heard[800..960].chunks(40) {
                let lowest = if hz < 200.0 { 0.1 } else { 0.6 };
                assert!(rms(quarter) > lowest * rms(&heard[..800]), "{hz} Hz has a gap");
            }
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence_in_60_ms() {
        let mut concealer = Concealer::new();
        concealer.received(&mut sine(200.0, 800));
        let mut out = [0; 640];
        concealer.lost(&mut out);
        let levels: Vec<f64> = out.chunks(80).map(rms).collect();
        assert!(levels[..6].windows(2).all(|pair| pair[1] < pair[0] * 1.001), "{levels:?}");
        assert!(levels[0] > 0.95 * rms(&sine(200.0, 800)));
        assert!(out[480..].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn frame_lengths_do_not_change_what_is_made() {
        let made = |length: usize| {
            let mut concealer = Concealer::new();
            concealer.received(&mut sine(310.0, 1000));
            let mut out = vec![0; 480];
            out.chunks_mut(length).for_each(|frame| concealer.lost(frame));
            out
        };
        assert_eq!(made(160), made(480));
        assert_eq!(made(160), made(7));
    }

    #[test]
    fn audio_returns_by_fading_in_after_a_long_loss() {
        let mut concealer = Concealer::new();
        concealer.received(&mut sine(300.0, 800));
        concealer.lost(&mut [0; 1600]);
        let mut back = vec![8000_i16; 160];
        concealer.received(&mut back);
        assert!(back[0] < 200 && back[40] < 5000);
        assert!(back[80..].iter().all(|&sample| sample == 8000));
    }

    #[test]
    fn silence_stays_silence() {
        let mut concealer = Concealer::new();
        let mut out = [1; 333];
        concealer.lost(&mut out);
        assert_eq!(out, [0; 333]);
    }

    #[test]
    fn the_loudest_input_does_not_wrap() {
        let mut concealer = Concealer::new();
        let mut square: Vec<i16> =
            (0..800).map(|n| if n / 37 % 2 == 0 { i16::MIN } else { i16::MAX }).collect();
        concealer.received(&mut square);
        let mut out = [0; 320];
        concealer.lost(&mut out);
        let flips = out[..80].windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
        assert!(flips <= 4, "{flips} sign changes in 10 ms");
    }

    fn sine(hz: f64, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (8000.0 * (TAU * hz * n as f64 / 8000.0).sin()) as i16).collect()
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap_or(0)
    }

    fn rms(samples: &[i16]) -> f64 {
        (samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64).sqrt()
    }
}
