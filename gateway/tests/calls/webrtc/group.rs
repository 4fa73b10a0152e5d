//! Several are called for one: at once, or one after the other.

use webtrunk_loadtest::agent::{CallEnd, WebrtcCaller};

use super::caller::user;
use crate::sip::stage::Stage;
use crate::support::gateway::{GatewayConfig, PATIENCE};

/// A stage on which a trunk's call to 7000 is for alice and bob at once, and one to 7001 for alice, then
/// for the carrier; both users are there.
async fn stage() -> Option<(Stage, WebrtcCaller, WebrtcCaller)> {
    let config = GatewayConfig::default()
        .rule("destination = '7000'\nfrom_trunk = 'office'\nactions = [{ bridge = { users = ['alice', 'bob'] } }]")
        .rule(
            "destination = '7001'\nfrom_trunk = 'office'\nactions = [\
             { bridge = { user = 'alice', ring_timeout_s = 2 } }, \
             { bridge = { trunk = 'carrier', number = '100' } }]",
        );
    let stage = Stage::with(&["PCMU"], config)?;
    let [alice, bob] = [user(&stage, "alice").await, user(&stage, "bob").await];
    alice.register().await.expect("the password is right");
    bob.register().await.expect("the password is right");
    Some((stage, alice, bob))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lifts_first_has_the_call() {
    let Some((stage, alice, bob)) = stage().await else { return };
    let caller = stage.call("caller_talks", "7000", &[]);
    let mut at_alice = alice.next_incoming().await.expect("a call");
    let at_bob = bob.next_incoming().await.expect("a call");
    at_alice.ring();
    at_bob.ring();
    caller.wait_for("180");
    let call = at_bob.answer().await.expect("a codec in common");
    assert_eq!(at_alice.ended(PATIENCE).await.expect("an end"), CallEnd::Cancelled);
    caller.wait_for_sent("ACK");
    caller.go_on();
    assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refuses_and_the_other_goes_on_ringing() {
    let Some((stage, alice, bob)) = stage().await else { return };
    let caller = stage.call("caller_talks", "7000", &[]);
    let at_bob = bob.next_incoming().await.expect("a call");
    alice.next_incoming().await.expect("a call").reject(486).await.expect("it waits");
    let call = at_bob.answer().await.expect("a codec in common");
    caller.wait_for_sent("ACK");
    call.hang_up().await.expect("confirmed");
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

/// What says most of two refusals is what the caller gets.
#[tokio::test(flavor = "multi_thread")]
async fn all_refuse() {
    let Some((stage, alice, bob)) = stage().await else { return };
    let caller = stage.call("caller_refused", "7000", &[("STATUS", "486")]);
    bob.next_incoming().await.expect("a call").reject(480).await.expect("it waits");
    alice.next_incoming().await.expect("a call").reject(486).await.expect("it waits");
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_followed_by_the_next() {
    let Some((stage, alice, _bob)) = stage().await else { return };
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "7001", &[]);
    let mut at_alice = alice.next_incoming().await.expect("a call");
    at_alice.ring();
    assert_eq!(at_alice.ended(PATIENCE).await.expect("an end"), CallEnd::Cancelled);
    callee.wait_for("ACK");
    caller.wait_for_sent("ACK");
    callee.go_on();
    caller.wait_for("BYE");
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}
