//! Phones that are registering when nobody wants them any more: a registrar that is slow is left none of them.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::process::Command;
use webtrunk_loadtest::report::{Ending, Report};

use crate::nats::NatsServer;
use crate::process::{PASSWORD, Program};
use crate::program::signal;
use crate::registrar::Registrar;

/// At twenty at a time they take twenty seconds to register.
const PHONES: usize = 400;
/// How long the registrar takes for each answer.
const DELAY: Duration = Duration::from_secs(1);
/// More than twenty: the first have registered, and the next are waiting for their answers.
const SOME: usize = 25;
/// What is sent again and what a machine that is busy makes late included.
const LEAVE_MAX: Duration = Duration::from_secs(90);

fn write_scenario(folder: &Path, registrar: &Registrar) {
    let scenario = format!(
        "[limits]\ncalls = 2\nseconds = 10\nsetup_seconds = 10\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"phones\"\nkind = \"phone\"\nrole = \"caller\"\ncount = {PHONES}\n\
         accounts = {{ user = \"phone{{n}}\", password = \"secret\" }}\nregister = true\n\
         [[traffic]]\nfrom = \"phones\"\ndestination = \"9196\"\n\
         arrival = {{ constant = 2 }}\nlength = {{ fixed = 1 }}\n",
        registrar.address(),
    );
    fs::write(folder.join("scenario.toml"), scenario).expect("the folder is ours");
}

async fn once_some_registered(registrar: &Registrar) {
    let deadline = Instant::now() + LEAVE_MAX;
    while registrar.asked().len() < SOME {
        assert!(Instant::now() < deadline, "{:?}", registrar.asked());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Each that registered for an hour does so no more, and the rest never did.
fn assert_all_left(registrar: &Registrar) {
    let asked = registrar.asked();
    assert!((SOME..PHONES / 2).contains(&asked.len()), "they went on to register: {asked:?}");
    assert!(asked.values().all(|it| *it == [3600, 0]), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_while_phones_register_has_no_more_do_so_and_those_deregister() {
    let folder = tempfile::tempdir().expect("a folder");
    let registrar = Registrar::start_slow(DELAY).await;
    write_scenario(folder.path(), &registrar);
    let mut program = Command::new(env!("CARGO_BIN_EXE_webtrunk-loadtest"))
        .args(["run", "--plain"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it is built");
    once_some_registered(&registrar).await;
    signal(&program, Signal::SIGINT);
    let ended = tokio::time::timeout(LEAVE_MAX, program.wait()).await;
    assert!(!ended.expect("it ends").expect("it is ours").success());
    let text = fs::read_to_string(folder.path().join("report/report.json")).expect("it was written");
    let report: Report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&report.ending, report.calls.len()), (&Ending::BrokenOff, 0), "{}", report.sentence());
    assert_eq!(report.agents["phones"].wished, PHONES);
    assert!(report.agents["phones"].ready < PHONES / 2, "{:?}", report.agents);
    assert_all_left(&registrar);
}

/// A bus, an agent on it, and a leader for whom that is registering its phones.
struct Stage {
    folder: tempfile::TempDir,
    registrar: Registrar,
    agent: Program,
    leader: Program,
    _server: NatsServer,
}

impl Stage {
    /// `None` where there is no NATS server.
    async fn open() -> Option<Self> {
        let server = NatsServer::start(&["--user", "lead", "--pass", PASSWORD])?;
        let registrar = Registrar::start_slow(DELAY).await;
        let folder = tempfile::tempdir().expect("a folder");
        write_scenario(folder.path(), &registrar);
        let agent = Program::start(folder.path(), "a", &server, &["agent", "--name", "a"]);
        agent.says("agent a is there").await;
        let lead = ["run", "scenario.toml", "--agents", "1", "--plain"];
        let leader = Program::start(folder.path(), "leader", &server, &lead);
        once_some_registered(&registrar).await;
        Some(Self { folder, registrar, agent, leader, _server: server })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_dismissed_while_its_phones_register_has_them_deregister_and_waits_for_the_next() {
    let Some(mut stage) = Stage::open().await else { return };
    stage.leader.signal(Signal::SIGINT);
    assert!(!stage.leader.ended().await.success(), "{}", stage.leader.told());
    let has_left = || stage.registrar.asked().values().all(|it| it.last() == Some(&0));
    let deadline = Instant::now() + LEAVE_MAX;
    while !has_left() {
        assert!(Instant::now() < deadline, "{:?}", stage.registrar.asked());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_all_left(&stage.registrar);
    assert!(stage.agent.child.try_wait().expect("it is ours").is_none(), "it waits for the next");
    stage.agent.signal(Signal::SIGTERM);
    assert!(stage.agent.ended().await.success(), "{}", stage.agent.told());
    assert_all_left(&stage.registrar);
    assert!(!stage.folder.path().join("report").exists(), "there is no report of no run");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_ended_while_its_phones_register_has_them_deregister_first() {
    let Some(mut stage) = Stage::open().await else { return };
    stage.agent.signal(Signal::SIGTERM);
    assert!(stage.agent.ended().await.success(), "{}", stage.agent.told());
    assert_all_left(&stage.registrar);
    assert!(!stage.leader.ended().await.success());
    assert!(stage.leader.told().contains("it was ended by hand"), "{}", stage.leader.told());
}
