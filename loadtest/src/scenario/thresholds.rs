//! From when on a run has failed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From when on a run has failed. What is not given is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Calls that were not answered or broke, in percent. By default none may.
    pub failed_percent_max: Option<f64>,
    /// Answered calls with which something is wrong, in percent. By default none may be.
    pub faulty_percent_max: Option<f64>,
    /// From INVITE to answer, of 95 in 100 calls.
    pub setup_p95_ms_max: Option<f64>,
    /// From mouth to ear, of 95 in 100 directions.
    pub mouth_to_ear_p95_ms_max: Option<f64>,
    /// The mean opinion score that 95 in 100 directions reach.
    pub mos_p5_min: Option<f64>,
    /// The score beside what was said that 95 in 100 directions of the calls that speak reach.
    pub opinion_p5_min: Option<f64>,
    /// Packets lost of all that came, in percent.
    pub loss_percent_max: Option<f64>,
}

/// What a run was like, in the same words.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Calls that were not answered or broke, in percent.
    pub failed_percent: f64,
    /// Answered calls with which something is wrong, in percent.
    pub faulty_percent: f64,
    /// From INVITE to answer.
    pub setup_p95_ms: Option<f64>,
    /// From mouth to ear.
    pub mouth_to_ear_p95_ms: Option<f64>,
    /// What 95 in 100 directions reach.
    pub mos_p5: Option<f64>,
    /// What 95 in 100 directions of the calls that speak reach.
    pub opinion_p5: Option<f64>,
    /// Packets lost of all that came.
    pub loss_percent: f64,
}

/// A threshold that was not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Breach {
    /// Its key.
    pub threshold: String,
    /// What it asks for.
    pub limit: f64,
    /// What there was; `None` where nothing could be measured, which keeps no promise.
    pub measured: Option<f64>,
}

impl Thresholds {
    /// Those that were not kept.
    #[must_use]
    pub fn breaches(&self, measured: &Measured) -> Vec<Breach> {
        let most = [
            ("failed_percent_max", self.failed_percent_max.or(Some(0.0)), Some(measured.failed_percent)),
            ("faulty_percent_max", self.faulty_percent_max.or(Some(0.0)), Some(measured.faulty_percent)),
            ("setup_p95_ms_max", self.setup_p95_ms_max, measured.setup_p95_ms),
            ("mouth_to_ear_p95_ms_max", self.mouth_to_ear_p95_ms_max, measured.mouth_to_ear_p95_ms),
            ("loss_percent_max", self.loss_percent_max, Some(measured.loss_percent)),
        ];
        let mut breaches = Vec::new();
        let mut breach = |threshold: &str, limit, measured| {
            breaches.push(Breach { threshold: threshold.to_owned(), limit, measured });
        };
        for (threshold, limit, measured) in most {
            let Some(limit) = limit else { continue };
            if measured.is_none_or(|measured| measured > limit) {
                breach(threshold, limit, measured);
            }
        }
        let least = [
            ("mos_p5_min", self.mos_p5_min, measured.mos_p5),
            ("opinion_p5_min", self.opinion_p5_min, measured.opinion_p5),
        ];
        for (threshold, limit, measured) in least {
            let Some(limit) = limit else { continue };
            if measured.is_none_or(|measured| measured < limit) {
                breach(threshold, limit, measured);
            }
        }
        breaches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_is_not_looked_at_and_nothing_may_fail_by_default() {
        let slow = Measured { setup_p95_ms: Some(9000.0), loss_percent: 50.0, ..Measured::default() };
        assert_eq!(Thresholds::default().breaches(&slow), []);
        let failed = Measured { failed_percent: 1.0, faulty_percent: 2.0, ..Measured::default() };
        let breaches = Thresholds::default().breaches(&failed);
        let names: Vec<_> = breaches.iter().map(|it| it.threshold.as_str()).collect();
        assert_eq!(names, ["failed_percent_max", "faulty_percent_max"]);
    }

    #[test]
    fn a_figure_on_the_limit_keeps_it_and_none_at_all_does_not() {
        let limits =
            Thresholds { setup_p95_ms_max: Some(100.0), mos_p5_min: Some(4.0), ..Thresholds::default() };
        let good = Measured { setup_p95_ms: Some(100.0), mos_p5: Some(4.0), ..Measured::default() };
        assert_eq!(limits.breaches(&good), []);
        assert_eq!(limits.breaches(&Measured::default()).len(), 2);
        let bad = Measured { mos_p5: Some(3.9), ..good };
        assert_eq!(limits.breaches(&bad)[0].measured, Some(3.9));
        let limits = Thresholds { opinion_p5_min: Some(3.0), ..Thresholds::default() };
        let names = |measured: Measured| {
            limits.breaches(&measured).into_iter().map(|it| it.threshold).collect::<Vec<_>>()
        };
        assert_eq!(names(Measured { opinion_p5: Some(2.9), ..good }), ["opinion_p5_min"]);
        assert_eq!(names(good), ["opinion_p5_min"], "no call spoke");
        assert!(names(Measured { opinion_p5: Some(3.0), ..good }).is_empty());
    }
}
