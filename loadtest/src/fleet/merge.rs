//! The report of several load testers: of all calls, not of averages.

use std::collections::BTreeMap;
use std::time::Duration;

use super::member::Member;
use crate::report::{
    AgentsReport, CallReport, Ending, FORMAT, GeneratorReport, Moment, Report, Summary, breaches,
};
use crate::scenario::Thresholds;
use crate::verdict::Fitness;

/// What is known of a run beside what the agents told.
pub(super) struct Frame<'f> {
    pub(super) scenario: &'f str,
    /// In seconds since 1970.
    pub(super) began_at: u64,
    pub(super) ending: Ending,
    pub(super) thresholds: Thresholds,
    /// The watched process, each second.
    pub(super) target: &'f [Moment],
}

/// Longer no run is: a day of calls that begin, and the last of them.
const CURVE_MAX: Duration = Duration::from_secs(100_000);

pub(super) fn merge(frame: Frame<'_>, members: &[Member]) -> Report {
    let mut calls: Vec<_> = members.iter().flat_map(|it| it.rows.values().cloned()).collect();
    calls.sort_by_key(|call| call.call);
    note_loads(&mut calls);
    let summary = Summary::of(&calls);
    let accounts = || members.iter().filter_map(|it| it.account.as_ref());
    let agents = agents(members);
    let curve = curve(members, frame.target);
    let told_s = accounts().map(|it| it.took_s).chain(curve.last().map(|moment| moment.at_s));
    Report {
        format: FORMAT,
        scenario: frame.scenario.to_owned(),
        began_at: frame.began_at,
        took_s: told_s.fold(0.0, f64::max),
        ending: frame.ending,
        turned_away: accounts().map(|it| it.turned_away).sum(),
        breaches: breaches(&frame.thresholds, &summary, &agents),
        agents,
        summary,
        fitness: Fitness::merged(accounts().map(|it| &it.fitness)),
        thresholds: frame.thresholds,
        curve,
        generators: members.iter().map(generator).collect(),
        calls,
    }
}

fn generator(member: &Member) -> GeneratorReport {
    let account = member.account.as_ref();
    let is_good = |call: &&CallReport| call.causes() == ["ok"];
    GeneratorReport {
        name: member.name.clone(),
        calls: member.rows.len(),
        ok: member.rows.values().filter(is_good).count(),
        turned_away: account.map_or(0, |it| it.turned_away),
        fitness: account.map(|it| it.fitness.clone()),
        cpu_percent_max: member.curve.iter().map(|it| it.own_cpu_percent).fold(0.0, f64::max),
        clock_ahead_ms: member.clock.ahead_ms,
        round_trip_ms: member.clock.trip_ms,
        has_vanished: member.has_vanished,
    }
}

fn agents(members: &[Member]) -> BTreeMap<String, AgentsReport> {
    let mut all: BTreeMap<String, AgentsReport> = BTreeMap::new();
    for (name, agents) in members.iter().flat_map(|it| it.agents.iter().flatten()) {
        let sum = all.entry(name.clone()).or_default();
        sum.wished += agents.wished;
        sum.ready += agents.ready;
        for (why, count) in &agents.failures {
            *sum.failures.entry(why.clone()).or_default() += count;
        }
    }
    all
}

/// Each knew its own calls alone: says of each call how many of all were up when it was dialled.
fn note_loads(calls: &mut [CallReport]) {
    let mut changes = Vec::new();
    for call in calls.iter() {
        if let Some(setup_ms) = call.setup_ms {
            let answered_s = call.began_s + setup_ms / 1000.0;
            changes.extend([(answered_s, 1_isize), (answered_s + call.talked_s, -1)]);
        }
    }
    changes.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut in_time: Vec<_> = calls.iter_mut().collect();
    in_time.sort_by(|one, other| one.began_s.total_cmp(&other.began_s));
    let (mut changes, mut up) = (changes.into_iter().peekable(), 0);
    for call in in_time {
        while let Some((_, change)) = changes.next_if(|(at, _)| *at <= call.began_s) {
            up += change;
        }
        call.load = usize::try_from(up).unwrap_or_default();
    }
}

