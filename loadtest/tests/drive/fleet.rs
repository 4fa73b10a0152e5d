//! One scenario, played by two agents that a third process leads.

use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use webtrunk_loadtest::capacity::{CapacityReport, Held};
use webtrunk_loadtest::report::{Ending, Report};

use crate::faulty::{Fault, FaultyGateway};
use crate::nats::NatsServer;
use crate::process::{PASSWORD, Program};
use crate::stage::{found, free_address};

/// A gateway with a phone for each agent, a bus, and two agents on it.
struct Stage {
    folder: TempDir,
    server: NatsServer,
    gateway: FaultyGateway,
    first_phone: SocketAddr,
    agents: [Program; 2],
}

impl Stage {
    /// `None` where there is no NATS server.
    async fn open() -> Option<Self> {
        Self::open_before(Fault::None).await
    }

    /// The same before a gateway with this fault.
    async fn open_before(fault: Fault) -> Option<Self> {
        let server = NatsServer::start(&["--user", "lead", "--pass", PASSWORD])?;
        let first_phone = first_of_two_addresses();
        let second_phone = SocketAddr::new(first_phone.ip(), first_phone.port() + 1);
        let gateway = FaultyGateway::start_among(vec![first_phone, second_phone], fault).await;
        let folder = tempfile::tempdir().expect("a folder");
        let agents =
            ["a", "b"].map(|name| Program::start(folder.path(), name, &server, &["agent", "--name", name]));
        Some(Self { folder, server, gateway, first_phone, agents })
    }

    /// Begins to lead a scenario; its report will be in the folder of this name.
    fn lead(&self, name: &str, calls: usize, traffic: &str) -> Program {
        let file = self.write(name, calls, traffic);
        let arguments = ["run", &file, "--agents", "2", "--report", name, "--plain"];
        Program::start(self.folder.path(), &format!("leader-{name}"), &self.server, &arguments)
    }

    /// Writes a scenario; its file.
    fn write(&self, name: &str, calls: usize, traffic: &str) -> String {
        let scenario = format!(
            "[limits]\ncalls = {calls}\nseconds = 20\nsetup_seconds = 10\n[target]\nsip = \"{}\"\n\
             [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\ncount = 2\n\
             [[agents]]\nname = \"phones\"\nkind = \"phone\"\nrole = \"answerer\"\ncount = 2\nbind = \"{}\"\n\
             [[traffic]]\nfrom = \"callers\"\nto = \"phones\"\ndestination = \"7{{agent}}{{call}}\"\n{traffic}\n",
            self.gateway.address(),
            self.first_phone,
        );
        let file = format!("{name}.toml");
        fs::write(self.folder.path().join(&file), scenario).expect("the folder is ours");
        file
    }

