//! Several machines before a target that is a stranger: each agent's owner consents by itself.

use std::fs;

use nix::sys::signal::Signal;
use webtrunk_loadtest::report::{Ending, Report};

use crate::nats::NatsServer;
use crate::process::{PASSWORD, Program};
use crate::registrar::Registrar;

const CONSENT: &str = "--i-own-this-target";

/// One phone for each of two agents, which registers and calls once. What is sent to 0.0.0.0 comes to this machine, and yet that is
/// neither loopback nor private.
fn two_phones(target: &str) -> String {
    format!(
        "[limits]\ncalls = 2\nseconds = 10\nsetup_seconds = 10\n[target]\nsip = \"{target}\"\n\
         [[agents]]\nname = \"phones\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 2\nbind = \"127.0.0.1:0\"\n\
         register = true\naccounts = {{ list = [\n{{ user = \"first\", password = \"secret\" }},\n\
         {{ user = \"second\", password = \"secret\" }},\n] }}\n\
         [[traffic]]\nfrom = \"phones\"\ndestination = \"9196\"\n\
         arrival = {{ constant = 10 }}\nlength = {{ fixed = 1 }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_owner_does_not_consent_is_told_and_sends_nothing_until_he_does() {
    let Some(server) = NatsServer::start(&["--user", "lead", "--pass", PASSWORD]) else { return };
    let registrar = Registrar::start().await;
    let target = format!("0.0.0.0:{}", registrar.address().port());
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("far.toml"), two_phones(&target)).expect("the folder is ours");
    let start = |told: &str, arguments: &[&str]| Program::start(folder.path(), told, &server, arguments);
    let owner = start("a", &["agent", "--name", "a", CONSENT]);
    let mut other = start("b", &["agent", "--name", "b"]);
    owner.says("agent a is there").await;
    other.says("agent b is there").await;
    let lead = ["run", "far.toml", "--agents", "2", "--plain", "--report", "far"];

    let mut leader = start("leader", &lead);
    assert!(!leader.ended().await.success(), "whoever leads has to consent too");
    assert!(leader.told().contains(&target) && leader.told().contains(CONSENT), "{}", leader.told());
    assert!(!owner.told().contains("connects"), "nobody is asked then: {}", owner.told());

    let lead = [&lead[..], &[CONSENT]].concat();
    let mut leader = start("consenting", &lead);
    assert!(!leader.ended().await.success());
    let expected = format!(
        "agent b does not take part: {target} is neither on its machine nor in a private network; \
         if it is yours, start the agent with {CONSENT}"
    );
    assert!(leader.told().contains(&expected), "{}", leader.told());
    other.says("does not take part").await;
    assert!(!registrar.asked().contains_key("second"), "{:?}", registrar.asked());
    assert!(!folder.path().join("far").exists(), "there is no report of no run");

    other.signal(Signal::SIGTERM);
    assert!(other.ended().await.success(), "{}", other.told());
    let mut other = start("consenting-b", &["agent", "--name", "b", CONSENT]);
    other.says("agent b is there").await;
    let mut leader = start("leading", &lead);
    leader.ended().await;
    let text = fs::read_to_string(folder.path().join("far/report.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", leader.told()));
    let report: Report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.ending.clone(), report.calls.len()), (Ending::Completed, 2), "{}", report.sentence());
    assert!(report.summary.causes.keys().all(|it| it.contains("480")), "{:?}", report.summary.causes);
    other.signal(Signal::SIGTERM);
    assert!(other.ended().await.success(), "{}", other.told());
    assert_eq!(registrar.asked().get("second"), Some(&vec![3600, 0]), "{:?}", registrar.asked());
}
