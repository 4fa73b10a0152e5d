//! The E-model: one figure for how a call sounds to those who talk in it (ITU-T G.107), written apart from the
//! gateway's own.
//!
//! R = 93.2 - what delay takes - what codec and loss take. Rooms and telephones are at the defaults of G.107.

use std::time::Duration;

use webtrunk_codecs::CodecId;

/// What the model is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EModel {
    /// What it came in.
    pub codec: CodecId,
    /// The share that was lost, 0 to 1.
    pub loss: f64,
    /// How many times longer runs of lost packets are than by chance; 1 if by chance.
    pub burst_ratio: f64,
    /// From mouth to ear, one way.
    pub delay: Duration,
}

/// R of the default lines without any delay, G.107 table 3.
const R_MAX: f64 = 93.2;

impl EModel {
    /// The R factor, 0 to 93.2.
    #[must_use]
    pub fn r(&self) -> f64 {
        let ms = self.delay.as_secs_f64() * 1000.0;
        // The usual straight lines for Id of G.107 (Cole and Rosenbluth 2001), within 2 of it up to 400 ms.
        let of_delay = 0.024 * ms + 0.11 * (ms - 177.3).max(0.0);
        let (own, robustness) = impairment(self.codec);
        let percent = self.loss * 100.0;
        // G.107 formula 7-29.
        let of_loss = (95.0 - own) * percent / (percent / self.burst_ratio.max(1.0) + robustness);
        (R_MAX - of_delay - own - of_loss).max(0.0)
    }

    /// The mean opinion score, 1 to 4.5 (G.107 Annex B).
    #[must_use]
    pub fn mos(&self) -> f64 {
        let r = self.r();
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
    }
}

/// Ie and Bpl on the narrow-band scale. G.711 with concealment: G.113 Appendix I. Opus and G.722 have none on that
/// scale: Opus is taken as no worse than G.711 with the robustness that its concealment shows in tests of its kind
/// (chosen by us), G.722 as G.711.
const fn impairment(codec: CodecId) -> (f64, f64) {
    match codec {
        CodecId::Opus => (0.0, 20.0),
        CodecId::Pcmu | CodecId::Pcma | CodecId::G722 | CodecId::L16(_) => (0.0, 25.1),
    }
}

/// How many times longer runs of lost packets are than by chance, from how each packet fared in order.
#[must_use]
pub fn burst_ratio(lost: &[bool]) -> f64 {
    let count = lost.iter().filter(|lost| **lost).count();
    let runs = lost.chunk_by(|one, other| one == other).filter(|run| run[0]).count();
    if runs == 0 {
        return 1.0;
    }
    let share = count as f64 / lost.len() as f64;
    // By chance a run is 1 / (1 - p) long.
    (count as f64 / runs as f64 * (1.0 - share)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(loss: f64, burst_ratio: f64, delay_ms: u64) -> EModel {
        EModel { codec: CodecId::Pcmu, loss, burst_ratio, delay: Duration::from_millis(delay_ms) }
    }

    #[test]
    fn the_defaults_give_what_g_107_states() {
        assert!((model(0.0, 1.0, 0).r() - 93.2).abs() < 1e-9);
        assert!((model(0.0, 1.0, 0).mos() - 4.41).abs() < 0.01);
        // Ie-eff of G.711 with concealment at 5 %: 95 * 5 / (5 + 25.1).
        assert!((model(0.05, 1.0, 0).r() - (93.2 - 15.78)).abs() < 0.01);
        assert!((model(0.0, 1.0, 300).r() - (93.2 - 7.2 - 13.497)).abs() < 0.01);
    }

    #[test]
    fn bursts_loss_and_delay_each_make_it_worse_and_the_scale_ends() {
        assert!(model(0.05, 3.0, 0).mos() < model(0.05, 1.0, 0).mos());
        assert!(model(0.01, 1.0, 0).mos() > model(0.02, 1.0, 0).mos());
        assert!(model(0.0, 1.0, 400).mos() < model(0.0, 1.0, 100).mos());
        assert!((model(1.0, 1.0, 5000).mos() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn rows_are_told_from_chance() {
        let by_chance: Vec<_> = (0..1000).map(|at| at % 20 == 3).collect();
        let in_rows: Vec<_> = (0..1000).map(|at| at % 60 < 3).collect();
        assert!((burst_ratio(&by_chance) - 1.0).abs() < 0.1);
        assert!((burst_ratio(&in_rows) - 2.85).abs() < 0.1, "{}", burst_ratio(&in_rows));
        assert!((burst_ratio(&[]) - 1.0).abs() < 1e-9);
    }
}
