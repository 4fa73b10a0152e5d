//! Calls with WebRTC peers that are ICE lite, as the gateway is: then it is the gateway that checks.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, CallEnd, Credentials, Voice, WebrtcCaller, WebrtcConfig};

use super::ear::assert_hears;
use super::json::page::assert_phone_hears;
use super::stage::{
    CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, lift_webrtc, phone, talk_from_webrtc, webrtc,
};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::one_port::OnePort;

const CONNECT_MAX: Duration = Duration::from_secs(10);

/// What both ends say of ICE: whether the gateway is lite.
fn is_gateway_lite(call: &Call) -> bool {
    call.remote_description().expect("a description").ice.expect("WebRTC").is_lite
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_caller_is_checked_and_hears_and_is_heard() {
    let stage = Stage::new(&["PCMU"]);
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(WebrtcConfig { is_lite: true, ..stage.alice() }).await;
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert!(!is_gateway_lite(&call), "two lite agents could not talk");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    // Other media, the same path.
    call.hold().await.expect("agreed");
    call.resume().await.expect("agreed");
    assert!(!is_gateway_lite(&call));
    assert_phone_hears(&call, CALLEE_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_callee_is_checked_and_hears_and_is_heard() {
    let stage = Stage::with_bob(&["PCMU"]);
    let bob = webrtc(WebrtcConfig { is_lite: true, ..stage.bob() }).await;
    bob.register().await.expect("the password is right");
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = tokio::join!(alice.call("bob"), lift_webrtc(&bob));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    assert!(is_gateway_lite(&call), "alice checks");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lite_caller_in_a_network_from_which_no_checks_are_answered_is_not_checked_either() {
    let outside = Host::new();
    let lists = format!("checks_deny = [\"{}\"]", outside.ip());
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media(&lists));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice =
        webrtc(WebrtcConfig { is_lite: true, media_address: Some(outside.ip()), ..stage.alice() }).await;
    let (call, lifted) = tokio::join!(alice.dial("9100"), lift(&carrier));
    let call = call.expect("a number").answered(Duration::from_secs(10)).await.expect("an answer");
    call.media_ready(Duration::from_secs(3)).await.expect_err("no check comes");
    call.hang_up().await.expect("confirmed");
    drop(lifted);
    stage.gateway.assert_all_is_over(1);
}

/// A user with a lite peer that is at this port calls the echo and speaks a tone.
async fn call_by(one_port: &OnePort, stage: &Stage, user: &str, hz: u16) -> (Call, WebrtcCaller) {
    let caller = webrtc(WebrtcConfig {
        credentials: Credentials::new(user, &password(user)),
        voice: Some(Voice::tone(hz, LEVEL_DBM0)),
        is_lite: true,
        trickles: true,
        ..stage.alice()
    })
    .await;
    let dialling = caller.dial("9196").await.expect("a number");
    let call = dialling.answered(PATIENCE).await.expect("an answer");
    let fragment = call.fragment().await.expect("it has ICE");
    call.trickle_fragment(one_port.take_in(&fragment)).await.expect("they are taken");
    (call, caller)
}

/// Alice's and bob's calls by it with what each says, and their callers.
async fn two_calls(one_port: &OnePort, stage: &Stage) -> Vec<(Call, u16, WebrtcCaller)> {
    let mut calls = Vec::new();
    for (user, hz) in [("alice", CALLER_HZ), ("bob", CALLEE_HZ)] {
        let (call, caller) = call_by(one_port, stage, user, hz).await;
        call.media_ready(CONNECT_MAX).await.expect("a path");
        calls.push((call, hz, caller));
    }
    calls
}

/// Each hears itself, and hangs up.
async fn assert_talk_and_end(calls: Vec<(Call, u16, WebrtcCaller)>) {
    for (call, hz, _) in &calls {
        assert_hears(call, *hz).await;
    }
    for (call, ..) in calls {
        call.hang_up().await.expect("confirmed");
    }
}

/// A gateway with an echo.
fn echo() -> GatewayConfig {
    let rule = "destination = '9196'\nactions = ['answer', 'echo']";
    GatewayConfig::default().user("bob").user("carol").rule(rule)
}

/// What it sends after the checks says nothing of the call to which it belongs, but to which port of ours it comes.
#[tokio::test(flavor = "multi_thread")]
async fn calls_with_a_lite_peer_that_has_one_port_for_all_are_told_apart() {
    let stage = Stage::with(&["PCMU"], echo());
    let one_port = OnePort::new();
    let calls = two_calls(&one_port, &stage).await;
    assert_eq!(stage.gateway.status()["rtp_ports_in_use"], 2);
    assert_talk_and_end(calls).await;
    stage.gateway.assert_all_is_over(2);
}

/// The first has a port of its own, the second the shared one, which the third would have to share with it.
#[tokio::test(flavor = "multi_thread")]
async fn where_no_port_is_left_a_lite_peer_with_one_port_has_one_more_call_and_the_next_is_ended() {
    let stage = Stage::with(&["PCMU"], echo().rtp_ports(20_000, 20_001).media("shards = 1"));
    let one_port = OnePort::new();
    let calls = two_calls(&one_port, &stage).await;
    let (third, _carol) = call_by(&one_port, &stage, "carol", CALLER_HZ).await;
    assert!(matches!(third.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    let log = stage.gateway.log();
    assert_eq!(log.count(&["no RTP port pair is left"]), 1);
    assert_eq!(log.count(&["leg failed", "DTLS handshake did not complete in time"]), 1);
    assert_talk_and_end(calls).await;
    stage.gateway.assert_all_is_over(3);
}
