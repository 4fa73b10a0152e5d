//! A gateway that is asked to stop while people talk.

use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call, Phone};

use super::ear::assert_hears;
use super::json::page::assert_phone_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};

/// Calls that are up when it is asked.
const CALLS: usize = 50;

/// A gateway that waits for its calls, with a port pair for each leg.
fn patient(config: GatewayConfig) -> GatewayConfig {
    config.log_filter("info").rtp_ports(20_000, 20_399).drain_timeout(600)
}

/// Two phones with so many calls; both ends of each.
async fn calls(stage: &Stage, count: usize) -> ([Phone; 2], Vec<(Call, Call)>) {
    let phones = [phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await];
    let mut ends = Vec::new();
    for _ in 0..count {
        ends.push(talk(&phones[0], &phones[1]).await);
    }
    (phones, ends)
}

/// What is answered to a request out of any dialog, from the office.
fn answer_to(stage: &Stage, method: &str) -> String {
    let socket = UdpSocket::bind(stage.office.at(0)).expect("the host is ours");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let own = socket.local_addr().expect("it is bound");
    let gateway = stage.gateway.sip();
    let request = format!(
        "{method} sip:9100@{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK-{method};rport\r\n\
         From: <sip:2001@{own}>;tag=a\r\nTo: <sip:9100@{gateway}>\r\nCall-ID: {method}@{own}\r\nCSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\nContact: <sip:2001@{own}>\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), gateway).expect("loopback takes it");
    let mut octets = [0; 4096];
    let length = socket.recv(&mut octets).expect("an answer");
    String::from_utf8_lossy(&octets[..length]).into_owned()
}

fn assert_refused(told: &str) {
    assert!(told.starts_with("SIP/2.0 503 "), "{told}");
    let after = told.lines().find_map(|line| line.strip_prefix("Retry-After: ")).expect("when to come again");
    assert!((1..=30).contains(&after.trim().parse::<u32>().expect("seconds")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_end_by_themselves_while_new_ones_are_refused_and_then_the_gateway_has_ended() {
    let mut stage = Stage::with(&["PCMU"], patient(GatewayConfig::default()));
    let ([caller, _callee], ends) = calls(&stage, CALLS).await;
    assert!(answer_to(&stage, "OPTIONS").starts_with("SIP/2.0 200 "));
    assert_eq!(stage.gateway.public("/readyz"), (200, "ready\n".to_owned()));

    stage.gateway.process.signal(Signal::SIGTERM);
    stage.gateway.log().wait_for(&["no new calls are taken"], PATIENCE);
    let (status, told) = stage.gateway.public("/readyz");
    assert!(status == 503 && told.starts_with(&format!("draining: {CALLS} calls go on")), "{status} {told}");
    assert_eq!(stage.gateway.public("/healthz").0, 200, "it lives");
    for method in ["OPTIONS", "INVITE"] {
        assert_refused(&answer_to(&stage, method));
    }
    let refused = caller.dial("9100").await.expect("a number").answered(PATIENCE).await;
    assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(503));

    // Those that are there go on, and hear nothing of it.
    let (last, first) = ends.split_last().expect("calls");
    let so_far = join_all(first.iter().map(|(call, _)| call.heard())).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    for ((call, lifted), heard) in first.iter().zip(so_far) {
        let so_far = heard.expect("a log").packets.len();
        call.heard_packets(so_far + 50, PATIENCE).await.expect("audio goes on");
        call.hang_up().await.expect("confirmed");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    assert_phone_hears(&last.0, CALLEE_HZ).await;
    assert_phone_hears(&last.1, CALLER_HZ).await;
    assert!(stage.gateway.process.is_running(), "somebody talks");
    last.0.hang_up().await.expect("confirmed");
    let status = stage.gateway.process.wait(PATIENCE).expect("it ends when the last has hung up");
    assert_eq!(status.code(), Some(0));
    assert_eq!(stage.gateway.log().count(&["\"message\":\"call over\""]), CALLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_twice_ends_all_calls_at_once_with_their_records() {
    let folder = TempDir::new().expect("a folder");
    let lines = folder.path().join("calls.jsonl");
    let config = GatewayConfig::default().store(&folder.path().join("webtrunk.db")).records(&lines);
    let mut stage = Stage::with(&["PCMU"], patient(config));
    let (_phones, ends) = calls(&stage, 5).await;
    stage.gateway.process.signal(Signal::SIGTERM);
    stage.gateway.log().wait_for(&["a further SIGINT or SIGTERM hangs them up"], PATIENCE);
    assert!(stage.gateway.process.is_running());
    stage.gateway.process.signal(Signal::SIGTERM);
    for (call, lifted) in &ends {
        call.ended(PATIENCE).await.expect("hung up");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    assert_eq!(stage.gateway.process.wait(PATIENCE).expect("it ends").code(), Some(0));
    let records = fs::read_to_string(&lines).expect("records");
    let records: Vec<Value> =
        records.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    assert_eq!(records.len(), ends.len());
    for record in records {
        assert_eq!(
            (&record["end"]["cause"], &record["end"]["by"]),
            (&"shutting_down".into(), &"gateway".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_who_does_not_wait_has_all_calls_hung_up() {
    let mut stage = Stage::with(&["PCMU"], patient(GatewayConfig::default()));
    let (_phones, ends) = calls(&stage, 2).await;
    let told = |arguments: &[&str]| {
        let output = stage.gateway.operate("drain", arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(told(&[]).contains("ends when the 2 that it has are over"));
    assert_eq!(told(&["--now"]), "the gateway hangs up the 2 calls that it has, and ends\n");
    for (call, lifted) in &ends {
        call.ended(PATIENCE).await.expect("hung up");
        lifted.ended(PATIENCE).await.expect("hung up");
    }
    assert_eq!(stage.gateway.process.wait(PATIENCE).expect("it ends").code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_drains_a_gateway_and_a_call_over_its_time_is_hung_up() {
    let mut stage = Stage::with(&["PCMU"], GatewayConfig::default().drain_timeout(4));
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    let told = |gateway: &Gateway| {
        let output = gateway.operate("drain", &[]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let first = told(&stage.gateway);
    assert!(first.contains("ends when the 1 that it has are over, in 4 s at the latest"), "{first}");
    // Asking again tells how far it is, and ends nothing.
    assert!(told(&stage.gateway).contains("ends when the 1 that it has are over"));
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.ended(PATIENCE).await.expect("its time is over");
    lifted.ended(PATIENCE).await.expect("its time is over");
    assert_eq!(stage.gateway.process.wait(PATIENCE).expect("it ends").code(), Some(0));
}
