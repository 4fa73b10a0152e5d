//! Scenarios of SIPp, from their files to a run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tokio::sync::watch;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Phone, PhoneConfig, Voice};
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::hear::{Hum, HumHeard};
use webtrunk_loadtest::scenario::Scenario;

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::free_address;

pub(crate) const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sipp/scenarios");

pub(crate) fn program(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_webtrunk-loadtest");
    Command::new(program).args(arguments).output().expect("it is built")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_in_sipp_answers_here_and_both_ends_are_heard() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("scenario.toml");
    let (out, answerer) = (out.to_str().expect("a name"), format!("{SCENARIOS}/answerer.xml"));
    let (target, bind) = (gateway.address().to_string(), phone.to_string());
    let arguments =
        ["import", &answerer, "--out", out, "--target", &target, "--bind", &bind, "-r", "2", "-m", "2"];
    let imported = program(&arguments);
    assert!(imported.status.success(), "{}", said(&imported));
    assert!(said(&imported).contains("too little is heard"), "{}", said(&imported));
    let mode = std::fs::metadata(out).expect("it is written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others may not read it");
    assert!(program(&["check", out]).status.success());

    let again = program(&arguments);
    assert!(
        !again.status.success() && said(&again).contains("name another file by --out"),
        "{}",
        said(&again)
    );

    let scenario = Scenario::load(Path::new(out)).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let is_heard = verdict.to_answerer.as_ref().is_some_and(|it| it.is_heard);
        assert!(verdict.to_caller.is_heard && is_heard && call.codec.as_deref() == Some("PCMU"), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_in_sipp_calls_here_and_hears_who_answers() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let voice = Some(Voice::tone(440, -10.0));
    // It answers by its own order.
    let codecs = vec![CodecId::Pcma, CodecId::Pcmu];
    let config = PhoneConfig { bind: phone, voice, codecs, ..PhoneConfig::default() };
    let answerer = Phone::new(config).await.expect("a port");
    let answering = tokio::spawn(async move {
        let mut calls = Vec::new();
        while let Ok(incoming) = answerer.next_incoming().await {
            calls.push(incoming.answer().await.expect("a codec in common"));
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("scenario.toml");
    let (out, caller) = (out.to_str().expect("a name"), format!("{SCENARIOS}/caller.xml"));
    let target = gateway.address().to_string();
    let options = ["-s", "7000", "-d", "3000", "-r", "2", "-m", "2"];
    let arguments = [&["import", &caller, "--out", out, "--target", &target][..], &options].concat();
    let imported = program(&arguments);
    assert!(imported.status.success(), "{}", said(&imported));
    let scenario = Scenario::load(Path::new(out)).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    answering.abort();
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    for call in &report.calls {
        assert_eq!((call.destination.as_str(), call.codec.as_deref()), ("7000", Some("PCMA")), "{call:?}");
        assert!((2.9..4.0).contains(&call.talked_s), "{call:?}");
        let verdict = call.verdict.as_ref().expect("it was up");
        assert!(verdict.to_answerer.is_none() && verdict.to_caller.received > 100, "{call:?}");
    }
}

/// The plainest caller with what the talker does: digits as audio of a file, by their name and by INFO, and a hold of 1.5 s.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_a_call_of_sipps_happens_in_ours_and_is_heard() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let config = PhoneConfig { bind: phone, voice: Some(Voice::tone(440, -10.0)), ..PhoneConfig::default() };
    let answerer = Phone::new(config).await.expect("a port");
    let answering = tokio::spawn(async move {
        let mut taken = Vec::new();
        for _ in 0..2 {
            let incoming = answerer.next_incoming().await.expect("a call");
            incoming.return_digits();
            taken.push(incoming.answer().await.expect("a codec in common"));
        }
        (answerer, taken)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let [out, xml] = ["scenario.toml", "talker.xml"].map(|name| folder.path().join(name));
    let read =
        |name: &str| std::fs::read_to_string(format!("{SCENARIOS}/{name}")).expect("in the repository");
    let talker = read("talker.xml").replace("[$target]", "sip:[service]@[remote_ip]");
    let from = talker.find("  <pause milliseconds=\"1000\"/>").expect("before its digits");
    let until = talker.find("  <send retrans=\"500\"><![CDATA[\n    REFER").expect("behind the last");
    let caller = read("caller.xml");
    assert_eq!(caller.matches("  <pause/>\n").count(), 1);
    std::fs::write(&xml, caller.replace("  <pause/>\n", &talker[from..until])).expect("room");
    let [out, xml] = [&out, &xml].map(|path| path.to_str().expect("a name"));
    let target = gateway.address().to_string();
    let arguments = ["import", xml, "--out", out, "--target", &target, "-s", "7000", "-r", "2", "-m", "2"];
    let imported = program(&arguments);
    assert!(imported.status.success(), "{}", said(&imported));

    let scenario = Scenario::load(Path::new(out)).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    let (_answerer, taken) = answering.await.expect("both");
    for (call, lifted) in report.calls.iter().zip(&taken) {
        assert!(call.talked_s > 4.9, "{call:?}");
        let verdict = call.verdict.as_ref().expect("it was up");
        assert_eq!(lifted.heard().await.expect("a log").digits_text(), "12#7");
        assert_eq!(verdict.to_caller.digits, "12#7", "they come back: {call:?}");
        let sent = lifted.sent().await.expect("a log");
        let pauses = sent.packets.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
        let longest = pauses.map(Result::unwrap_or_default).max().expect("it spoke");
        assert!(longest >= Duration::from_millis(1300), "who is on hold says nothing: {longest:?}");
    }
}

/// The plainest caller, whose user and whom it calls are fields. There are more calls than lines.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_that_of_its_line_of_the_injection_file_and_both_ends_are_heard() {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, Fault::None).await;
    let voice = Some(Voice::tone(440, -10.0));
    let config = PhoneConfig { bind: phone, voice, ..PhoneConfig::default() };
    let answerer = Phone::new(config).await.expect("a port");
    let answering = tokio::spawn(async move {
        let mut taken = Vec::new();
        for _ in 0..4 {
            let incoming = answerer.next_incoming().await.expect("a call");
            let row = (incoming.from.clone(), incoming.to.clone());
            taken.push((row, incoming.answer().await.expect("a codec in common")));
        }
        (answerer, taken)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let [out, xml, fields] =
        ["scenario.toml", "caller.xml", "users.csv"].map(|name| folder.path().join(name));
    let caller = std::fs::read_to_string(format!("{SCENARIOS}/caller.xml")).expect("in the repository");
    let caller = caller.replace("[service]", "[field1 file=\"users.csv\"]").replace("tester@", "[field0]@");
    std::fs::write(&xml, caller).expect("room");
    let lines = "SEQUENTIAL\n# who calls;whom\nalice;100;\nbob;200;x\n\n# away: dave;400\ncarol;300\n";
    std::fs::write(&fields, lines).expect("room");
    let [out, xml, fields] = [&out, &xml, &fields].map(|path| path.to_str().expect("a name"));
    let target = gateway.address().to_string();
    let files = ["import", xml, "--inf", fields, "--out", out, "--target", &target];
    let imported = program(&[&files[..], &["-d", "3000", "-r", "2", "-m", "4"]].concat());
    assert!(imported.status.success(), "{}", said(&imported));
    assert!(!said(&imported).contains("done otherwise"), "{}", said(&imported));

    let scenario = Scenario::load(Path::new(out)).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("ports");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.summary.calls, report.summary.failed), (4, 0), "{:?}", report.summary.causes);
    let (_answerer, taken) = answering.await.expect("all four");
    let rows: Vec<_> = taken.iter().map(|((from, to), _)| (from.as_str(), to.as_str())).collect();
    assert_eq!(rows, [("alice", "100"), ("bob", "200"), ("carol", "300"), ("alice", "100")]);
    for (call, (row, lifted)) in report.calls.iter().zip(&taken) {
        assert_eq!(call.destination, row.1, "{call:?}");
        let hum = Hum::of_caller(call.call);
        let samples = lifted.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        assert_eq!(HumHeard::of(&samples, hum, &[]).whose, Some(hum), "{row:?} is call {}", call.call);
        let verdict = call.verdict.as_ref().expect("it was up");
        assert!(verdict.to_caller.is_heard && verdict.to_caller.received > 100, "{call:?}");
    }
}

#[test]
fn what_cannot_be_imported_is_told_by_its_file_and_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("scenario.toml");
    let injected = format!("{SCENARIOS}/injected.xml");
    let failed = program(&["import", &injected, "--out", out.to_str().expect("a name")]);
    assert!(!failed.status.success() && !out.exists());
    let expected = "injected.xml:16: <send>: [field2] in the Request-URI is not known before the call";
    assert!(said(&failed).contains(expected), "{}", said(&failed));
    let fields = format!("{SCENARIOS}/injected.csv");
    let imported = program(&["import", &injected, "--inf", &fields, "--out", out.to_str().expect("a name")]);
    assert!(imported.status.success(), "{}", said(&imported));
    let missing = program(&["import", "nowhere.xml", "--out", "nowhere.toml"]);
    assert!(
        !missing.status.success() && said(&missing).contains("nowhere.xml cannot be read"),
        "{}",
        said(&missing)
    );
}
