//! What is left to chance: when calls begin, how long they are, what is lost. It comes as the scenario says, and the same for
//! the same seed.

use std::path::Path;

use rand::SeedableRng;
use rand::rngs::StdRng;
use webtrunk_loadtest::scenario::{Arrivals, Scenario};

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::{TWO_CALLS, free_address, play, report_over, scenario_text};

/// Three kinds of calls at one time, each by a distribution of its own.
#[tokio::test(flavor = "multi_thread")]
async fn calls_begin_when_their_arrivals_say_and_are_as_long_as_was_drawn() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let first = "name = \"people\"\narrival = { poisson = 2 }\nlength = { uniform = { min = 1, max = 2 } }";
    let more = "[[traffic]]\nname = \"morning\"\nfrom = \"callers\"\nto = \"phone\"\ndestination = \"8{call}\"\n\
                arrival = { ramp = { from = 1, to = 3, seconds = 3 } }\nlength = { exponential = { mean = 1, max = 2 } }\n\
                [[traffic]]\nname = \"shifts\"\nfrom = \"callers\"\nto = \"phone\"\ndestination = \"9{call}\"\n\
                arrival = { steps = [{ rate = 1, seconds = 2 }, { rate = 3, seconds = 1 }] }\nlength = { fixed = 1 }";
    let text = scenario_text(gateway.address(), phone, &format!("{first}\n{more}"), "").replacen(
        "calls = 2\nseconds = 20",
        "calls = 100\nseconds = 4",
        1,
    );
    let scenario = Scenario::parse(Path::new("test.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let report = play(&text).await;
    assert_eq!(report.summary.failed, 0, "{:?}", report.summary.causes);
    for (index, traffic) in scenario.traffic.iter().enumerate() {
        let seed = scenario.seed + index as u64;
        let (mut arrivals, mut random) =
            (Arrivals::new(traffic.arrival.clone(), seed), StdRng::seed_from_u64(seed));
        let planned = std::iter::from_fn(|| arrivals.next_at()).take_while(|at| *at < scenario.time);
        let expected: Vec<_> =
            planned.map(|at| (at.as_secs_f64(), traffic.length.draw(&mut random).as_secs_f64())).collect();
        let mut own: Vec<_> = report.calls.iter().filter(|it| it.traffic == traffic.name).collect();
        own.sort_by(|one, other| one.began_s.total_cmp(&other.began_s));
        // The last may have come too late for the time in which calls begin.
        let all = expected.len();
        assert!(all >= 3 && (all - 1..=all).contains(&own.len()), "{}: {expected:?}", traffic.name);
        for (call, (began_s, length_s)) in own.into_iter().zip(expected) {
            // Machines that run tests are late.
            assert!((-0.05..1.0).contains(&(call.began_s - began_s)), "{began_s}: {call:?}");
            assert!((-0.05..1.0).contains(&(call.talked_s - length_s)), "{length_s}: {call:?}");
        }
    }
}

/// A packet waits for the one before it.
#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_held_back_in_their_order_come_unevenly_and_none_before_another() {
    let report = report_over(Fault::None, TWO_CALLS, "jitter_ms = 60").await;
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    for call in &report.calls {
        let answerer = call.verdict.as_ref().and_then(|it| it.to_answerer.as_ref()).expect("the phone");
        assert!(answerer.jitter_ms > 5.0 && answerer.received > 200, "{answerer:?}");
        assert_eq!((answerer.reordered, answerer.duplicates, answerer.dropped), (0, 0, 0), "{answerer:?}");
    }
}

/// Ten are too many to be concealed: each row is a hole of 200 ms.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_in_rows_is_as_much_as_the_scenario_says_and_makes_holes_as_long() {
    let report = report_over(Fault::None, TWO_CALLS, "loss_percent = 20, lost_in_a_row = 10").await;
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        let share = answerer.dropped as f64 / answerer.sent as f64;
        assert!((0.03..0.5).contains(&share) && verdict.to_caller.dropped == 0, "{verdict:?}");
        assert!((160.0..1200.0).contains(&answerer.longest_gap_ms), "{answerer:?}");
    }
}

/// By Gilbert and Elliott, and at who answers: each end of a call has a network of its own.
#[tokio::test(flavor = "multi_thread")]
async fn bad_times_at_who_answers_come_to_the_caller_alone_and_the_same_for_the_same_seed() {
    let mut dropped = Vec::new();
    for seed in [7, 7, 8] {
        let phone = free_address();
        let gateway = FaultyGateway::start(phone, Fault::None).await;
        let bind = format!("bind = \"{phone}\"");
        let network = "network = { bad_times = { begin_percent = 4, end_percent = 20, loss_percent = 60 } }";
        let text = scenario_text(gateway.address(), phone, TWO_CALLS, "").replacen(
            &bind,
            &format!("{bind}\n{network}"),
            1,
        );
        let report = play(&format!("seed = {seed}\n{text}")).await;
        assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
        let verdicts: Vec<_> =
            report.calls.iter().map(|call| call.verdict.as_ref().expect("it was up")).collect();
        for verdict in &verdicts {
            let answerer = verdict.to_answerer.as_ref().expect("the phone");
            assert!(verdict.to_caller.dropped > 3 && answerer.dropped == 0, "{verdict:?}");
        }
        dropped.push(verdicts.iter().map(|it| it.to_caller.dropped).collect::<Vec<_>>());
    }
    // The last packets of a call may be one or two more.
    let differ = |one: usize, other: usize| {
        let pairs = dropped[one].iter().zip(&dropped[other]);
        pairs.map(|(one, other)| one.abs_diff(*other)).max()
    };
    assert!(differ(0, 1).is_some_and(|it| it <= 3), "{dropped:?}");
    assert_ne!(dropped[0], dropped[2], "another seed");
}
