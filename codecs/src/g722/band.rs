//! One band's adaptive differential code: a quantiser whose step follows the signal, and a predictor of
//! two poles and six zeros that encoder and decoder adapt alike, from what was coded.

/// The lower band: 6 bits a sample, of which the upper 4 alone steer the adaptation.
#[derive(Debug, Clone)]
pub(super) struct LowerBand {
    predictor: Predictor,
    scale: Scale,
}

/// The higher band: 2 bits a sample.
#[derive(Debug, Clone)]
pub(super) struct HigherBand {
    predictor: Predictor,
    scale: Scale,
}

impl LowerBand {
    pub(super) const fn new() -> Self {
        Self { predictor: Predictor::new(), scale: Scale::LOWER }
    }

    /// Codes one sample of 15 bits (SUBTRA, QUANTL).
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let is_reached = |level: &i32| magnitude >= (level * self.scale.step) >> 12;
        let interval = LOWER_DECISIONS.partition_point(is_reached) as u8;
        let code = match (error < 0, interval) {
            // The innermost intervals of the negative half stand apart (Table 16).
            (true, 0) => 63,
            (true, 1) => 62,
            (true, _) => 33 - interval,
            (false, _) => 61 - interval,
        };
        self.adapt(code);
        code
    }

    /// The sample of a code of 6 bits, 15 bits wide (INVQBL, RECONS, LIMIT).
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let difference = (self.scale.step * LOWER_OUTPUTS_6[usize::from(code & 63)]) >> 15;
        let sample = limit(self.predictor.estimate + difference);
        self.adapt(code);
        sample
    }

    fn adapt(&mut self, code: u8) {
        let coarse = usize::from(code & 63) >> 2;
        let difference = (self.scale.step * LOWER_OUTPUTS_4[coarse]) >> 15;
        self.scale.follow(LOWER_GROWTH[coarse]);
        self.predictor.adapt(difference);
    }
}

impl HigherBand {
    pub(super) const fn new() -> Self {
        Self { predictor: Predictor::new(), scale: Scale::HIGHER }
    }

    /// Codes one sample of 15 bits (SUBTRA, QUANTH).
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.predictor.estimate);
        let magnitude = if error < 0 { !error } else { error };
        let is_outer = magnitude >= (HIGHER_DECISION * self.scale.step) >> 12;
        let code = match (error < 0, is_outer) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        self.adapt(code);
        code
    }

    /// The sample of a code of 2 bits, 15 bits wide (INVQAH, RECONS, LIMIT).
    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let estimate = self.predictor.estimate;
        limit(estimate + self.adapt(code))
    }

    fn adapt(&mut self, code: u8) -> i32 {
        let code = usize::from(code & 3);
        let difference = (self.scale.step * HIGHER_OUTPUTS[code]) >> 15;
        self.scale.follow(HIGHER_GROWTH[code]);
        self.predictor.adapt(difference);
        difference
    }
}

/// The quantiser's step, kept as a logarithm so that it grows and shrinks by factors.
#[derive(Debug, Clone)]
struct Scale {
    log: i32,
    log_max: i32,
    /// How far the tabled antilogarithm is shifted at the log's largest octave.
    shift: i32,
    step: i32,
}

impl Scale {
    const LOWER: Self = Self { log: 0, log_max: 18_432, shift: 8, step: 32 };
    const HIGHER: Self = Self { log: 0, log_max: 22_528, shift: 10, step: 8 };

    /// LOGSCL and SCALEL, LOGSCH and SCALEH.
    fn follow(&mut self, growth: i32) {
        self.log = (((self.log * 127) >> 7) + growth).clamp(0, self.log_max);
        let mantissa = ANTILOG[(self.log >> 6 & 31) as usize];
        let shift = self.shift - (self.log >> 11);
        self.step = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
    }
}

#[derive(Debug, Clone)]
struct Predictor {
    /// What is expected of the next sample.
    estimate: i32,
    /// The zeros' part of the estimate.
    from_zeros: i32,
    poles: [i32; 2],
    zeros: [i32; 6],
    /// The last sample reconstructed.
    reconstructed: i32,
    /// The last two differences with the zeros' part added.
    partial: [i32; 2],
    /// The last six differences.
    differences: [i32; 6],
}

impl Predictor {
    const fn new() -> Self {
        Self {
            estimate: 0,
            from_zeros: 0,
            poles: [0; 2],
            zeros: [0; 6],
            reconstructed: 0,
            partial: [0; 2],
            differences: [0; 6],
        }
    }

