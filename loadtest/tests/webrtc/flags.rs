//! The program by its flags, without a scenario: one call, somebody to call, many calls.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::wav::read_wav;

use crate::load::answer_all;
use crate::proxy::{PASSWORD, Proxy};

const SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/assets/announcement.wav");

/// The program with these arguments, in a folder that has the password.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    std::fs::write(folder.join("password.txt"), PASSWORD).expect("the folder is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_webtrunk-loadtest"));
    command.args(arguments).current_dir(folder).kill_on_drop(true);
    command
}

/// The report on standard output.
fn report(output: &[u8]) -> Value {
    let text = String::from_utf8_lossy(output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The level of a tone in the last half of a second of a recording.
fn level(file: &Path, frequency_hz: f64) -> f64 {
    let clip = read_wav(&std::fs::read(file).expect("it was written")).expect("WAV");
    let half_a_second = clip.rate.samples_in_ms(500);
    goertzel_dbm0(&clip.samples[clip.samples.len() - half_a_second..], clip.rate, frequency_hz)
}

/// One call between `call` and `answer` with these flags: each end hears the other's tone and digit, and tells so.
async fn assert_hear_each_other(calling: &[&str], answering: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let rest = ["--tone", "1000", "--digits", "1", "--calls", "1", "--record", "heard", "--json"];
    let mut answerer = program(folder.path(), &[&["answer"][..], answering, &rest].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is built");
    let mut told = BufReader::new(answerer.stderr.take().expect("it is piped")).lines();
    while !told.next_line().await.expect("text").expect("it goes on").contains("answering calls at") {}

    let rest = ["--seconds", "4", "--digits", "7", "--holds", "1", "--record", "heard.wav", "--json"];
    let called = program(folder.path(), &[&["call"][..], calling, &rest].concat()).output().await;
    let called = called.expect("it is built");
    assert!(called.status.success(), "{}", String::from_utf8_lossy(&called.stderr));
    let answered = answerer.wait_with_output().await.expect("it is ours");
    assert!(answered.status.success());

    let (caller, callee) = (report(&called.stdout), report(&answered.stdout));
    assert_eq!(caller["digits"], "1", "{caller}");
    assert_eq!(callee["digits"], "7", "{callee}");
    assert_eq!(caller["end"], "we hung up", "{caller}");
    assert_eq!(callee["end"], "the other end hung up", "{callee}");
    let heard = folder.path().join("heard");
    let mut recordings = std::fs::read_dir(&heard).expect("it made it");
    let recording = recordings.next().expect("one of the call").expect("it can be read").path();
    for (file, frequency_hz) in [(folder.path().join("heard.wav"), 1000.0), (recording, 440.0)] {
        let level = level(&file, frequency_hz);
        // Opus at 48 kHz carries a tone some decibels off.
        assert!((level + 10.0).abs() < 4.0, "{frequency_hz} Hz at {level} dBm0");
    }
}

#[tokio::test]
async fn one_call_by_flags_goes_to_somebody_who_answers_by_flags_over_webrtc() {
    let proxy = Proxy::start().await;
    let way = ["--server", proxy.url(), "--media-address", "127.0.0.1", "--password-file", "password.txt"];
    let calling = [&["--destination", "bob", "--user", "alice"][..], &way].concat();
    let answering = [&["--as", "webrtc", "--user", "bob"][..], &way].concat();
    assert_hear_each_other(&calling, &answering).await;
}

#[tokio::test]
async fn one_call_by_flags_goes_to_a_phone_that_answers_by_flags() {
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let (bind, destination) = (free.to_string(), format!("sip:bob@{free}"));
    let calling = ["--from", "phone", "--destination", &destination, "--codec", "pcma"];
    assert_hear_each_other(&calling, &["--bind", &bind, "--ring-ms", "200"]).await;
}

#[tokio::test]
async fn many_calls_by_flags_are_heard_and_told_as_json() {
    let (proxy, folder) = (Proxy::start().await, tempfile::tempdir().expect("a folder"));
    answer_all(&proxy).await;
    let way = ["--server", proxy.url(), "--media-address", "127.0.0.1", "--password-file", "password.txt"];
    let load =
        ["load", "--calls", "2", "--rate", "10", "--seconds", "3", "--no-phone", "--destination", "bob"];
    let said = ["--audio", SPEECH, "--score", "2"];
    let output = program(folder.path(), &[&load[..], &way, &said].concat()).output().await;
    let output = output.expect("it is built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(&output.stdout);
    assert_eq!(report["calls"]["ok"], 2, "{report}");
    assert_eq!(report["was_broken_off"], false, "{report}");
    assert_eq!(report["calls"]["caller_codecs"]["opus"], 2, "{report}");
    let heard = &report["to_caller"];
    assert!(heard["likeness"]["min"].as_f64().is_some_and(|it| it > 0.9), "{heard}");
    assert!(heard["opinion"]["min"].as_f64().is_some_and(|it| it > 3.0), "{heard}");
    assert!(report["fitness"]["packets"].as_u64().is_some_and(|it| it > 100), "{report}");
}
