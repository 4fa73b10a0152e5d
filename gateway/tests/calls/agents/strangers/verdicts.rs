//! The messages of RFC 4475 and RFC 5118 to the gateway's process, over all its transports: every verdict holds, and phones
//! talk afterwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;

use super::super::doors::{Doors, Talk};
use super::super::stage::Stage;
use super::wire::judge::{judge_datagram, judge_stream, judge_websocket};
use super::wire::verdicts::{Case, Waits, cases};
use super::wire::ws::WsPeer;
use crate::support::gateway::GatewayConfig;

const WAITS: Waits = Waits {
    silence: Duration::from_millis(500),
    answer: Duration::from_secs(20),
    deadline: Duration::from_secs(10),
};

/// A gateway that lets a stranger say as much as it likes.
fn open() -> GatewayConfig {
    GatewayConfig::default().defence("requests_per_second = 0").sip("strangers_per_address = 1000")
}

/// Whoever sent what, it has rung nobody and registered nobody, and phones talk.
async fn assert_serves(stage: &Stage) {
    let gateway = &stage.gateway;
    gateway.assert_all_is_over(0);
    assert_eq!(gateway.status()["registered_users"], 0);
    let talk = Talk::begin(stage).await;
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    gateway.assert_all_is_over(1);
}

/// All at once, for some are waited for until their deadline.
async fn judge_all(judge: impl AsyncFn(&Case)) {
    let cases = cases();
    join_all(cases.iter().map(|case| judge(case))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_holds_for_the_process_over_udp_and_phones_talk_afterwards() {
    let stage = Stage::with(&["PCMU"], open());
    judge_all(async |case| judge_datagram(case, stage.gateway.sip(), WAITS).await).await;
    assert_serves(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_holds_for_the_process_over_tcp_and_phones_talk_afterwards() {
    let doors = Doors::new(open());
    let connect = || doors.tcp(Ipv4Addr::LOCALHOST.into());
    judge_all(async |case| judge_stream(case, "TCP", WAITS, connect).await).await;
    assert_serves(&doors.stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_holds_for_the_process_over_tls_and_phones_talk_afterwards() {
    let doors = Doors::new(open());
    let connect = async || doors.tls(Ipv4Addr::LOCALHOST.into()).await.expect("the gateway takes it");
    judge_all(async |case| judge_stream(case, "TLS", WAITS, connect).await).await;
    assert_serves(&doors.stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_holds_for_the_process_over_websocket_and_phones_talk_afterwards() {
    let stage = Stage::with(&["PCMU"], open());
    let url = stage.gateway.websocket();
    let at: SocketAddr =
        url.trim_start_matches("ws://").trim_end_matches("/sip").parse().expect("an address");
    let connect = async || WsPeer::over(TcpStream::connect(at).await.expect("it listens"), &url).await;
    judge_all(async |case| judge_websocket(case, WAITS, connect).await).await;
    assert_serves(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_holds_for_the_process_over_secure_websocket_and_phones_talk_afterwards() {
    let doors = Doors::new(open());
    let connect = async || doors.wss(Ipv4Addr::LOCALHOST.into()).await.expect("it takes pages");
    judge_all(async |case| judge_websocket(case, WAITS, connect).await).await;
    assert_serves(&doors.stage).await;
}