    /// Block 4L and 4H: learns from the difference just coded, then estimates the next sample.
    fn adapt(&mut self, difference: i32) {
        let reconstructed = saturate(self.estimate + difference);
        let partial = saturate(difference + self.from_zeros);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        self.partial = [partial, self.partial[0]];
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        // FILTEP, FILTEZ, PREDIC.
        let product = |coefficient: i32, sample: i32| (coefficient * saturate(2 * sample)) >> 15;
        let from_poles =
            saturate(product(self.poles[0], reconstructed) + product(self.poles[1], self.reconstructed));
        let taps = self.zeros.iter().zip(&self.differences);
        self.from_zeros = saturate(taps.map(|(&zero, &past)| product(zero, past)).sum());
        self.reconstructed = reconstructed;
        self.estimate = saturate(from_poles + self.from_zeros);
    }

    /// UPPOL2 and UPPOL1.
    fn adapt_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let agrees = |past: i32| (partial < 0) == (past < 0);
        let (agrees_first, agrees_second) = (agrees(self.partial[0]), agrees(self.partial[1]));
        let quadrupled = saturate(4 * first);
        let pull = saturate(if agrees_first { -quadrupled } else { quadrupled }) >> 7;
        let push = if agrees_second { 128 } else { -128 };
        let second = (pull + push + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let push = if agrees_first { 192 } else { -192 };
        let bound = 15_360 - second;
        self.poles = [(push + ((first * 32_640) >> 15)).clamp(-bound, bound), second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let push = if difference == 0 { 0 } else { 128 };
        for (zero, &past) in self.zeros.iter_mut().zip(&self.differences) {
            let push = if (difference < 0) == (past < 0) { push } else { -push };
            *zero = push + ((*zero * 32_640) >> 15);
        }
    }
}

fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// LIMIT: a band's sample has 15 bits.
fn limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

/// Table 14: where the lower band's intervals begin, as multiples of the step.
const LOWER_DECISIONS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219,
    1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// Table 14: the same of the higher band.
const HIGHER_DECISION: i32 = 564;

/// Tables 17 to 19: what the lower band's codes of 6 bits stand for. The first four are never sent; they
/// would be taken for silence by those who see no codes in a frame.
const LOWER_OUTPUTS_6: [i32; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032,
    -1688, -1360, -1040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9360,
    8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040,
    728, 432, 136, -432, -136,
];

/// The same of their upper 4 bits.
const LOWER_OUTPUTS_4: [i32; 16] =
    [0, -20_456, -12_896, -8968, -6288, -4240, -2584, -1200, 20_456, 12_896, 8968, 6288, 4240, 2584, 1200, 0];

/// What the higher band's codes stand for.
const HIGHER_OUTPUTS: [i32; 4] = [-7408, -1616, 7408, 1616];

/// How each code changes the logarithm of the lower band's step, by its upper 4 bits.
const LOWER_GROWTH: [i32; 16] =
    [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// The same of the higher band.
const HIGHER_GROWTH: [i32; 4] = [798, -214, 798, -214];

/// Table 13: an octave of powers of two, in steps of 1/32, from 2048.
const ANTILOG: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_codes_keep_a_band_within_its_bits() {
        let (mut lower, mut higher) = (LowerBand::new(), HigherBand::new());
        let mut random = 1_u32;
        for round in 0..200_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Stretches of one code drive the step to its ends.
            let code = if round % 2000 < 500 { (round / 2000) as u8 } else { (random >> 24) as u8 };
            for sample in [lower.decode(code), higher.decode(code)] {
                assert!((-16_384..=16_383).contains(&sample), "{sample} after {round}");
            }
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_by_the_same_steps() {
        let (mut encoder, mut decoder) = (LowerBand::new(), LowerBand::new());
        for n in 0..4000_i32 {
            let sample = (f64::from(n) * 0.31).sin() * 9000.0;
            let heard = decoder.decode(encoder.encode(sample as i32));
            assert_eq!(encoder.predictor.estimate, decoder.predictor.estimate);
            assert!(n < 50 || (f64::from(heard) - sample).abs() < 900.0, "{heard} for {sample} at {n}");
        }
    }

    #[test]
    fn the_octave_is_one_of_powers_of_two() {
        for (index, mantissa) in ANTILOG.iter().enumerate() {
            let exact = 2048.0 * 2_f64.powf(index as f64 / 32.0);
            assert!((f64::from(*mantissa) - exact).abs() < 1.5, "{mantissa} for {exact}");
        }
    }
}
