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
    /// From pressing a digit to its arrival at the other end, of 95 in 100 that came.
    pub digit_way_p95_ms_max: Option<f64>,
    /// From pressing a digit until it is back, of 95 in 100 that came back.
    pub digit_round_trip_p95_ms_max: Option<f64>,
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
    /// Calls that were not answered or broke, in percent; `None` without a call.
    pub failed_percent: Option<f64>,
    /// Answered calls with which something is wrong, in percent; `None` without one.
    pub faulty_percent: Option<f64>,
    /// From INVITE to answer.
    pub setup_p95_ms: Option<f64>,
    /// From mouth to ear.
    pub mouth_to_ear_p95_ms: Option<f64>,
    /// From pressing a digit to its arrival at the other end.
    pub digit_way_p95_ms: Option<f64>,
    /// From pressing a digit until it is back.
    pub digit_round_trip_p95_ms: Option<f64>,
    /// What 95 in 100 directions reach.
    pub mos_p5: Option<f64>,
    /// What 95 in 100 directions of the calls that speak reach.
    pub opinion_p5: Option<f64>,
    /// Packets lost of all that came; `None` where none were sent.
    pub loss_percent: Option<f64>,
}

/// A threshold that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its key.
    pub threshold: String,
    /// What it asks for.
    pub limit: f64,
    /// What there was; `None` where nothing could be measured, which keeps no promise.
    pub measured: Option<f64>,
    /// Whether it was kept.
    pub is_kept: bool,
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

impl Judged {
    /// What is told of it where it was not kept.
    #[must_use]
    pub fn breach(self) -> Option<Breach> {
        let Self { threshold, limit, measured, is_kept } = self;
        (!is_kept).then_some(Breach { threshold, limit, measured })
    }
}

impl Breach {
    /// What reports call it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        match self.measured {
            Some(_) => self.threshold.clone(),
            None => format!("{} ({NOTHING})", self.threshold),
        }
    }

    /// What there was, with so many decimals.
    #[must_use]
    pub fn measured_text(&self, decimals: usize) -> String {
        self.measured.map_or_else(|| NOTHING.to_owned(), |it| format!("{it:.decimals$}"))
    }
}

/// Where a threshold was asked for that no call could be judged by.
const NOTHING: &str = "nothing to judge it by";

impl Thresholds {
    /// Those that were looked at.
    #[must_use]
    pub fn judged(&self, measured: &Measured) -> Vec<Judged> {
        // Where no call was answered, whether one is faulty is looked at by who asks for it alone.
        let faulty = self.faulty_percent_max.or_else(|| measured.faulty_percent.and(Some(0.0)));
        let most = [
            ("failed_percent_max", self.failed_percent_max.or(Some(0.0)), measured.failed_percent),
            ("faulty_percent_max", faulty, measured.faulty_percent),
            ("setup_p95_ms_max", self.setup_p95_ms_max, measured.setup_p95_ms),
            ("mouth_to_ear_p95_ms_max", self.mouth_to_ear_p95_ms_max, measured.mouth_to_ear_p95_ms),
            ("digit_way_p95_ms_max", self.digit_way_p95_ms_max, measured.digit_way_p95_ms),
            (
                "digit_round_trip_p95_ms_max",
                self.digit_round_trip_p95_ms_max,
                measured.digit_round_trip_p95_ms,
            ),
            ("loss_percent_max", self.loss_percent_max, measured.loss_percent),
        ];
        let least = [
            ("mos_p5_min", self.mos_p5_min, measured.mos_p5),
            ("opinion_p5_min", self.opinion_p5_min, measured.opinion_p5),
        ];
        let at_most = |measured: f64, limit: f64| measured <= limit;
        let at_least = |measured: f64, limit: f64| measured >= limit;
        let most = most.into_iter().filter_map(|it| judge(it, at_most));
        most.chain(least.into_iter().filter_map(|it| judge(it, at_least))).collect()
    }
}

