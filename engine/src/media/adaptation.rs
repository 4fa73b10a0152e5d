//! How an Opus encoder follows what the far end reports of its stream.
//!
//! ```text
//! loss in each report -> risen to at once, forgotten by a third a report -> expected loss: how much redundancy
//!                     -> 15 % or more: suspected congestion              -> three quarters of the bitrate,
//!                        below 5 % for four reports                      -> all of it again
//! ```
//!
//! Redundancy begins at 2 % and ends below 1 %, so that it does not come and go with single packets. A loss that
//! is no congestion is not made worse by less bitrate, and one that is ends sooner.

/// Loss at which redundancy begins, and below which it ends, percent.
const REDUNDANCY_FROM: f32 = 2.0;
const REDUNDANCY_UNTIL: f32 = 1.0;

/// More is never expected: beyond, libopus spends the voice's own bits on redundancy.
const EXPECTED_MAX: f32 = 30.0;

/// How much of the past a report leaves.
const MEMORY: f32 = 2.0 / 3.0;

/// Loss at which congestion is suspected, and below which it may be over, percent.
const CONGESTED_FROM: f32 = 15.0;
const CONGESTED_UNTIL: f32 = 5.0;

/// Reports below [`CONGESTED_UNTIL`] after which all of the bitrate is used again: 20 s.
const CLEAR_REPORTS: u8 = 4;

/// What the encoder is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Adapted {
    /// How much loss it protects against, percent; none at 0.
    pub(crate) expected_loss_percent: u8,
    /// Its share of the bitrate, percent.
    pub(crate) bitrate_percent: u8,
}

/// Follows the reports of one stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Adaptation {
    loss: f32,
    is_protecting: bool,
    congestion: Congestion,
}

#[derive(Debug, Clone, Copy, Default)]
enum Congestion {
    #[default]
    None,
    /// Suspected; so many reports in a row did not tell of it.
    Suspected { clear: u8 },
}

impl Adaptation {
    /// Takes the loss of the last report, in percent; returns what the encoder is to do from now on.
    pub(crate) fn handle_report(&mut self, loss_percent: u8) -> Adapted {
        let reported = f32::from(loss_percent);
        self.loss = reported.max(self.loss * MEMORY);
        let threshold = if self.is_protecting { REDUNDANCY_UNTIL } else { REDUNDANCY_FROM };
        self.is_protecting = self.loss >= threshold;
        self.congestion = match self.congestion {
            _ if reported >= CONGESTED_FROM => Congestion::Suspected { clear: 0 },
            Congestion::Suspected { clear } if reported < CONGESTED_UNTIL && clear + 1 < CLEAR_REPORTS => {
                Congestion::Suspected { clear: clear + 1 }
            }
            Congestion::Suspected { .. } if reported >= CONGESTED_UNTIL => Congestion::Suspected { clear: 0 },
            Congestion::Suspected { .. } | Congestion::None => Congestion::None,
        };
        self.adapted()
    }

    /// What the encoder is to do now.
    pub(crate) fn adapted(&self) -> Adapted {
        let expected = if self.is_protecting { self.loss.min(EXPECTED_MAX).round() as u8 } else { 0 };
        let bitrate_percent = match self.congestion {
            Congestion::None => 100,
            Congestion::Suspected { .. } => 75,
        };
        Adapted { expected_loss_percent: expected, bitrate_percent }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(adaptation: &mut Adaptation, reports: &[u8]) -> Vec<(u8, u8)> {
        let adapt = |loss: &u8| adaptation.handle_report(*loss);
        let adapted = reports.iter().map(adapt);
        adapted.map(|it| (it.expected_loss_percent, it.bitrate_percent)).collect()
    }

    #[test]
    fn redundancy_comes_at_once_and_goes_slowly() {
        let mut adaptation = Adaptation::default();
        let adapted = run(&mut adaptation, &[0, 1, 10, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            adapted,
            [0, 0, 10, 7, 4, 3, 2, 1, 0, 0].map(|loss| (loss, 100)),
            "the single packet of the second report is nothing"
        );
        assert_eq!(run(&mut adaptation, &[1, 1, 1, 1]), [(0, 100); 4]);
        run(&mut adaptation, &[2]);
        assert_eq!(run(&mut adaptation, &[1, 1, 1, 1]).last(), Some(&(1, 100)), "it stays while 1 % is lost");
    }

    #[test]
    fn the_bitrate_falls_under_congestion_and_comes_back_when_it_has_been_over_for_a_while() {
        let mut adaptation = Adaptation::default();
        let bitrates = |adapted: Vec<(u8, u8)>| adapted.into_iter().map(|it| it.1).collect::<Vec<_>>();
        assert_eq!(bitrates(run(&mut adaptation, &[10, 14, 15, 8, 4, 4, 4])), [100, 100, 75, 75, 75, 75, 75]);
        assert_eq!(bitrates(run(&mut adaptation, &[6, 4, 4, 4, 4, 4])), [75, 75, 75, 75, 100, 100]);
    }

    proptest! {
        #[test]
        fn never_less_than_was_reported_and_never_more_than_the_worst_of_late(
            reports in prop::collection::vec(0_u8..=100, 1..60)
        ) {
            let mut adaptation = Adaptation::default();
            let mut worst = 0;
            for loss in reports {
                worst = worst.max(loss);
                let adapted = adaptation.handle_report(loss);
                prop_assert!(adapted.expected_loss_percent <= worst.min(30));
                prop_assert!(loss < 2 || adapted.expected_loss_percent >= loss.min(30));
                prop_assert!([75, 100].contains(&adapted.bitrate_percent));
            }
        }
    }
}
