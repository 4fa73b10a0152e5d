//! Scenarios of the load tester at the gateway, every call listened to.

mod answering;
mod bounds;
mod codecs;
mod cuts;
mod doors;
mod echoes;
mod example;
mod imported;
mod pages;
mod proofs;
mod steps;

use std::path::Path;

use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::report::{Ending, Report};
use webtrunk_loadtest::scenario::Scenario;

use crate::support::gateway::{Gateway, password};

/// A machine that runs tests is late; what is told here does not depend on it.
const PATIENT: &str = "[verdict]\nfirst_audio_ms = 20000\nclipped_ms = 20000\ngap_ms = 2000\nmouth_to_ear_ms = 2000\n\
                       loss_percent = 10\njitter_ms = 500\n";

const TWO_CALLS: &str = "arrival = { steps = [{ rate = 1, seconds = 2 }] }\nlength = { fixed = 5 }";

const TO_BOB: &str = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";

/// The account of a user.
fn account(user: &str) -> String {
    format!("accounts = {{ user = \"{user}\", password = \"{}\" }}", password(user))
}

/// A scenario whose media are at the gateway's host.
fn parse(gateway: &Gateway, text: &str) -> Scenario {
    let mut scenario = Scenario::parse(Path::new("it.toml"), text).unwrap_or_else(|error| panic!("{error}"));
    for population in &mut scenario.populations {
        population.media_address = Some(gateway.sip().ip());
    }
    scenario
}

async fn play(gateway: &Gateway, text: &str) -> Report {
    let scenario = parse(gateway, text);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("all of them");
    run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await
}

/// Fails unless there were so many calls, nothing is wrong with any, and both ends of each heard the other.
fn assert_all_are_heard(report: &Report, calls: usize) {
    assert_eq!((&report.ending, report.calls.len()), (&Ending::Completed, calls), "{}", report.sentence());
    assert_eq!(report.summary.ok, calls, "{:?}: {:#?}", report.summary.causes, report.calls);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("somebody answers");
        assert!(verdict.to_caller.is_heard && other.is_heard, "{call:?}");
    }
}