/// `None` where nothing is asked for.
fn judge(
    (threshold, limit, measured): (&str, Option<f64>, Option<f64>),
    keeps: impl Fn(f64, f64) -> bool,
) -> Option<Judged> {
    let limit = limit?;
    let is_kept = measured.is_some_and(|measured| keeps(measured, limit));
    Some(Judged { threshold: threshold.to_owned(), limit, measured, is_kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(limits: Thresholds, measured: &Measured) -> Vec<Breach> {
        limits.judged(measured).into_iter().filter_map(Judged::breach).collect()
    }

    fn good() -> Measured {
        Measured { failed_percent: Some(0.0), faulty_percent: Some(0.0), ..Measured::default() }
    }

    #[test]
    fn what_could_not_be_judged_fails_where_it_was_asked_for_and_is_told_so() {
        let names = |limits: Thresholds, measured: Measured| {
            breaches(limits, &measured).iter().map(|it| (it.told(), it.measured_text(1))).collect::<Vec<_>>()
        };
        let nothing = "nothing to judge it by";
        let told = |key: &str| (format!("{key} ({nothing})"), nothing.to_owned());
        let by_default = names(Thresholds::default(), Measured::default());
        assert_eq!(by_default, [told("failed_percent_max")], "there was no call");
        let all_failed = Measured { failed_percent: Some(100.0), ..Measured::default() };
        let may_fail = Thresholds { failed_percent_max: Some(100.0), ..Thresholds::default() };
        assert!(names(may_fail, all_failed).is_empty());
        let asked = Thresholds { faulty_percent_max: Some(5.0), loss_percent_max: Some(1.0), ..may_fail };
        assert_eq!(names(asked, all_failed), [told("faulty_percent_max"), told("loss_percent_max")]);
        let spoke = Thresholds { opinion_p5_min: Some(3.0), ..Thresholds::default() };
        assert_eq!(names(spoke, good()), [told("opinion_p5_min")]);
        let pressed = Thresholds { digit_round_trip_p95_ms_max: Some(100.0), ..Thresholds::default() };
        assert_eq!(names(pressed, good()), [told("digit_round_trip_p95_ms_max")]);
        let came = Measured { digit_way_p95_ms: Some(200.0), digit_round_trip_p95_ms: Some(99.0), ..good() };
        assert!(names(pressed, came).is_empty());
        let limits = Thresholds { digit_way_p95_ms_max: Some(150.0), ..pressed };
        assert_eq!(names(limits, came), [("digit_way_p95_ms_max".to_owned(), "200.0".to_owned())]);
        let bad = Measured { opinion_p5: Some(2.94), ..good() };
        assert_eq!(names(spoke, bad), [("opinion_p5_min".to_owned(), "2.9".to_owned())]);
    }

    #[test]
    fn what_is_not_given_is_not_looked_at_and_nothing_may_fail_by_default() {
        let slow = Measured { setup_p95_ms: Some(9000.0), loss_percent: Some(50.0), ..good() };
        assert_eq!(breaches(Thresholds::default(), &slow), []);
        let failed = Measured { failed_percent: Some(1.0), faulty_percent: Some(2.0), ..good() };
        let breaches = breaches(Thresholds::default(), &failed);
        let names: Vec<_> = breaches.iter().map(|it| it.threshold.as_str()).collect();
        assert_eq!(names, ["failed_percent_max", "faulty_percent_max"]);
    }

    #[test]
    fn a_figure_on_the_limit_keeps_it_and_none_at_all_does_not() {
        let limits =
            Thresholds { setup_p95_ms_max: Some(100.0), mos_p5_min: Some(4.0), ..Thresholds::default() };
        let good = Measured { setup_p95_ms: Some(100.0), mos_p5: Some(4.0), ..good() };
        assert_eq!(breaches(limits, &good), []);
        assert_eq!(breaches(limits, &self::good()).len(), 2);
        let bad = Measured { mos_p5: Some(3.9), ..good };
        assert_eq!(breaches(limits, &bad)[0].measured, Some(3.9));
        let limits = Thresholds { opinion_p5_min: Some(3.0), ..Thresholds::default() };
        assert_eq!(breaches(limits, &Measured { opinion_p5: Some(3.0), ..good }), []);
    }
}
