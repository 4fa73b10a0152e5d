//! What a codec takes from quality, and how well it bears loss (ITU-T G.113 Appendix I and IV).
//!
//! Where G.113 has no figure, it is ours, chosen so that the model's answer follows PESQ of our own
//! codecs under loss.

use webtrunk_codecs::CodecId;

/// What is carried of the voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Band {
    /// 300 to 3400 Hz, judged by G.107: R up to 93.2.
    Narrow,
    /// 50 to 7000 Hz or more, judged by G.107.1: R up to 129.
    Wide,
}

/// What is done about losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repair {
    /// Silence is inserted.
    Nothing,
    /// They are concealed.
    Concealed,
}

/// The model's parameters of one codec.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodecImpairment {
    /// The scale that they belong to.
    pub band: Band,
    /// Equipment impairment without loss, Ie.
    pub equipment: f32,
    /// Robustness against loss, Bpl.
    pub robustness: f32,
}

impl CodecImpairment {
    /// The parameters of `codec` where `band` is carried from end to end.
    #[must_use]
    pub fn of(codec: CodecId, band: Band, repair: Repair) -> Self {
        let (equipment, robustness) = match (codec, band, repair) {
            // G.113 table I.4: G.711 without concealment, and with that of its Appendix I.
            (_, Band::Narrow, Repair::Nothing) => (0.0, 4.3),
            (CodecId::Opus, Band::Narrow, Repair::Concealed) => (0.0, 20.0),
            (_, Band::Narrow, Repair::Concealed) => (0.0, 25.1),
            // G.113 Appendix IV: G.722 at 64 kbit/s.
            (CodecId::G722, Band::Wide, Repair::Concealed) => (13.0, 4.9),
            (CodecId::G722, Band::Wide, Repair::Nothing) => (13.0, 2.0),
            (CodecId::Opus, Band::Wide, Repair::Concealed) => (5.0, 15.0),
            // Narrow band on the wide scale: 129 less 93.2.
            (CodecId::Pcmu | CodecId::Pcma, Band::Wide, Repair::Concealed) => (35.8, 25.1),
            (CodecId::Pcmu | CodecId::Pcma, Band::Wide, Repair::Nothing) => (35.8, 4.3),
            (CodecId::L16(_), Band::Wide, Repair::Concealed) => (0.0, 10.0),
            (CodecId::Opus, Band::Wide, Repair::Nothing) => (5.0, 2.0),
            (CodecId::L16(_), Band::Wide, Repair::Nothing) => (0.0, 2.0),
        };
        Self { band, equipment, robustness }
    }

    /// Ie-eff: what is lost to the codec and to `loss` (0..=1) together (G.107 7.5, formula 7-29;
    /// G.107.1 has the same without BurstR).
    #[must_use]
    pub(super) fn with_loss(self, loss: f32, burst_ratio: f32) -> f32 {
        /// The most that loss can add up to.
        const MOST: f32 = 95.0;
        let percent = 100.0 * loss.clamp(0.0, 1.0);
        let spread = percent / burst_ratio.max(1.0);
        self.equipment + (MOST - self.equipment) * percent / (spread + self.robustness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_codec_is_worse_when_its_losses_are_concealed() {
        for codec in CodecId::ALL {
            for band in [Band::Narrow, Band::Wide] {
                let at_5_percent = |repair| CodecImpairment::of(codec, band, repair).with_loss(0.05, 1.0);
                let (concealed, silent) = (at_5_percent(Repair::Concealed), at_5_percent(Repair::Nothing));
                assert!(concealed < silent, "{concealed} and {silent}, {codec:?}, {band:?}");
            }
        }
    }

    #[test]
    fn loss_hurts_as_g_113_says() {
        let concealed = CodecImpairment::of(CodecId::Pcmu, Band::Narrow, Repair::Concealed);
        assert_eq!(concealed.with_loss(0.0, 1.0), 0.0);
        assert!((concealed.with_loss(0.05, 1.0) - 95.0 * 5.0 / 30.1).abs() < 0.01);
        assert!((concealed.with_loss(0.05, 2.0) - 95.0 * 5.0 / 27.6).abs() < 0.01, "bursts hurt more");
        let silent = CodecImpairment::of(CodecId::Pcma, Band::Narrow, Repair::Nothing);
        assert!(silent.with_loss(0.05, 1.0) > 50.0);
        assert!(silent.with_loss(7.0, 0.0).is_finite());
    }
}
