//! Calls for which there is no room: who made them is told at once, and so is who keeps the records.

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Dialing};

use super::ear::{assert_hears_no_gap, assert_mostly_hears};
use super::json::page::assert_phone_hears;
use super::records::{assert_adds_up, config, wait_for_records};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, talk, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::{RawPhone, header};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// The status that a call is refused with.
async fn refusal(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_which_its_trunk_has_no_room_has_its_record_too() {
    let folder = TempDir::new().expect("a folder");
    let stage = Stage::with(&["PCMU"], config(folder.path()));
    stage.gateway.reload(|text| text.replace("name = \"office\"", "calls_max = 1\nname = \"office\""));
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_eq!(refusal(caller.dial("9100").await).await, Some(503));
    let [refused] = &wait_for_records(folder.path(), 1)[..] else { panic!("one") };
    assert_adds_up(refused);
    assert_eq!(refused["origin"], serde_json::json!({"trunk": "office"}), "{refused:#}");
    assert_eq!((&refused["destination"], &refused["talked_ms"]), (&"9100".into(), &0.into()));
    let end = serde_json::json!({"cause": "overloaded", "by": "gateway", "sip_status": 503, "q850": 34});
    assert_eq!(refused["end"], end, "{refused:#}");
    let figures = stage.gateway.metrics();
    assert!(figures.contains("webtrunk_calls_without_room_total{why=\"trunk\"} 1\n"), "{figures}");

    lifted.heard_packets(100, PATIENCE).await.expect("audio");
    assert_mostly_hears(&call, CALLEE_HZ).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    let both = wait_for_records(folder.path(), 2);
    assert_eq!(both[1]["end"]["cause"], "hangup", "{:#}", both[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_memory_is_used_up_no_call_begins_and_the_one_that_is_up_goes_on() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().defence("max_cps = 1000"));
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    gateway.reload(|text| text.replace("max_cps = 1000", "max_cps = 1000\nmemory_max_mib = 1"));
    assert_eq!(refusal(alice.dial("9100").await).await, Some(503));
    let (status, told) = gateway.public("/readyz");
    assert!(status == 503 && told.contains("memory"), "{status} {told}");
    let figures = gateway.metrics();
    assert!(figures.contains("webtrunk_calls_without_room_total{why=\"memory\"} 1\n"), "{figures}");
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_phone_hears(end, hz).await;
        assert_hears_no_gap(end).await;
    }

    gateway.reload(|text| text.replace("memory_max_mib = 1\n", "memory_max_mib = 100000\n"));
    assert_eq!(gateway.public("/readyz"), (200, "ready\n".to_owned()));
    let (second, _taken) = tokio::join!(alice.call("9100"), lift(&callee));
    second.expect("there is room again").hang_up().await.expect("confirmed");
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(2);
}

/// Fails when `media.calls_max` is not asked where a call comes by SIP, or a call that is over keeps its place.
#[tokio::test(flavor = "multi_thread")]
async fn while_there_are_as_many_calls_as_may_be_no_other_begins_and_those_that_are_up_go_on() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().media("calls_max = 2"));
    let gateway = &stage.gateway;
    let (caller, callee) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(stage.alice()).await;
    let calls = [talk(&caller, &callee).await, talk_from_webrtc(&alice, &callee).await];
    assert_eq!(refusal(alice.dial("9100").await).await, Some(503));
    let mut office = RawPhone::new(&stage.office, gateway, "2001");
    // There is no place for an emergency either.
    for number in ["9100", "112"] {
        let refused = office.ask("INVITE", &format!("sip:{number}@webtrunk.test"), "");
        office.acknowledge(&refused);
        assert!(refused.starts_with("SIP/2.0 503 "), "{number}: {refused}");
        let seconds: u32 = header(&refused, "Retry-After").parse().expect("when to come again");
        assert!((1..=10).contains(&seconds), "{refused}");
    }
    let (status, told) = gateway.public("/readyz");
    assert!(status == 503 && told.contains("as many calls as it may have"), "{status} {told}");
    let figures = gateway.metrics();
    assert!(figures.contains("webtrunk_calls_without_room_total{why=\"calls\"} 3\n"), "{figures}");
    for (call, lifted) in &calls {
        for (end, hz) in [(call, CALLEE_HZ), (lifted, CALLER_HZ)] {
            assert_phone_hears(end, hz).await;
            assert_hears_no_gap(end).await;
        }
    }

    let [(first, _), (second, _)] = &calls;
    first.hang_up().await.expect("confirmed");
    assert!(wait_until(PATIENCE, || gateway.public("/readyz").0 == 200), "its place is free");
    let (third, _taken) = talk_from_webrtc(&alice, &callee).await;
    for call in [&third, second] {
        call.hang_up().await.expect("confirmed");
    }
    gateway.assert_all_is_over(3);
}
