//! The quadrature mirror filters that part 16 kHz into two bands of 8 kHz, and join them again.
//!
//! 24 taps, symmetric; both filters of a pair share their products: the bands are the sum and the
//! difference of what the even and the odd taps make.

/// Every second tap (Table 11); the others are these from the other end.
const TAPS: [i16; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Parts the signal: 2 samples in, one of each band out.
#[derive(Debug, Clone)]
pub(super) struct Splitter(Delay);

/// Joins the bands: one of each in, 2 samples out.
#[derive(Debug, Clone)]
pub(super) struct Joiner(Delay);

impl Splitter {
    pub(super) const fn new() -> Self {
        Self(Delay::new())
    }

    /// The lower and the higher band's sample, 15 bits each.
    pub(super) fn split(&mut self, pair: [i16; 2]) -> (i32, i32) {
        let (first, second) = self.0.push(pair);
        ((second + first) >> 14, (second - first) >> 14)
    }
}

impl Joiner {
    pub(super) const fn new() -> Self {
        Self(Delay::new())
    }

    /// The two samples; each band's is to have 15 bits.
    pub(super) fn join(&mut self, lower: i32, higher: i32) -> [i16; 2] {
        let (first, second) = self.0.push([saturate(lower + higher), saturate(lower - higher)]);
        [saturate(second >> 11), saturate(first >> 11)]
    }
}

/// The last twelve pairs, newest last, in rows as long as a vector register.
#[derive(Debug, Clone)]
struct Delay {
    first: [i16; ROW],
    second: [i16; ROW],
}

const ROW: usize = 16;
/// The taps for the firsts, and in reverse for the seconds; zero for what is older than the filter.
const FORTH: [i16; ROW] = row(false);
const BACK: [i16; ROW] = row(true);

impl Delay {
    const fn new() -> Self {
        Self { first: [0; ROW], second: [0; ROW] }
    }

    /// Takes a pair; returns what the taps make of the firsts and of the seconds.
    fn push(&mut self, [first, second]: [i16; 2]) -> (i32, i32) {
        for (past, new) in [(&mut self.first, first), (&mut self.second, second)] {
            past.copy_within(1.., 0);
            past[ROW - 1] = new;
        }
        (dot(&FORTH, &self.first), dot(&BACK, &self.second))
    }
}

fn dot(taps: &[i16; ROW], samples: &[i16; ROW]) -> i32 {
    taps.iter().zip(samples).map(|(&tap, &sample)| i32::from(tap) * i32::from(sample)).sum()
}

const fn row(is_reversed: bool) -> [i16; ROW] {
    let (mut row, mut tap) = ([0; ROW], 0);
    while tap < TAPS.len() {
        let place = ROW - TAPS.len() + tap;
        row[place] = if is_reversed { TAPS[TAPS.len() - 1 - tap] } else { TAPS[tap] };
        tap += 1;
    }
    row
}

fn saturate(value: i32) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_parted_is_joined_again_22_samples_later() {
        let (mut splitter, mut joiner) = (Splitter::new(), Joiner::new());
        let said: Vec<i16> =
            (0..2000_u32).map(|n| ((n * n * 37 + n * 911) % 20_011) as i16 - 10_000).collect();
        let mut heard = Vec::new();
        for pair in said.as_chunks::<2>().0 {
            let (lower, higher) = splitter.split(*pair);
            heard.extend(joiner.join(lower, higher));
        }
        for (said, heard) in said.iter().zip(&heard[22..]) {
            assert!(said.abs_diff(*heard) <= 40, "{said} came out as {heard}");
        }
    }

    #[test]
    fn each_band_has_its_frequencies() {
        for (hz, is_low) in [(300.0, true), (3000.0, true), (5000.0, false), (7500.0, false)] {
            let mut splitter = Splitter::new();
            let sample =
                |n: usize| (10_000.0 * (std::f64::consts::TAU * hz * n as f64 / 16_000.0).sin()) as i16;
            let (mut low, mut high) = (0.0, 0.0);
            for n in 0..1000 {
                let (lower, higher) = splitter.split([sample(2 * n), sample(2 * n + 1)]);
                low += f64::from(lower).powi(2);
                high += f64::from(higher).powi(2);
            }
            let (kept, rejected) = if is_low { (low, high) } else { (high, low) };
            assert!(kept > 100.0 * rejected, "{hz} Hz: {kept} and {rejected}");
        }
    }
}
