//! How runs end: by their bounds, by hand, by a target that is gone.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run, run_telling};
use webtrunk_loadtest::report::{CallReport, Ending, Outcome};
use webtrunk_loadtest::scenario::Arrival;
use webtrunk_loadtest::verdict::FindingKind;

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::{found, free_address, scenario};

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_by_hand_all_calls_are_ended_and_the_report_is_there() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 10 }\nlength = { fixed = 60 }";
    let scenario = scenario(gateway.address(), phone, traffic);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let stopper = watch::Sender::new(Stop::Going);
    let hand = stopper.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(4)).await;
        hand.send_replace(Stop::BrokenOff);
    });
    let began_at = Instant::now();
    let report = run("test.toml", scenario, crowd, stopper, None, |_| ()).await;
    assert!(began_at.elapsed() < Duration::from_secs(30), "{:?}", began_at.elapsed());
    assert_eq!(report.ending, Ending::BrokenOff);
    assert_eq!(report.calls.len(), 2);
    for call in &report.calls {
        assert!(call.is_ended() && call.talked_s < 10.0 && call.verdict.is_some(), "{call:?}");
    }
    assert!(!report.is_good() && report.sentence().contains("broken off"), "{}", report.sentence());
}

/// The music is for most of the call the hum that another one would have.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_hears_that_is_broken_off_on_hold_is_no_other_calls_audio() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::PlaysToneOnHold).await;
    let traffic = "arrival = { constant = 10 }\nlength = { fixed = 60 }\n\
                   steps = [{ after = 1.0, hold = 50.0, by = \"answerer\" }]";
    let scenario = scenario(gateway.address(), phone, traffic);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let stopper = watch::Sender::new(Stop::Going);
    let hand = stopper.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(7)).await;
        hand.send_replace(Stop::BrokenOff);
    });
    let report = run("test.toml", scenario, crowd, stopper, None, |_| ()).await;
    assert_eq!((report.ending.clone(), report.calls.len()), (Ending::BrokenOff, 2));
    let strange = [FindingKind::Swapped, FindingKind::OtherSound, FindingKind::Silent];
    for kinds in found(&report) {
        assert!(!kinds.iter().any(|kind| strange.contains(kind)), "{kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_gone_ends_the_run_with_a_clear_word() {
    let (nobody, phone) = (free_address(), free_address());
    let traffic = "arrival = { closed = 2 }\nlength = { fixed = 5 }";
    let mut scenario = scenario(nobody, phone, traffic);
    (scenario.calls, scenario.setup) = (100, Duration::from_millis(300));
    scenario.time = Duration::from_secs(3600);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert!(matches!(report.ending, Ending::TargetVanished { .. }), "{:?}", report.ending);
    assert!(report.calls.len() < 10, "{}", report.calls.len());
    assert!(matches!(report.calls[0].outcome, Outcome::Failed { is_unheard: true, .. }));
    assert!(report.sentence().contains("the target vanished"), "{}", report.sentence());
}

/// A ramp that ends with nobody, which no file may say, has no time for the third call.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_tester_that_breaks_ends_its_calls_and_says_so() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 1 }\nlength = { fixed = 60 }";
    let mut scenario = scenario(gateway.address(), phone, traffic);
    scenario.traffic[0].arrival = Arrival::Ramp { from: 0.5, to: 0.0, seconds: 8.0 };
    scenario.calls = 100;
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    let Ending::Broken { why } = &report.ending else { panic!("{}", report.sentence()) };
    let told = format!("the load tester itself broke ({why}), which is a fault of its own");
    assert!(why.contains("Duration") && report.sentence().contains(&told), "{}", report.sentence());
    assert!(!report.is_good());
    assert_eq!(report.calls.len(), 2, "{:?}", report.summary);
    let first = &report.calls[0];
    assert!(first.is_ended() && first.talked_s < 50.0 && first.verdict.is_some(), "{first:?}");
}

fn break_at(_call: &CallReport) {
    panic!("nobody listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_whoever_is_told_of_calls_breaks_they_are_reported_and_the_run_says_so() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 1 }\nlength = { fixed = 1.5 }";
    let mut scenario = scenario(gateway.address(), phone, traffic);
    scenario.calls = 100;
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let stopper = watch::Sender::new(Stop::Going);
    let report = run_telling("test.toml", scenario, crowd, stopper, None, |_| (), break_at).await;
    assert_eq!(report.ending, Ending::Broken { why: "nobody listens".to_owned() });
    assert!(!report.is_good() && report.sentence().contains("nobody listens"), "{}", report.sentence());
    let numbers: Vec<_> = report.calls.iter().map(|it| it.call).collect();
    assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "each that began");
    assert!((1..10).contains(&numbers.len()), "no more begin: {numbers:?}");
    let first = &report.calls[0];
    assert!(first.is_ended() && first.verdict.is_some(), "{first:?}");
}

/// It takes calls for three seconds. What is up then is never confirmed to be over, which takes its time (RFC 3261, timer F).
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_goes_while_calls_are_up_ends_the_run_too() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::Vanishes).await;
    let traffic = "arrival = { constant = 4 }\nlength = { fixed = 1 }";
    let mut scenario = scenario(gateway.address(), phone, traffic);
    (scenario.calls, scenario.setup) = (1000, Duration::from_millis(500));
    scenario.time = Duration::from_secs(3600);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let began_at = Instant::now();
    let report = run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert!(began_at.elapsed() < Duration::from_secs(120), "{:?}", began_at.elapsed());
    assert!(matches!(report.ending, Ending::TargetVanished { .. }), "{:?}", report.ending);
    assert!(report.sentence().contains("the target vanished"), "{}", report.sentence());
    assert!(report.calls.iter().any(|it| it.is_ended()), "before it went: {:?}", report.summary);
    assert!(report.summary.failed >= 5 && report.calls.len() < 60, "{:?}", report.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_begin_than_the_time_lets() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 5 }\nlength = { fixed = 1 }";
    let mut scenario = scenario(gateway.address(), phone, traffic);
    (scenario.calls, scenario.time) = (1000, Duration::from_secs(1));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert!((1..=5).contains(&report.calls.len()), "{:?}", report.summary);
    assert_eq!(report.ending, Ending::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_calls_begin_than_the_bounds_let() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 20 }\nlength = { fixed = 2 }";
    let mut scenario = scenario(gateway.address(), phone, traffic);
    (scenario.calls, scenario.at_once) = (10, 3);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.calls.len(), report.turned_away), (3, 7), "{:?}", report.summary);
    assert_eq!(report.ending, Ending::Completed);
}
