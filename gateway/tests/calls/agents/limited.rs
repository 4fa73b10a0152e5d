//! What calls may cost: numbers, calls a minute, minutes a day, the longest call.

use std::time::Duration;

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Dialing};

use super::ear::assert_mostly_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, talk, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// The status that a call is refused with.
async fn refusal(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

/// Fails when `switchboard.rs` does not ask the bill before a number is called.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_a_user_may_not_call_are_refused_and_others_are_heard() {
    let config = GatewayConfig::default()
        .sections("[limits]\nnumbers_deny = ['99']")
        .group("alice", "sales")
        .sections(
            "[[groups]]\nname = 'sales'\nlimits = { numbers_allow = ['9100', '993'], numbers_deny = ['99'] }",
        );
    let stage = Stage::with(&["PCMU"], config);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    for number in ["9901", "9200", "99"] {
        assert_eq!(refusal(alice.dial(number).await).await, Some(403), "{number}");
    }
    assert_eq!(stage.gateway.log().count(&["not called: the number is none that may be called"]), 3);
    let metrics = stage.gateway.metrics();
    assert!(metrics.contains("webtrunk_calls_forbidden_total{why=\"number\"} 3\n"), "{metrics}");
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    lifted.heard_packets(100, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    let (call, _lifted) = tokio::join!(alice.call("9931"), lift(&callee));
    call.expect("the longer beginning allows it").hang_up().await.expect("confirmed");
    let (call, _lifted) = tokio::join!(office.call("9901"), lift(&callee));
    call.expect("it is for users").hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(6);
}

/// What a destination may be called for holds for whoever calls it, trunks too. Fails when the limits of the trunk that is
/// called are not looked at.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_may_not_be_called_at_a_trunk_are_refused_to_whoever_calls_it() {
    let lines = "limits = { numbers_allow = ['9'], numbers_deny = ['99'] }";
    let stage = Stage::with_carrier(&["PCMU"], lines);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    assert_eq!(refusal(alice.dial("9901").await).await, Some(403));
    assert_eq!(refusal(office.dial("9901").await).await, Some(403));
    for (call, lifted) in [talk_from_webrtc(&alice, &callee).await, talk(&office, &callee).await] {
        call.heard_packets(100, PATIENCE).await.expect("audio");
        lifted.heard_packets(100, PATIENCE).await.expect("audio");
        assert_mostly_hears(&call, CALLEE_HZ).await;
        assert_mostly_hears(&lifted, CALLER_HZ).await;
        call.hang_up().await.expect("confirmed");
    }
    stage.gateway.assert_all_is_over(4);
}

/// Who sends somebody on pays for it. Fails when transfers go past the bill.
#[tokio::test(flavor = "multi_thread")]
async fn who_transfers_calls_no_number_that_it_may_not_call() {
    let config = GatewayConfig::default().user_lines("alice", "limits = { numbers_deny = ['99'] }");
    let stage = Stage::with(&["PCMU"], config);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    call.transfer("9901").await.expect("it is taken");
    let told = || call.transfer_statuses();
    assert!(wait_until(PATIENCE, || told().iter().any(|status| *status >= 200)), "{:?}", told());
    assert_eq!(told().last(), Some(&403), "{:?}", told());
    // Whom she talked to is still there.
    call.heard_packets(100, PATIENCE).await.expect("audio");
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// Fails when `switchboard.rs` does not ask the till when a call begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_begins_no_more_calls_in_a_minute_than_it_may() {
    let config = GatewayConfig::default().user_lines("alice", "limits = { calls_per_minute = 2 }");
    let stage = Stage::with(&["PCMU"], config);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    for _ in 0..2 {
        let (call, _lifted) = talk_from_webrtc(&alice, &callee).await;
        call.hang_up().await.expect("confirmed");
    }
    assert_eq!(refusal(alice.dial("9100").await).await, Some(503));
    assert_eq!(stage.gateway.log().count(&["call refused: as many as may began within a minute"]), 1);
}