    fn report(&self, name: &str) -> Report {
        let file = self.folder.path().join(name).join("report.json");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// An address that is free at the moment, and so is the port behind it.
fn first_of_two_addresses() -> SocketAddr {
    loop {
        let first = free_address();
        let behind = first.port().checked_add(1).map(|port| SocketAddr::new(first.ip(), port));
        if behind.is_some_and(|behind| UdpSocket::bind(behind).is_ok()) {
            return first;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_play_their_shares_and_the_report_is_of_all() {
    let Some(stage) = Stage::open().await else { return };
    let mut leader = stage.lead("four", 4, "arrival = { constant = 2 }\nlength = { fixed = 4 }");
    let status = leader.ended().await;
    let report = stage.report("four");
    assert!(matches!(status.code(), Some(0 | 1 | 3)), "{status}: {}", leader.told());
    assert_eq!(
        (report.ending.clone(), report.summary.failed),
        (Ending::Completed, 0),
        "{}",
        report.sentence()
    );
    let dialled: Vec<_> = report.calls.iter().map(|it| (it.call, it.destination.as_str())).collect();
    assert_eq!(dialled, [(0, "70000000"), (1, "70100001"), (2, "70000002"), (3, "70100003")]);
    // Nobody hears another's calls; what a busy machine adds is told apart.
    assert!(found(&report).iter().flatten().all(|it| it.may_be_own()), "{:?}", found(&report));
    assert_eq!(report.summary.setup_ms.map(|it| it.count), Some(4), "those of both");
    let shares: Vec<_> = report.generators.iter().map(|it| (it.name.as_str(), it.calls)).collect();
    assert_eq!(shares, [("a", 2), ("b", 2)]);
    let packets = report.generators.iter().filter_map(|it| it.fitness.as_ref()).map(|it| it.packets);
    assert_eq!((packets.clone().count(), packets.sum::<usize>()), (2, report.fitness.packets));
    assert_eq!((report.agents["callers"].ready, report.agents["phones"].ready), (2, 2));
    assert!(report.curve.iter().any(|it| it.begun == 4), "{:?}", report.curve);
    if report.fitness.is_fit {
        let late = report.calls.iter().map(|it| it.began_s - it.call as f64 * 0.5);
        assert!(late.clone().all(|it| (-0.05..0.45).contains(&it)), "{:?}", late.collect::<Vec<_>>());
    }
    // The same agents, with the same ports, once more.
    let mut again = stage.lead("again", 2, "arrival = { constant = 10 }\nlength = { fixed = 2 }");
    again.ended().await;
    let report = stage.report("again");
    assert_eq!((report.calls.len(), report.summary.failed), (2, 0), "{}", report.sentence());
    for program in stage.agents.iter().chain([&leader, &again]) {
        assert!(!program.told().contains(PASSWORD), "{}", program.told());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_the_leader_ends_the_calls_of_all_agents() {
    let Some(mut stage) = Stage::open().await else { return };
    let mut leader = stage.lead("broken", 2, "arrival = { constant = 10 }\nlength = { fixed = 60 }");
    leader.says("2 up").await;
    leader.signal(Signal::SIGINT);
    leader.ended().await;
    let report = stage.report("broken");
    assert_eq!((report.ending.clone(), report.calls.len()), (Ending::BrokenOff, 2), "{}", report.sentence());
    for call in &report.calls {
        assert!(call.is_ended() && call.talked_s < 50.0 && call.verdict.is_some(), "{call:?}");
    }
    for agent in &mut stage.agents {
        assert!(agent.child.try_wait().expect("it is ours").is_none(), "it waits for the next");
        agent.signal(Signal::SIGTERM);
        assert!(agent.ended().await.success(), "{}", agent.told());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_ends_the_run_and_the_rest_is_reported() {
    let Some(mut stage) = Stage::open().await else { return };
    let mut leader = stage.lead("killed", 2, "arrival = { constant = 10 }\nlength = { fixed = 60 }");
    leader.says("2 up").await;
    stage.agents[1].child.kill().expect("it runs");
    let status = leader.ended().await;
    let report = stage.report("killed");
    assert_eq!(report.ending, Ending::AgentsVanished { names: vec!["b".to_owned()] });
    assert!(!status.success() && leader.told().contains("vanished: b"), "{}", leader.told());
    assert_eq!(report.calls.len(), 1, "{}", report.sentence());
    assert!(report.calls[0].is_ended() && report.calls[0].talked_s < 50.0, "{:?}", report.calls[0]);
    assert!(report.generators[1].has_vanished && !report.generators[0].has_vanished);
}

/// Three calls at a time have room: one and a half times the load of two.
#[tokio::test(flavor = "multi_thread")]
async fn two_agents_raise_the_load_until_the_gateway_has_no_room() {
    let Some(stage) = Stage::open_before(Fault::HasRoomForThree).await else { return };
    // A machine that runs tests is late; here refusals alone count.
    let traffic =
        "arrival = { closed = 2 }\nlength = { fixed = 1.5 }\n[thresholds]\nfaulty_percent_max = 100.0";
    let file = stage.write("knee", 6, traffic);
    let options = ["--agents", "2", "--most", "2", "--tries", "1", "--report", "knee.json"];
    let arguments: Vec<_> = ["capacity", &file].into_iter().chain(options).collect();
    let mut leader = Program::start(stage.folder.path(), "leader", &stage.server, &arguments);
    let status = leader.ended().await;
    let text = fs::read_to_string(stage.folder.path().join("knee.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", leader.told()));
    let report: CapacityReport = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let [first, ..] = &report.steps[..] else { panic!("none: {}", leader.told()) };
    assert_eq!((first.factor, first.summary.calls), (1.0, 6), "{}", leader.told());
    // A load tester that was late says nothing of the target: then the search ends below.
    if report.steps.iter().all(|step| step.held != Held::Unfit) {
        assert!(status.success() && report.steps.len() >= 3, "{}", leader.told());
        assert!(report.found.held.is_some_and(|it| (1.4..1.75).contains(&it)), "{:?}", report.found);
        let twice = report.steps.iter().find(|step| step.factor > 1.9).expect("four at a time were tried");
        assert!(twice.summary.causes.keys().any(|it| it.contains("503")), "{:?}", twice.summary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_too_small_is_told_and_nothing_is_dialled() {
    let Some(stage) = Stage::open().await else { return };
    let file = stage.write("small", 3, "arrival = { constant = 10 }\nlength = { fixed = 2 }");
    for (options, part) in [
        (vec!["--agents", "3"], "agents \"callers\": count: 2 is too few for 3 agents"),
        (vec!["--agents", "2", "--fleet", "nobody", "--agents-within", "2"], "0 of 2 agents are there"),
    ] {
        let mut arguments = vec!["run", &file, "--plain", "--report", "none"];
        arguments.extend(options);
        let mut leader = Program::start(stage.folder.path(), "small", &stage.server, &arguments);
        assert!(!leader.ended().await.success());
        assert!(leader.told().contains(part), "{}", leader.told());
    }
    assert!(!stage.folder.path().join("none").exists(), "there is no report of no run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_the_bus_does_not_carry_is_told_before_anybody_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("nats.conf");
    let lines = format!("max_payload: 2048\nauthorization {{ user: \"lead\", password: \"{PASSWORD}\" }}\n");
    fs::write(&config, lines).expect("the folder is ours");
    let Some(server) = NatsServer::start(&["--config", config.to_str().expect("plain")]) else { return };
    let scenario = format!(
        "[limits]\ncalls = 1\nseconds = 1\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"callers\"\nkind = \"phone\"\nrole = \"caller\"\n\
         [[traffic]]\nfrom = \"callers\"\ndestination = \"9196\"\n\
         arrival = {{ constant = 1 }}\nlength = {{ fixed = 1 }}\n",
        free_address(),
    );
    for (name, comment, part) in [
        ("long", "x".repeat(2048), "octets long as an order, and the bus carries 2048; name accounts"),
        ("short", "x".repeat(100), "0 of 1 agents are there"),
    ] {
        let file = format!("{name}.toml");
        fs::write(folder.path().join(&file), format!("# {comment}\n{scenario}")).expect("the folder is ours");
        let arguments =
            ["run", &file, "--agents", "1", "--agents-within", "1", "--plain", "--report", "none"];
        let mut leader = Program::start(folder.path(), name, &server, &arguments);
        assert!(!leader.ended().await.success());
        assert!(leader.told().contains(part), "{}", leader.told());
    }
}

/// Whatever is asked to be logged.
#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_the_password_of_the_bus() {
    let Some(server) = NatsServer::start(&["--user", "lead", "--pass", PASSWORD]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("told.txt");
    let child = Command::new(env!("CARGO_BIN_EXE_webtrunk-loadtest"))
        .args(["agent", "--name", "a", "--nats", &server.url("nats", &format!("lead:{PASSWORD}@"))])
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&told).expect("the folder is ours"))
        .spawn()
        .expect("it is built");
    let mut agent = Program { child, told };
    agent.says("agent a is there").await;
    agent.signal(Signal::SIGTERM);
    assert!(agent.ended().await.success());
    let told = agent.told();
    assert!(told.contains("async_nats") && !told.contains(PASSWORD), "{told}");
}
