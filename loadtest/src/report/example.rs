//! A report for tests: four calls, of which one failed and one is faulty.

use std::collections::BTreeMap;

use super::{CallReport, Ending, FORMAT, Moment, Outcome, Report, Summary, breaches};
use crate::scenario::Thresholds;
use crate::verdict::{CallVerdict, DigitTrip, DirectionVerdict, Finding, FindingKind, Fitness};

fn direction(mos: f64, delay_ms: f64) -> DirectionVerdict {
    DirectionVerdict {
        is_heard: true,
        received: 250,
        lost: 1,
        mos: Some(mos),
        mouth_to_ear_ms: Some(delay_ms),
        first_audio_ms: Some(12.0),
        ..DirectionVerdict::default()
    }
}

pub(crate) fn call(call: usize, outcome: Outcome) -> CallReport {
    let trip =
        |digit, way_ms| DigitTrip { digit, way_ms: Some(way_ms), round_trip_ms: Some(2.0 * way_ms + 7.0) };
    let trips = vec![trip('1', 22.0), trip('#', 22.0 + 2.0 * call as f64)];
    let verdict = CallVerdict {
        to_caller: direction(4.3 - call as f64 / 10.0, 40.0 + call as f64),
        to_answerer: Some(DirectionVerdict { digit_trips: trips, ..direction(4.2, 35.0) }),
        ..CallVerdict::default()
    };
    CallReport {
        call,
        traffic: "browsers to phone".to_owned(),
        destination: format!("7{call:05}"),
        began_s: call as f64,
        load: call,
        setup_ms: Some(40.0 + 10.0 * call as f64),
        talked_s: 5.0,
        codec: Some("opus".to_owned()),
        srtp: None,
        verdict: (outcome == Outcome::Ended).then_some(verdict),
        outcome,
    }
}

pub(crate) fn report() -> Report {
    let cause = "dial: refused with 503 <busy>".to_owned();
    let failed = Outcome::Failed { cause, is_unheard: false };
    let mut calls =
        vec![call(0, Outcome::Ended), call(1, Outcome::Ended), call(2, Outcome::Ended), call(3, failed)];
    let detail = "the caller hears nothing".to_owned();
    if let Some(verdict) = &mut calls[2].verdict {
        verdict.findings.push(Finding { kind: FindingKind::OneWay, detail, is_own: false });
    }
    let summary = Summary::of(&calls);
    let thresholds =
        Thresholds { faulty_percent_max: Some(50.0), setup_p95_ms_max: Some(65.0), ..Thresholds::default() };
    let moment = |at: usize| Moment { at_s: at as f64, up: at % 4, begun: at, ..Moment::default() };
    Report {
        format: FORMAT,
        scenario: "scenario.toml".to_owned(),
        began_at: 1_790_000_000,
        took_s: 9.5,
        ending: Ending::Completed,
        agents: [].into(),
        turned_away: 0,
        breaches: breaches(&thresholds, &summary, &BTreeMap::new()),
        summary,
        fitness: Fitness { packets: 1000, is_fit: true, ..Fitness::default() },
        thresholds,
        curve: (0..9).map(moment).collect(),
        generators: Vec::new(),
        calls,
    }
}
