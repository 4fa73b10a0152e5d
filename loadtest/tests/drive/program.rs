//! The program by its command line: what it writes, what it refuses, and how it ends.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use webtrunk_loadtest::capacity::CapacityReport;
use webtrunk_loadtest::report::{Ending, Report};

use crate::faulty::{Fault, FaultyGateway};
use crate::registrar::Registrar;
use crate::stage::{TWO_CALLS, free_address, scenario_text};

const PROGRAM: &str = env!("CARGO_BIN_EXE_webtrunk-loadtest");

/// What came of these arguments, in this folder.
pub(crate) async fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).current_dir(folder).output().await.expect("it is built")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(folder: &Path) -> Report {
    let text = fs::read_to_string(folder.join("report/report.json")).expect("it was written");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn an_example_is_written_once_and_is_sound_as_soon_as_its_files_are_there() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(run(folder.path(), &["init"]).await.status.success());
    let again = run(folder.path(), &["init"]).await;
    assert!(!again.status.success() && said(&again).contains("name another file"), "{}", said(&again));
    let missing = run(folder.path(), &["check"]).await;
    assert!(!missing.status.success(), "{}", said(&missing));
    let text = fs::read_to_string(folder.path().join("scenario.toml")).expect("it was written");
    let line = text.lines().position(|line| line.contains("password_file")).expect("it has one") + 1;
    let told = said(&missing);
    assert!(told.contains(&format!("scenario.toml:{line}: ")) && told.contains("alice.txt"), "{told}");
    fs::write(folder.path().join("alice.txt"), "open sesame").expect("the folder is ours");
    let sound = run(folder.path(), &["check"]).await;
    let told = String::from_utf8_lossy(&sound.stdout).into_owned();
    assert!(sound.status.success() && told.contains("6 agents, at most 20 calls"), "{told}");
}

/// 3 where the load tester itself was late: machines that run tests are busy.
#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_says_whether_every_threshold_was_kept() {
    for fault in [Fault::None, Fault::DropsFivePercent] {
        let (phone, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
        let gateway = FaultyGateway::start(phone, fault).await;
        let text = scenario_text(gateway.address(), phone, TWO_CALLS, "");
        fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
        let output = run(folder.path(), &["run", "--plain"]).await;
        let report = report(folder.path());
        let expected = match &report {
            report if !report.fitness.is_fit => 3,
            report if report.is_good() => 0,
            _ => 1,
        };
        assert_eq!(output.status.code(), Some(expected), "{fault:?}: {}", report.sentence());
        assert!(String::from_utf8_lossy(&output.stdout).contains(&report.sentence()));
        let junit = fs::read_to_string(folder.path().join("report/junit.xml")).expect("it was written");
        if fault == Fault::DropsFivePercent {
            assert!(expected != 0 && report.summary.faulty > 0, "{}", report.sentence());
            assert_eq!(junit.contains("<failure"), report.fitness.is_fit, "{junit}");
        }
    }
}

/// A run of two calls of a minute, once both are up.
async fn with_both_up(folder: &Path) -> (FaultyGateway, Child, Lines<BufReader<ChildStderr>>) {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 10 }\nlength = { fixed = 60 }";
    let text = scenario_text(gateway.address(), phone, traffic, "");
    fs::write(folder.join("scenario.toml"), text).expect("the folder is ours");
    let (program, told) = once_it_says(folder, "2 up").await;
    (gateway, program, told)
}

