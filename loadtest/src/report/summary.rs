//! The figures of all calls of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CallReport;
use crate::scenario::Measured;

/// The figures of all calls of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Calls that were dialled.
    pub calls: usize,
    /// Calls that were answered, ended as they were to, and with which nothing is wrong.
    pub ok: usize,
    /// Calls that were not answered, or broke.
    pub failed: usize,
    /// Calls that ended as they were to, and with which something is wrong.
    pub faulty: usize,
    /// Calls that were not answered yet when the run was broken off.
    pub broken_off: usize,
    /// What is wrong, by name, and with how many calls; failures by their causes.
    pub causes: BTreeMap<String, usize>,
    /// The codecs at the callers.
    pub codecs: BTreeMap<String, usize>,
    /// From INVITE to answer, in milliseconds.
    pub setup_ms: Option<Distribution>,
    /// From the answer to the first audio, in milliseconds, both directions.
    pub first_audio_ms: Option<Distribution>,
    /// From mouth to ear, in milliseconds, both directions.
    pub mouth_to_ear_ms: Option<Distribution>,
    /// Digits that were pressed and sent.
    #[serde(default)]
    pub digits: usize,
    /// From the first packet of a digit to the first of it at the other end, in milliseconds, both directions.
    pub digit_way_ms: Option<Distribution>,
    /// From the first packet of a digit to the first of it that came back, in milliseconds, where it was returned.
    pub digit_round_trip_ms: Option<Distribution>,
    /// Opinion scores by the E-model, both directions.
    pub mos: Option<Distribution>,
    /// Scores beside what was said, 1 to 4.2, both directions of the calls that speak.
    pub opinion: Option<Distribution>,
    /// The same by the program that `WEBTRUNK_SCORER` names.
    pub scored: Option<Distribution>,
    /// Interarrival jitter, in milliseconds.
    pub jitter_ms: Option<Distribution>,
    /// The longest hole in each direction about a WebSocket that was cut, in milliseconds.
    pub cut_gap_ms: Option<Distribution>,
    /// WebSockets that were cut in calls.
    pub cuts: usize,
    /// Those whose call lived.
    pub cuts_lived: usize,
    /// Packets that came.
    pub received: u64,
    /// Gaps in their sequence numbers.
    pub lost: u64,
    /// The same in percent.
    pub loss_percent: f64,
}

/// How a figure is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// How many there were.
    pub count: usize,
    /// The least.
    pub min: f64,
    /// Five in a hundred are below.
    pub p5: f64,
    /// Half are below.
    pub p50: f64,
    /// Five in a hundred are above.
    pub p95: f64,
    /// One in a hundred is above.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

impl Distribution {
    /// `None` where there is nothing; what is not finite is left out.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        // The nearest rank.
        let rank =
            |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self {
            count: sorted.len(),
            min: *sorted.first()?,
            p5: rank(5)?,
            p50: rank(50)?,
            p95: rank(95)?,
            p99: rank(99)?,
            max: *sorted.last()?,
        })
    }
}

impl Summary {
    /// Of these calls.
    #[must_use]
    pub fn of(calls: &[CallReport]) -> Self {
        let mut summary = Self { calls: calls.len(), ..Self::default() };
        for call in calls {
            let is_broken_off = call.outcome == super::Outcome::BrokenOff;
            summary.broken_off += usize::from(is_broken_off);
            summary.failed += usize::from(!call.is_ended() && !is_broken_off);
            summary.faulty += usize::from(call.is_faulty());
            for cause in call.causes().into_iter().filter(|cause| cause != "ok") {
                *summary.causes.entry(cause).or_default() += 1;
            }
            if let Some(codec) = &call.codec {
                *summary.codecs.entry(codec.clone()).or_default() += 1;
            }
        }
        summary.ok = summary.calls - summary.failed - summary.faulty - summary.broken_off;
        let directions = || calls.iter().flat_map(CallReport::directions);
        summary.setup_ms = Distribution::of(calls.iter().filter_map(|call| call.setup_ms));
        summary.first_audio_ms = Distribution::of(directions().filter_map(|it| it.first_audio_ms));
        summary.mouth_to_ear_ms = Distribution::of(directions().filter_map(|it| it.mouth_to_ear_ms));
        let trips = || directions().flat_map(|it| &it.digit_trips);
        summary.digits = trips().count();
        summary.digit_way_ms = Distribution::of(trips().filter_map(|it| it.way_ms));
        summary.digit_round_trip_ms = Distribution::of(trips().filter_map(|it| it.round_trip_ms));
        summary.mos = Distribution::of(directions().filter_map(|it| it.mos));
        summary.opinion = Distribution::of(directions().filter_map(|it| it.opinion));
        summary.scored = Distribution::of(directions().filter_map(|it| it.scored));
        summary.jitter_ms =
            Distribution::of(directions().filter(|it| it.received > 1).map(|it| it.jitter_ms));
        let cuts = || calls.iter().filter_map(|call| call.verdict.as_ref()).flat_map(|it| &it.cuts);
        let gaps = cuts().flat_map(|cut| std::iter::once(cut.gap_to_caller_ms).chain(cut.gap_to_answerer_ms));
        summary.cut_gap_ms = Distribution::of(gaps);
        summary.cuts = cuts().count();
        summary.cuts_lived = cuts().filter(|cut| cut.lived).count();
        summary.received = directions().map(|it| it.received).sum();
        summary.lost = directions().map(|it| it.lost).sum();
        summary.loss_percent = summary.lost as f64 * 100.0 / (summary.lost + summary.received).max(1) as f64;
        summary
    }