/// All began at one time, so that their seconds are the same. CPU is that of the load tester that has most to do.
fn curve(members: &[Member], target: &[Moment]) -> Vec<Moment> {
    let second = |moment: &Moment| moment.at_s.clamp(0.0, CURVE_MAX.as_secs_f64()).round() as usize;
    let last = members.iter().flat_map(|it| &it.curve).map(second).max().unwrap_or_default();
    let merged = |at: usize| {
        let mut merged = Moment { at_s: at as f64, ..Moment::default() };
        for member in members {
            let so_far = member.curve.partition_point(|moment| second(moment) <= at);
            let Some(newest) = so_far.checked_sub(1).map(|newest| &member.curve[newest]) else { continue };
            merged.begun += newest.begun;
            let goes_on = so_far < member.curve.len() || second(newest) == at;
            if goes_on {
                merged.up += newest.up;
                merged.own_cpu_percent = merged.own_cpu_percent.max(newest.own_cpu_percent);
            }
        }
        let so_far = target.partition_point(|moment| second(moment) <= at);
        if let Some(newest) = so_far.checked_sub(1).map(|newest| &target[newest]) {
            merged.target_cpu_percent = newest.target_cpu_percent;
            merged.target_rss_mib = newest.target_rss_mib;
        }
        merged
    };
    (1..=last).map(merged).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::fleet::member::Clock;
    use crate::fleet::words::{Account, Word};
    use crate::report::{Outcome, example};
    use crate::verdict::{CallVerdict, CutVerdict, DigitTrip, DirectionVerdict};

    fn member(name: &str) -> Member {
        Member::new(name.to_owned(), 1, Clock { ahead_ms: 3, trip_ms: 2 }, Instant::now())
    }

    fn call(number: usize, began_s: f64, setup_ms: f64) -> CallReport {
        let call = example::call(number, Outcome::Ended);
        CallReport { began_s, setup_ms: Some(setup_ms), talked_s: 5.0, load: 0, ..call }
    }

    fn frame(ending: Ending) -> Frame<'static> {
        let thresholds = Thresholds { setup_p95_ms_max: Some(100.0), ..Thresholds::default() };
        Frame { scenario: "s.toml", began_at: 1_790_000_000, ending, thresholds, target: &[] }
    }

    fn account(rows: usize, is_fit: bool) -> Account {
        Account {
            ending: Ending::Completed,
            agents: BTreeMap::new(),
            turned_away: 2,
            fitness: Fitness { packets: 100, is_fit, ..Fitness::default() },
            took_s: 9.0,
            rows,
        }
    }

    /// 90 quick calls by one, 10 slow ones by the other: a mean of their 95th percentiles would be 525 ms.
    #[test]
    fn distributions_are_of_all_calls() {
        let (mut quick, mut slow) = (member("a"), member("b"));
        for row in 0..90 {
            quick.note(Word::Call { row, call: Box::new(call(2 * row, row as f64, 50.0)) });
        }
        for row in 0..10 {
            slow.note(Word::Call { row, call: Box::new(call(2 * row + 1, row as f64, 1000.0)) });
        }
        quick.note(Word::Over(account(90, true)));
        slow.note(Word::Over(account(10, true)));
        let report = merge(frame(Ending::Completed), &[quick, slow]);
        let setup = report.summary.setup_ms.expect("all were answered");
        assert_eq!((setup.count, setup.p50, setup.p95), (100, 50.0, 1000.0));
        assert!(report.calls.windows(2).all(|pair| pair[0].call < pair[1].call));
        assert_eq!(report.breaches.len(), 1, "{:?}", report.breaches);
        assert_eq!((report.turned_away, report.fitness.packets, report.fitness.is_fit), (4, 200, true));
        let names: Vec<_> = report.generators.iter().map(|it| (it.name.as_str(), it.calls)).collect();
        assert_eq!(names, [("a", 90), ("b", 10)]);
    }

    #[test]
    fn websockets_that_were_cut_at_any_are_counted() {
        let (mut one, mut other) = (member("a"), member("b"));
        for (member, number, lived) in [(&mut one, 0, true), (&mut other, 1, false)] {
            let gap_to_caller_ms = 40.0 + 50.0 * number as f64;
            let (away_ms, gap_to_answerer_ms) = (lived.then_some(500.0), None);
            let cut = CutVerdict { by_answerer: false, lived, away_ms, gap_to_caller_ms, gap_to_answerer_ms };
            let verdict = CallVerdict { cuts: vec![cut], ..CallVerdict::default() };
            let row = CallReport { verdict: Some(verdict), ..call(number, 0.0, 50.0) };
            member.note(Word::Call { row: 0, call: Box::new(row) });
        }
        let summary = merge(frame(Ending::Completed), &[one, other]).summary;
        assert_eq!((summary.cuts, summary.cuts_lived), (2, 1));
        assert_eq!(summary.cut_gap_ms.map(|it| (it.count, it.max)), Some((2, 90.0)));
    }

    /// A mean of the round trips' 95th percentiles would be 275 ms.
    #[test]
    fn digits_are_timed_over_those_of_all() {
        let (mut quick, mut slow) = (member("a"), member("b"));
        for (member, first, rows, way_ms) in [(&mut quick, 0, 90, 20.0), (&mut slow, 1, 10, 200.0)] {
            for row in 0..rows {
                let trip = DigitTrip { digit: '5', way_ms: Some(way_ms), round_trip_ms: Some(way_ms * 2.5) };
                let to_answerer =
                    Some(DirectionVerdict { digit_trips: vec![trip], ..DirectionVerdict::default() });
                let verdict = Some(CallVerdict { to_answerer, ..CallVerdict::default() });
                let call = CallReport { verdict, ..call(2 * row + first, row as f64, 50.0) };
                member.note(Word::Call { row, call: Box::new(call) });
            }
        }
        let summary = merge(frame(Ending::Completed), &[quick, slow]).summary;
        let round_trip = summary.digit_round_trip_ms.expect("all were returned");
        assert_eq!((summary.digits, round_trip.count), (100, 100));
        assert_eq!((round_trip.p50, round_trip.p95, round_trip.max), (50.0, 500.0, 500.0));
        assert_eq!(summary.digit_way_ms.map(|it| it.p95), Some(200.0));
    }

    #[test]
    fn one_that_is_late_makes_the_run_unfit_and_one_that_vanished_keeps_its_calls() {
        let (mut here, mut gone) = (member("a"), member("b"));
        here.note(Word::Call { row: 0, call: Box::new(call(0, 0.0, 50.0)) });
        gone.note(Word::Call { row: 0, call: Box::new(call(1, 0.5, 50.0)) });
        here.note(Word::Over(account(1, false)));
        gone.has_vanished = true;
        let names = vec!["b".to_owned()];
        let report = merge(frame(Ending::AgentsVanished { names }), &[here, gone]);
        assert_eq!((report.summary.calls, report.fitness.is_fit, report.is_good()), (2, false, false));
        assert!(report.sentence().contains("agents vanished (b)"), "{}", report.sentence());
        let health: Vec<_> =
            report.generators.iter().map(|it| (it.fitness.is_some(), it.has_vanished)).collect();
        assert_eq!(health, [(true, false), (false, true)]);
    }

    #[test]
    fn the_load_of_a_call_is_that_of_all() {
        let mut calls = [call(0, 0.0, 100.0), call(1, 0.5, 100.0), call(2, 4.0, 100.0), call(3, 5.2, 100.0)];
        note_loads(&mut calls);
        assert_eq!(calls.map(|it| it.load), [0, 1, 2, 2], "the first ends at 5.1 s");
    }

    #[test]
    fn seconds_are_added_up_until_one_is_over() {
        let moment = |at_s: f64, up: usize, begun: usize, cpu: f64| Moment {
            at_s,
            up,
            begun,
            own_cpu_percent: cpu,
            ..Moment::default()
        };
        let (mut long, mut short) = (member("a"), member("b"));
        long.curve = vec![moment(1.01, 1, 1, 20.0), moment(2.02, 2, 3, 30.0), moment(3.0, 1, 3, 10.0)];
        short.curve = vec![moment(0.99, 5, 5, 60.0), moment(2.0, 4, 6, 10.0)];
        let target = [Moment { at_s: 2.1, target_cpu_percent: Some(44.0), ..Moment::default() }];
        let curve = curve(&[long, short], &target);
        let seen: Vec<_> = curve.iter().map(|it| (it.at_s, it.up, it.begun, it.own_cpu_percent)).collect();
        assert_eq!(seen, [(1.0, 6, 6, 60.0), (2.0, 6, 9, 30.0), (3.0, 1, 9, 10.0)]);
        assert_eq!(
            curve.iter().map(|it| it.target_cpu_percent).collect::<Vec<_>>(),
            [None, Some(44.0), Some(44.0)]
        );
    }

    #[test]
    fn agents_that_are_missing_anywhere_are_missing() {
        let of = |wished: usize, ready: usize| {
            let failures: BTreeMap<_, _> =
                (ready < wished).then(|| ("busy".to_owned(), wished - ready)).into_iter().collect();
            BTreeMap::from([("callers".to_owned(), AgentsReport { wished, ready, failures })])
        };
        let (mut one, mut other) = (member("a"), member("b"));
        one.note(Word::Ready { agents: of(5, 5) });
        other.note(Word::Ready { agents: of(5, 3) });
        let report = merge(frame(Ending::Completed), &[one, other]);
        let callers = &report.agents["callers"];
        assert_eq!((callers.wished, callers.ready, callers.failures["busy"]), (10, 8, 2));
        assert!(
            report.breaches.iter().any(|it| it.threshold == "agents.callers" && it.measured == Some(8.0))
        );
    }
}