/// A run of the scenario in this folder, once it has told this.
pub(crate) async fn once_it_says(folder: &Path, words: &str) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut program = Command::new(PROGRAM)
        .args(["run", "--plain"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it is built");
    let mut told = BufReader::new(program.stderr.take().expect("it is piped")).lines();
    while !told.next_line().await.expect("text").expect("it goes on").contains(words) {}
    (program, told)
}

pub(crate) fn signal(program: &Child, signal: Signal) {
    let pid = i32::try_from(program.id().expect("it runs")).expect("a pid");
    kill(Pid::from_raw(pid), signal).expect("it runs");
}

async fn assert_hangs_up_and_reports(by: Signal) {
    let folder = tempfile::tempdir().expect("a folder");
    let (_gateway, mut program, _told) = with_both_up(folder.path()).await;
    signal(&program, by);
    let status = program.wait().await.expect("it is ours");
    let report = report(folder.path());
    assert_eq!((report.ending.clone(), report.calls.len()), (Ending::BrokenOff, 2), "{}", report.sentence());
    for call in &report.calls {
        assert!(call.is_ended() && call.talked_s < 50.0 && call.verdict.is_some(), "{call:?}");
    }
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    assert!(folder.path().join("report/report.html").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_hangs_up_all_calls_and_writes_the_report() {
    assert_hangs_up_and_reports(Signal::SIGINT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_does_what_ctrl_c_does() {
    assert_hangs_up_and_reports(Signal::SIGTERM).await;
}

/// Three phones that register, and call one after the other until there were so many calls; nobody answers.
fn registering(registrar: &Registrar, calls: usize) -> String {
    format!(
        "[limits]\ncalls = {calls}\nseconds = 3600\nsetup_seconds = 10\n[target]\nsip = \"{}\"\n\
         [[agents]]\nname = \"phones\"\nkind = \"phone\"\nrole = \"both\"\ncount = 3\n\
         accounts = {{ user = \"phone{{n}}\", password = \"secret\" }}\nregister = true\n\
         [[traffic]]\nfrom = \"phones\"\ndestination = \"9196\"\n\
         arrival = {{ constant = 2 }}\nlength = {{ fixed = 1 }}\n",
        registrar.address(),
    )
}

/// Each registered for an hour, and then no more.
fn assert_all_left(registrar: &Registrar) {
    let asked = registrar.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.values().all(|it| *it == [3600, 0]), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_registered_for_a_run_deregister_at_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let registrar = Registrar::start().await;
    fs::write(folder.path().join("scenario.toml"), registering(&registrar, 2)).expect("the folder is ours");
    let output = run(folder.path(), &["run", "--plain"]).await;
    let report = report(folder.path());
    assert_eq!((report.ending.clone(), report.calls.len()), (Ending::Completed, 2), "{}", said(&output));
    assert_all_left(&registrar);
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_registered_for_a_run_deregister_where_it_is_broken_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let registrar = Registrar::start().await;
    fs::write(folder.path().join("scenario.toml"), registering(&registrar, 5000))
        .expect("the folder is ours");
    let (mut program, _told) = once_it_says(folder.path(), "refused with 480").await;
    signal(&program, Signal::SIGINT);
    program.wait().await.expect("it is ours");
    assert_eq!(report(folder.path()).ending, Ending::BrokenOff);
    assert_all_left(&registrar);
}

/// No load holds: all calls are refused.
#[tokio::test(flavor = "multi_thread")]
async fn phones_that_registered_for_a_search_for_the_knee_deregister_at_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let registrar = Registrar::start().await;
    let text = registering(&registrar, 1).replacen("{ constant = 2 }", "{ closed = 1 }", 1);
    fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
    let output = run(folder.path(), &["capacity"]).await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.starts_with("no load held"), "{told} {}", said(&output));
    assert_all_left(&registrar);
}

/// Nobody is where the browsers are to connect.
#[tokio::test(flavor = "multi_thread")]
async fn phones_that_registered_deregister_where_others_cannot_connect() {
    let folder = tempfile::tempdir().expect("a folder");
    let registrar = Registrar::start().await;
    let browsers = "[[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\n\
                    accounts = { user = \"alice\", password = \"secret\" }\n[[traffic]]\n";
    let text = registering(&registrar, 2)
        .replacen("[target]\n", "[target]\nsip_ws = \"ws://127.0.0.1:1/sip\"\n", 1)
        .replacen("[[traffic]]\n", browsers, 1);
    fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
    let output = run(folder.path(), &["run", "--plain"]).await;
    let told = said(&output);
    assert!(!output.status.success() && told.contains("none of the agents \"browsers\" is ready"), "{told}");
    assert_all_left(&registrar);
}

/// The first load was not over: then none held, and none is told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_for_the_knee_that_is_broken_off_tells_what_is_known() {
    let (phone, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let text =
        scenario_text(gateway.address(), phone, "arrival = { closed = 2 }\nlength = { fixed = 60 }", "");
    fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
    let mut program = Command::new(PROGRAM)
        .arg("capacity")
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it is built");
    tokio::time::sleep(Duration::from_secs(4)).await;
    signal(&program, Signal::SIGINT);
    let ended = tokio::time::timeout(Duration::from_secs(40), program.wait()).await;
    let status = ended.expect("no call goes on").expect("it is ours");
    assert_eq!(status.code(), Some(1));
    let text = fs::read_to_string(folder.path().join("capacity.json")).expect("it was written");
    let report: CapacityReport = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.found.held, report.steps.len()), (None, 0), "{text}");
}

/// It stands still for a second and a half, as on a machine that is overcommitted.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_tester_that_was_late_blames_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_gateway, mut program, _told) = with_both_up(folder.path()).await;
    signal(&program, Signal::SIGSTOP);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    signal(&program, Signal::SIGCONT);
    tokio::time::sleep(Duration::from_secs(2)).await;
    signal(&program, Signal::SIGINT);
    let status = program.wait().await.expect("it is ours");
    let report = report(folder.path());
    assert_eq!(status.code(), Some(3), "{}", report.sentence());
    assert!(!report.fitness.is_fit && report.fitness.max_ms > 1000.0, "{:?}", report.fitness);
    assert!(report.sentence().contains("the target is not to blame"), "{}", report.sentence());
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        assert!(verdict.own_lateness_ms > 1000.0, "{verdict:?}");
        assert_eq!(verdict.faults().count(), 0, "{verdict:#?}");
    }
    let junit = fs::read_to_string(folder.path().join("report/junit.xml")).expect("it was written");
    assert!(junit.contains("<skipped") && !junit.contains("<failure"), "{junit}");
    let page = fs::read_to_string(folder.path().join("report/report.html")).expect("it was written");
    assert!(page.contains("not fit to judge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reports_are_drawn_into_one_page_and_what_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let traffic = "arrival = { constant = 10 }\nlength = { fixed = 3.5 }";
    for (name, fault) in [("one", Fault::None), ("other", Fault::DelaysBy200Ms)] {
        let phone = free_address();
        let gateway = FaultyGateway::start(phone, fault).await;
        let text = scenario_text(gateway.address(), phone, traffic, "");
        fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
        let output = run(folder.path(), &["run", "--report", name]).await;
        assert!(folder.path().join(name).join("report.json").exists(), "{}", said(&output));
    }
    let drawn = run(folder.path(), &["compare", "one/report.json", "other/report.json"]).await;
    assert!(drawn.status.success() && said(&drawn).contains("compare.html"), "{}", said(&drawn));
    let page = fs::read_to_string(folder.path().join("compare.html")).expect("it was written");
    assert!(page.contains("<h1>one/report.json and other/report.json</h1>"), "{page}");
    // Nobody watched the target, so its CPU and memory are not drawn.
    let plots: Vec<_> = page.split("<figure>").skip(1).map(|it| it.split("</figure>").next()).collect();
    assert_eq!(plots.len(), 7, "{page}");
    for plot in plots.into_iter().flatten() {
        assert!(plot.contains("class=\"a") && plot.contains("class=\"b"), "one is not in {plot}");
    }
    let refused = run(folder.path(), &["compare", "one/report.json", "scenario.toml"]).await;
    let told = said(&refused);
    assert!(!refused.status.success() && told.contains("scenario.toml is no report of format"), "{told}");
}

#[tokio::test]
async fn a_target_that_is_a_stranger_is_not_dialled_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let stranger = ([192, 0, 2, 9], 5060).into();
    let text = scenario_text(stranger, free_address(), TWO_CALLS, "");
    fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
    for command in ["run", "capacity"] {
        let output = run(folder.path(), &[command]).await;
        let told = said(&output);
        assert!(told.contains("192.0.2.9:5060") && told.contains("--i-own-this-target"), "{told}");
        assert!(!output.status.success());
    }
    fs::write(folder.path().join("password.txt"), "secret").expect("the folder is ours");
    for arguments in [
        &["load", "--server", "wss://192.0.2.9/sip"][..],
        &["load", "--rtpengine", "192.0.2.9:2223"],
        &["soak", "--sip", "192.0.2.9:5060"],
        &["call", "--server", "wss://192.0.2.9/sip", "--destination", "9196"],
        &["call", "--from", "phone", "--destination", "sip:echo@192.0.2.9"],
    ] {
        let arguments = [arguments, &["--password-file", "password.txt"]].concat();
        let output = run(folder.path(), &arguments).await;
        let told = said(&output);
        assert!(told.contains("192.0.2.9") && told.contains("--i-own-this-target"), "{arguments:?}: {told}");
        assert!(!output.status.success());
    }
    // Whoever says so gets to the next mistake.
    let consenting = ["--i-own-this-target", "--calls", "0", "--password-file", "password.txt"];
    let arguments = [&["load", "--server", "wss://192.0.2.9/sip"][..], &consenting].concat();
    let told = said(&run(folder.path(), &arguments).await);
    assert!(told.contains("0 calls") && !told.contains("--i-own-this-target"), "{told}");
    fs::remove_file(folder.path().join("password.txt")).expect("the folder is ours");
    let left = fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 1, "the scenario alone: there is no report of no run");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_sockets_are_open_as_the_system_lets_it_have() {
    let (phone, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let traffic = "arrival = { constant = 10 }\nlength = { fixed = 1 }";
    let text = scenario_text(gateway.address(), phone, traffic, "");
    let crowd = text.replacen("count = 2", "count = 100", 1);
    assert_ne!(crowd, text);
    fs::write(folder.path().join("scenario.toml"), crowd).expect("the folder is ours");
    let arguments = ["--nofile=64:4096", PROGRAM, "run", "--plain"];
    let output = Command::new("prlimit").args(arguments).current_dir(folder.path()).output().await;
    let output = output.expect("prlimit is of util-linux");
    let report = report(folder.path());
    let callers = &report.agents["callers"];
    assert_eq!((callers.wished, callers.ready), (100, 100), "{}", said(&output));
}

/// Of two calls one speaks, at both ends.
#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_is_scored_by_the_users_own_program_too() {
    let (phone, folder) = (free_address(), tempfile::tempdir().expect("a folder"));
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let speech = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
    let traffic = format!("{TWO_CALLS}\n[speech]\nfile = {speech:?}\nevery = 2");
    let text = scenario_text(gateway.address(), phone, &traffic, "");
    fs::write(folder.path().join("scenario.toml"), text).expect("the folder is ours");
    // Both files are sound of at least three seconds at 8 kHz.
    let script = "[ $(wc -c < \"$1\") -gt 48000 ] && [ $(wc -c < \"$2\") -gt 48000 ] && echo 4.25\n";
    fs::write(folder.path().join("score.sh"), script).expect("the folder is ours");
    let output = Command::new(PROGRAM)
        .args(["run", "--plain"])
        .env("WEBTRUNK_SCORER", "sh score.sh")
        .current_dir(folder.path())
        .output()
        .await
        .expect("it is built");
    let report = report(folder.path());
    let scored = report.summary.scored.unwrap_or_else(|| panic!("{}", said(&output)));
    assert_eq!((scored.count, scored.min, scored.max), (2, 4.25, 4.25), "{}", said(&output));
    let each: Vec<_> =
        report.calls.iter().map(|it| it.directions().filter_map(|it| it.scored).count()).collect();
    assert_eq!(each, [2, 0], "the other hums");
}
