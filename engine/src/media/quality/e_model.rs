//! The E-model: one figure for how a call sounds to those who talk in it (ITU-T G.107, G.107.1).
//!
//! R = what the lines allow - what delay takes - what codec and loss take. Everything but these is at
//! the defaults of G.107 table 3, since no gateway can know rooms and telephones.

use std::time::Duration;

use super::codec_impairment::{Band, CodecImpairment};
use super::delay_impairment;

/// Ro of the default lines (formula 7-2).
const RO: f32 = 94.77;
/// Is of the default lines: what happens at the same time as the voice (formula 7-8).
const IS: f32 = 1.41;
/// Ro on the wide scale (G.107.1), where Is is zero.
const RO_WIDE: f32 = 129.0;

/// What the model is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EModelInput {
    /// The codec, and what is done about losses.
    pub codec: CodecImpairment,
    /// Lost and not recovered, 0..=1.
    pub loss: f32,
    /// How many times longer runs of lost packets are than by chance: 1 if by chance.
    pub burst_ratio: f32,
    /// From mouth to ear, one way.
    pub delay: Duration,
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rating {
    /// The R factor: 0 to 93.2 in narrow band, to 129 in wide band.
    pub r: f32,
    /// The mean opinion score that R stands for, 1 to 4.5 (G.107 Annex B).
    pub mos: f32,
}

impl EModelInput {
    /// The quality of conversation.
    #[must_use]
    pub fn conversation(&self) -> Rating {
        let delay_ms = self.delay.as_secs_f32() * 1000.0;
        let lines = match self.codec.band {
            Band::Narrow => RO - IS - delay_impairment::narrow_band(delay_ms, RO),
            // What echo there is, wide-band telephones cancel.
            Band::Wide => RO_WIDE - delay_impairment::too_long(delay_ms),
        };
        self.rate(lines)
    }

    /// The quality of listening, to which delay does nothing.
    #[must_use]
    pub fn listening(&self) -> Rating {
        Self { delay: Duration::ZERO, ..*self }.conversation()
    }

    fn rate(&self, lines: f32) -> Rating {
        let r = (lines - self.codec.with_loss(self.loss, self.burst_ratio)).max(0.0);
        let scale = match self.codec.band {
            Band::Narrow => 1.0,
            // G.107.1 Annex A: the wide scale is 1.29 times as long.
            Band::Wide => 1.29,
        };
        Rating { r, mos: opinion_score(r / scale) }
    }
}

/// G.107 Annex B.
fn opinion_score(r: f32) -> f32 {
    if r <= 0.0 {
        return 1.0;
    }
    if r >= 100.0 {
        return 4.5;
    }
    // The polynomial dips below 1 for the smallest R.
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use webtrunk_codecs::CodecId;

    use super::super::codec_impairment::Repair;
    use super::*;

    fn input(percent: f32, burst_ratio: f32, delay_ms: u64) -> EModelInput {
        let codec = CodecImpairment::of(CodecId::Pcmu, Band::Narrow, Repair::Concealed);
        EModelInput { codec, loss: percent / 100.0, burst_ratio, delay: Duration::from_millis(delay_ms) }
    }

    #[test]
    fn defaults_give_the_r_factor_that_g_107_states() {
        let rating = input(0.0, 1.0, 0).conversation();
        assert!((rating.r - 93.2).abs() < 0.05, "{rating:?}");
        assert!((rating.mos - 4.41).abs() < 0.005, "{rating:?}");
    }

    #[test]
    fn opinion_scores_are_those_of_g_107_annex_b() {
        for (r, mos) in [
            (-3.0, 1.0),
            (0.0, 1.0),
            (50.0, 2.58),
            (60.0, 3.1),
            (70.0, 3.6),
            (80.0, 4.03),
            (90.0, 4.34),
            (120.0, 4.5),
        ] {
            assert!((opinion_score(r) - mos).abs() < 0.01, "{} for R {r}", opinion_score(r));
        }
    }

    #[test]
    fn loss_bursts_and_delay_each_make_it_worse() {
        let r = |percent, burst_ratio, delay_ms| input(percent, burst_ratio, delay_ms).conversation().r;
        assert!((r(5.0, 1.0, 0) - (93.2 - 15.78)).abs() < 0.1);
        assert!(r(5.0, 3.0, 0) < r(5.0, 1.0, 0));
        for (better, worse) in [(0, 50), (50, 150), (150, 250), (250, 400), (400, 1000)] {
            assert!(r(1.0, 1.0, better) > r(1.0, 1.0, worse), "{better} and {worse} ms");
        }
        assert_eq!(input(100.0, 8.0, 3000).conversation(), Rating { r: 0.0, mos: 1.0 });
        assert_eq!(input(5.0, 1.0, 400).listening(), input(5.0, 1.0, 0).conversation());
    }

    #[test]
    fn wide_band_is_better_than_narrow_band() {
        let wide = |codec| EModelInput {
            codec: CodecImpairment::of(codec, Band::Wide, Repair::Concealed),
            ..input(0.0, 1.0, 50)
        };
        let opus = wide(CodecId::Opus).conversation();
        let narrow = wide(CodecId::Pcmu).conversation();
        assert!(opus.mos > 4.4 && narrow.mos < 3.8, "{opus:?}, {narrow:?}");
        assert!((narrow.r - 93.2).abs() < 0.1);
    }
}
