//! Calls with WebRTC peers that are ICE lite, as the gateway is: then it is the gateway that checks.

use std::time::Duration;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, lift_webrtc, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::GatewayConfig;
use crate::support::host::Host;

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
