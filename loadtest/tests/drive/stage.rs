//! Callers, a faulty gateway, a phone that answers: a run between them.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::report::Report;
use webtrunk_loadtest::scenario::Scenario;
use webtrunk_loadtest::verdict::FindingKind;

use crate::faulty::{Fault, FaultyGateway};

/// An address that is free at the moment.
pub(crate) fn free_address() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port")
}

/// Two phones that call by this server, and one that answers.
pub(crate) fn scenario(server: SocketAddr, phone: SocketAddr, traffic: &str) -> Scenario {
    parsed(&scenario_text(server, phone, traffic, ""))
}

fn parsed(text: &str) -> Scenario {
    Scenario::parse(Path::new("test.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

/// The same as a file has it, and what the callers' network does.
pub(crate) fn scenario_text(server: SocketAddr, phone: SocketAddr, traffic: &str, network: &str) -> String {
    format!(
        "[limits]\ncalls = 2\nseconds = 20\nsetup_seconds = 10\n[target]\nsip = \"{server}\"\n\
         [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 2\n\
         network = {{ {network} }}\n\
         [[agents]]\nname = \"phone\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{phone}\"\n\
         [[traffic]]\nfrom = \"callers\"\nto = \"phone\"\ndestination = \"7{{call}}\"\n{traffic}\n"
    )
}

/// Two calls at a time, of six seconds.
pub(crate) const TWO_CALLS: &str = "arrival = { constant = 10 }\nlength = { fixed = 6 }";

/// What comes of a scenario as a file has it.
pub(crate) async fn play(text: &str) -> Report {
    let scenario = parsed(text);
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    run("test.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await
}

pub(crate) async fn report_of(fault: Fault, traffic: &str) -> Report {
    report_over(fault, traffic, "").await
}

pub(crate) async fn report_over(fault: Fault, traffic: &str, network: &str) -> Report {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, fault).await;
    play(&scenario_text(gateway.address(), phone, traffic, network)).await
}

/// What was found in each call, whoever caused it: tests run on busy machines.
pub(crate) fn found(report: &Report) -> Vec<Vec<FindingKind>> {
    let kinds = report.calls.iter().map(|call| {
        let verdict = call.verdict.as_ref().unwrap_or_else(|| panic!("{call:?}"));
        let own = verdict.findings.iter().chain(&verdict.to_caller.findings);
        let all = own.chain(verdict.to_answerer.iter().flat_map(|it| &it.findings));
        let mut kinds: Vec<_> = all.map(|found| found.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    });
    kinds.collect()
}