    /// How long digits took, in a sentence; `None` where none were sent.
    #[must_use]
    pub fn digits_told(&self) -> Option<String> {
        let took = |what: &str, times: Option<Distribution>| {
            let Some(Distribution { count, p50, p95, max, .. }) = times else { return format!("0 {what}") };
            format!(
                "{count} {what}, after {p50:.1} ms (half of them), {p95:.1} ms (95 of 100), {max:.1} ms (the last)"
            )
        };
        let (way, back) = (took("came", self.digit_way_ms), took("came back", self.digit_round_trip_ms));
        (self.digits > 0).then(|| format!("{} digits were pressed; {way}; {back}", self.digits))
    }

    /// In the words of thresholds.
    #[must_use]
    pub fn measured(&self) -> Measured {
        let percent = |part: usize, of: usize| (of > 0).then(|| part as f64 * 100.0 / of as f64);
        Measured {
            failed_percent: percent(self.failed, self.calls - self.broken_off),
            faulty_percent: percent(self.faulty, self.ok + self.faulty),
            setup_p95_ms: self.setup_ms.map(|it| it.p95),
            mouth_to_ear_p95_ms: self.mouth_to_ear_ms.map(|it| it.p95),
            digit_way_p95_ms: self.digit_way_ms.map(|it| it.p95),
            digit_round_trip_p95_ms: self.digit_round_trip_ms.map(|it| it.p95),
            mos_p5: self.mos.map(|it| it.p5),
            opinion_p5: self.opinion.map(|it| it.p5),
            loss_percent: (self.lost + self.received > 0).then_some(self.loss_percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;
    use crate::verdict::{CallVerdict, CutVerdict, DigitTrip, DirectionVerdict};

    fn call(outcome: Outcome) -> CallReport {
        CallReport {
            call: 0,
            traffic: "it".to_owned(),
            destination: "1".to_owned(),
            began_s: 0.0,
            load: 0,
            setup_ms: Some(40.0),
            talked_s: 1.0,
            codec: None,
            srtp: None,
            outcome,
            verdict: None,
        }
    }

    #[test]
    fn each_call_is_counted_once() {
        let failed = Outcome::Failed { cause: "refused: 503".to_owned(), is_unheard: false };
        let calls = [call(Outcome::Ended), call(Outcome::Ended), call(failed), call(Outcome::BrokenOff)];
        let summary = Summary::of(&calls);
        assert_eq!((summary.calls, summary.ok, summary.failed), (4, 2, 1));
        assert_eq!((summary.faulty, summary.broken_off), (0, 1));
        assert_eq!(summary.causes.get("refused: 503"), Some(&1));
        // Of three that were not broken off.
        let failed = summary.measured().failed_percent;
        assert!(failed.is_some_and(|it| (it - 100.0 / 3.0).abs() < 1e-9), "{failed:?}");
        let nothing = Summary::of(&[call(Outcome::BrokenOff)]).measured();
        assert_eq!(nothing, Measured { setup_p95_ms: Some(40.0), ..Measured::default() });
    }

    #[test]
    fn websockets_that_were_cut_are_counted_by_whether_their_calls_lived() {
        let cut = |lived, gap_to_caller_ms| CutVerdict {
            by_answerer: false,
            lived,
            away_ms: None,
            gap_to_caller_ms,
            gap_to_answerer_ms: Some(20.0),
        };
        let verdict = CallVerdict { cuts: vec![cut(true, 40.0), cut(false, 90.0)], ..CallVerdict::default() };
        let calls = [CallReport { verdict: Some(verdict), ..call(Outcome::Ended) }, call(Outcome::Ended)];
        let summary = Summary::of(&calls);
        assert_eq!((summary.cuts, summary.cuts_lived), (2, 1));
        assert_eq!(summary.cut_gap_ms.map(|it| (it.count, it.max)), Some((4, 90.0)));
    }

    #[test]
    fn digits_are_told_by_how_long_they_took_there_and_back() {
        assert_eq!(Summary::of(&[call(Outcome::Ended)]).digits_told(), None);
        let trip = |way_ms, round_trip_ms| DigitTrip { digit: '1', way_ms, round_trip_ms };
        let to =
            |digit_trips: Vec<DigitTrip>| DirectionVerdict { digit_trips, ..DirectionVerdict::default() };
        let there = to(vec![trip(Some(20.0), Some(45.0)), trip(Some(30.0), None), trip(None, None)]);
        let to_caller = to(vec![trip(Some(40.0), None)]);
        let verdict = CallVerdict { to_caller, to_answerer: Some(there), ..CallVerdict::default() };
        let calls = [CallReport { verdict: Some(verdict), ..call(Outcome::Ended) }, call(Outcome::Ended)];
        let summary = Summary::of(&calls);
        let told = "4 digits were pressed; 3 came, after 30.0 ms (half of them), 40.0 ms (95 of 100), \
                    40.0 ms (the last); 1 came back, after 45.0 ms (half of them), 45.0 ms (95 of 100), 45.0 ms (the last)";
        assert_eq!(summary.digits_told().as_deref(), Some(told));
        let measured = summary.measured();
        assert_eq!((measured.digit_way_p95_ms, measured.digit_round_trip_p95_ms), (Some(40.0), Some(45.0)));
    }

    #[test]
    fn ranks_are_the_nearest() {
        let found = Distribution::of((1..=200).map(f64::from)).expect("some");
        let expected =
            Distribution { count: 200, min: 1.0, p5: 10.0, p50: 100.0, p95: 190.0, p99: 198.0, max: 200.0 };
        assert_eq!(found, expected);
        assert_eq!(Distribution::of([f64::NAN]), None);
    }
}