/// Fails when `switchboard.rs` does not look at the bill when it is due.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_as_long_as_it_may_be_ends_for_both_with_its_reason() {
    let stage = Stage::with_carrier(&["PCMU"], "limits = { call_max_s = 3 }");
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    for end in [call, lifted] {
        end.ended(PATIENCE).await.expect("the gateway ends it");
    }
    let byes = || stage.gateway.log().count(&["are as long as they may be"]);
    assert!(wait_until(PATIENCE, || byes() == 1), "{}", stage.gateway.log().lines().join("\n"));
    stage.gateway.assert_all_is_over(1);
}

/// Fails when of the limits of who calls and of whom it calls the first alone ends a call, or another's call with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_user_is_as_long_as_it_may_be_and_one_of_a_trunk_beside_it_goes_on() {
    let config = GatewayConfig::default().user_lines("alice", "limits = { call_max_s = 3 }");
    let stage = Stage::with(&["PCMU"], config);
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(stage.alice()).await;
    let (beside, lifted_beside) = talk(&caller, &callee).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    call.heard_packets(100, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    for end in [call, lifted] {
        end.ended(PATIENCE).await.expect("the gateway ends it");
    }
    let told = || stage.gateway.log().count(&["are as long as they may be"]);
    assert!(wait_until(PATIENCE, || told() == 1), "{}", stage.gateway.log().lines().join("\n"));
    let so_far = beside.heard().await.expect("a log").packets.len();
    beside.heard_packets(so_far + 50, PATIENCE).await.expect("audio goes on");
    assert_mostly_hears(&beside, CALLEE_HZ).await;
    assert_mostly_hears(&lifted_beside, CALLER_HZ).await;
    beside.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}

/// What a destination may be called for in a day is used up by all who call it. Fails when each of them has a ledger of its own
/// there, or a trunk that calls is asked for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_minutes_of_a_day_at_a_trunk_are_over_for_whoever_calls_it() {
    let folder = TempDir::new().expect("a folder");
    let config = GatewayConfig::default().store(&folder.path().join("w.db"));
    let stage = Stage::with_lines(&["PCMU"], config, "limits = { minutes_per_day = 1 }");
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(stage.alice()).await;
    let mut ends = Vec::new();
    for _ in 0..2 {
        ends.push(talk(&caller, &callee).await);
        ends.push(talk_from_webrtc(&alice, &callee).await);
    }
    for (call, lifted) in &ends {
        call.heard_packets(100, PATIENCE).await.expect("audio");
        assert_mostly_hears(call, CALLEE_HZ).await;
        assert_mostly_hears(lifted, CALLER_HZ).await;
    }
    for (call, lifted) in &ends {
        call.ended(2 * PATIENCE).await.expect("the gateway ends it");
        lifted.ended(PATIENCE).await.expect("the gateway ends it");
    }
    assert_eq!(refusal(alice.dial("9100").await).await, Some(403));
    assert_eq!(refusal(caller.dial("9100").await).await, Some(403));
    assert_eq!(stage.gateway.log().count(&["not called: the minutes of the day are over"]), 2);
    stage.gateway.assert_all_is_over(6);
}

/// Four calls at once use a minute up in a quarter of it. Fails when nobody looks at the ledger, or nothing is kept of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_minutes_of_a_day_end_calls_and_are_over_after_a_kill_too() {
    let folder = TempDir::new().expect("a folder");
    let config = GatewayConfig::default()
        .store(&folder.path().join("w.db"))
        .user_lines("alice", "limits = { minutes_per_day = 1 }");
    let mut stage = Stage::with(&["PCMU"], config);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    let mut ends = Vec::new();
    for _ in 0..4 {
        ends.push(talk_from_webrtc(&alice, &callee).await);
    }
    for (call, _) in &ends {
        call.heard_packets(100, PATIENCE).await.expect("audio");
        assert_mostly_hears(call, CALLEE_HZ).await;
    }
    for (call, lifted) in &ends {
        call.ended(2 * PATIENCE).await.expect("the gateway ends it");
        lifted.ended(PATIENCE).await.expect("the gateway ends it");
    }
    assert_eq!(refusal(alice.dial("9100").await).await, Some(403));
    assert_eq!(stage.gateway.log().count(&["not called: the minutes of the day are over"]), 1);
    drop(alice);
    // What was spent is in the store by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.gateway.kill_and_start_again();
    let alice = webrtc(stage.alice()).await;
    assert_eq!(refusal(alice.dial("9100").await).await, Some(403), "it is not forgotten");
}
