//! Users of whom one rings after another, and those of a group at once.

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{CallEnd, WebrtcCaller};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift_webrtc, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// A stage whose office calls alice, then bob at 700, and the sales at 701; both users are there.
async fn stage() -> (Stage, WebrtcCaller, WebrtcCaller) {
    let ring = "ring = [{ user = 'alice', ring_timeout_s = 2 }, { user = 'bob' }], order = 'in_turn'";
    let config = GatewayConfig::default()
        .user("bob")
        .group("alice", "sales")
        .group("bob", "sales")
        .rule(&format!("destination = '700'\nfrom_trunk = 'office'\nactions = [{{ bridge = {{ {ring} }} }}]"))
        .rule("destination = '701'\nfrom_trunk = 'office'\nactions = [{ bridge = { group = 'sales' } }]");
    let stage = Stage::with(&["PCMU"], config);
    let [alice, bob] = [webrtc(stage.alice()).await, webrtc(stage.bob()).await];
    alice.register().await.expect("the password is right");
    bob.register().await.expect("the password is right");
    (stage, alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rings_for_its_time_and_the_caller_hears_one_call() {
    let (stage, alice, bob) = stage().await;
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let rings_in_vain = async {
        let mut incoming = alice.next_incoming().await.expect("a call");
        incoming.ring();
        incoming.ended(PATIENCE).await.expect("an end")
    };
    let (call, end, lifted) = tokio::join!(caller.call("700"), rings_in_vain, lift_webrtc(&bob));
    let call = call.expect("bob answers");
    assert_eq!(end, CallEnd::Cancelled);
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_refuses_is_followed_at_once_and_a_group_rings_together() {
    let (stage, alice, bob) = stage().await;
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let refuses = async {
        alice.next_incoming().await.expect("a call").reject(603).await.expect("it waits");
    };
    let (call, (), lifted) = tokio::join!(caller.call("700"), refuses, lift_webrtc(&bob));
    assert_hears(&lifted, CALLER_HZ).await;
    call.expect("bob answers").hang_up().await.expect("confirmed");

    let (call, lost, lifted) = tokio::join!(
        caller.call("701"),
        async { alice.next_incoming().await.expect("a call").ended(PATIENCE).await },
        lift_webrtc(&bob)
    );
    assert_eq!(lost.expect("an end"), CallEnd::Cancelled);
    assert_hears(&lifted, CALLER_HZ).await;
    call.expect("bob answers").hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}
