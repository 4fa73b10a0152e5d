//! What a machine does to its processes: clocks that jump, no descriptor left, a second without the processor. Calls go on.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call};
use webtrunk_signalling::auth::digest::Algorithm;

use super::ear::{assert_hears_no_gap, assert_mostly_hears};
use super::json::page::assert_phone_hears;
use super::records::{OFF_MAX_MS, assert_adds_up, ms, since_answer_ms, wait_for_records};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk};
use crate::sip::raw_phone::{RawPhone, header};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// What stands between a process and the wall clock, and leaves the other one alone.
pub(super) const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// All the time, and now.
async fn assert_both_hear([call, lifted]: [&Call; 2]) {
    for (end, hz) in [(call, CALLEE_HZ), (lifted, CALLER_HZ)] {
        assert_phone_hears(end, hz).await;
        assert_mostly_hears(end, hz).await;
    }
}

/// The wall clock of the gateway, from a file that says by how much it goes wrong.
pub(super) fn fake_clock(folder: &Path) -> GatewayConfig {
    let file = folder.join("clock");
    fs::write(&file, "+0").expect("the folder is ours");
    GatewayConfig::default()
        .environment("LD_PRELOAD", FAKETIME)
        .environment("FAKETIME_TIMESTAMP_FILE", file.to_str().expect("ASCII"))
        .environment("FAKETIME_NO_CACHE", "1")
        .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .environment("DONT_FAKE_MONOTONIC", "1")
}

/// Fails when a timer, a nonce, a registration or the record of a call goes by the wall clock.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_by_an_hour_and_a_day_end_no_call_and_no_registration() {
    if tools::path(Path::new(FAKETIME), "install faketime").is_none() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let config = fake_clock(folder.path())
        .store(&folder.path().join("webtrunk.db"))
        .records(&folder.path().join("calls.jsonl"))
        .user("bob")
        .rule("destination = 'bob'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'bob' } }]");
    let stage = Stage::with(&["PCMU"], config);
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let home = Host::new();
    let mut bob = RawPhone::new(&home, &stage.gateway, "bob");
    let registered = bob.register(Algorithm::Sha256, &password("bob"), "Expires: 600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    for jump in ["+3600", "-3600", "+86400", "-86400", "+0"] {
        fs::write(folder.path().join("clock"), jump).expect("the folder is ours");
        call.heard_packets(50, PATIENCE).await.expect("audio");
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(stage.gateway.status()["registered_users"], 1, "{jump}");
    }
    let stamps = stage.gateway.log().count(&["\"timestamp\""]);
    assert!(stamps > 0);
    // The nonce that was given before the clock jumped is as good as it was: only its count has gone on.
    let again = bob.register(Algorithm::Sha256, &password("bob"), "Expires: 600\r\n");
    assert!(again.starts_with("SIP/2.0 200 ") && header(&again, "Contact").contains("expires="), "{again}");
    assert_both_hear([&call, &lifted]).await;
    assert_hears_no_gap(&call).await;
    assert_hears_no_gap(&lifted).await;
    fs::write(folder.path().join("clock"), "+3600").expect("the folder is ours");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let talked = since_answer_ms(&call);
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let [record] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_adds_up(record);
    assert!(ms(&record["talked_ms"]).abs_diff(talked) < OFF_MAX_MS, "{talked}, {record:#}");
    assert_eq!(record["clock_step"], true, "its times of day are not to be trusted: {record:#}");
}

/// The gateway may have this many descriptors from now on.
fn limit_descriptors(stage: &Stage, most: usize) {
    let pid = stage.gateway.process.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:")]).status();
    assert!(limited.is_ok_and(|status| status.success()), "prlimit is of util-linux");
}

/// Fails when the end of descriptors ends the process, or a call that has its own.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_descriptor_left_new_calls_are_refused_and_the_one_that_is_up_goes_on() {
    let stage = Stage::new(&["PCMU"]);
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    let descriptors =
        fs::read_dir(format!("/proc/{}/fd", stage.gateway.process.id())).expect("it is ours").count();
    limit_descriptors(&stage, descriptors);
    let _waiting: Vec<_> =
        (0..20).map(|_| TcpStream::connect(stage.gateway.sip()).expect("the system takes it")).collect();
    for _ in 0..3 {
        let refused = caller.dial("9101").await.expect("a number").answered(PATIENCE).await;
        assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(503));
    }
    assert_phone_hears(&call, CALLEE_HZ).await;
    limit_descriptors(&stage, 1024);
    let (next, _lifted) = talk(&caller, &callee).await;
    next.hang_up().await.expect("confirmed");
    assert_both_hear([&call, &lifted]).await;
    assert_hears_no_gap(&call).await;
    assert_hears_no_gap(&lifted).await;
    call.hang_up().await.expect("confirmed");
    assert_eq!(stage.gateway.log().count(&["panicked"]), 0);
    let status = || stage.gateway.status();
    assert!(
        wait_until(PATIENCE, || status()["calls"] == 0 && status()["rtp_ports_in_use"] == 0),
        "{}",
        status()
    );
}

/// Fails when what was due meanwhile ends a call, or is made up for packet by packet.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stood_still_for_a_second_goes_on_where_it_was() {
    let stage = Stage::new(&["PCMU"]);
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    stage.gateway.process.signal(Signal::SIGSTOP);
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.gateway.process.signal(Signal::SIGCONT);
    let heard = call.heard().await.expect("a log").packets.len();
    call.heard_packets(heard + 200, PATIENCE).await.expect("audio again");
    assert_both_hear([&call, &lifted]).await;
    let (next, _lifted) = talk(&caller, &callee).await;
    next.hang_up().await.expect("confirmed");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}
