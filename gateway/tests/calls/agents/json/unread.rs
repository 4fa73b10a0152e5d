//! A page that does not read what it is sent.

use std::time::{Duration, Instant};

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::JsonPage;

use super::page::{
    OTHER_HZ, address, assert_page_hears, assert_phone_hears, assert_talk, begin_call, connect, hang_up,
    open, pages, proof, stage, stage_of, stage_with,
};
use crate::agents::ear::{assert_has_few_gaps, assert_hears_no_gap};
use crate::agents::stage::{CALLER_HZ, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::process::wait_until;
use crate::support::stall::Stall;

/// How long a page asks at most until it is let go: what waits in the gateway's socket is some megabytes.
const ASKED_FOR: Duration = Duration::from_secs(60);

/// What the gateway says when a page's connection is over.
const WAITS: &str = "the session waits";

/// As often as a session may, with some to spare.
const EACH: Duration = Duration::from_millis(22);

/// Fails when what waits for a page is not bounded: then it is never let go.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_read_is_let_go_may_come_back_and_others_do_not_notice() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _, placed, lifted) = begin_call(&stage, &carrier).await;
    let mut slow = JsonPage::open_narrow(&address(&stage.gateway)).await.expect("the gateway listens");
    let session = slow.request("connect", proof("bob")).await.expect("the password is right");
    let begun = Instant::now();
    while begun.elapsed() < ASKED_FOR && stage.gateway.log().count(&[WAITS]) == 0 {
        // What the gateway sends is ten times as long as what it reads.
        if slow.send_unread("report", json!({})).await.is_err() {
            break;
        }
        page.request("ping", json!({})).await.expect("others are served");
        tokio::time::sleep(EACH).await;
    }
    assert!(stage.gateway.log().count(&[WAITS]) > 0, "it is let go");
    let token = session["resumeToken"].clone();
    let mut back = open(&stage.gateway).await;
    let anew = back.request("resume", json!({ "token": token, "lastSeen": 1 })).await;
    assert!(anew.is_ok(), "{anew:?}");
    back.request("ping", json!({})).await.expect("it is served");
    page.request("ping", json!({})).await.expect("others are");
    assert_talk(&placed, &lifted).await;
    assert_hears_no_gap(&lifted).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}

/// More than may wait for a page: each is told to it.
const KEYS: usize = 600;

/// Nothing is written to the page, as where it does not read, and faster than that is found out. Fails when what waits has no
/// bound, or its end is that of the call.
#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_wait_for_a_page_is_counted_and_costs_its_connection_and_no_call() {
    let stage = stage_of(pages("").media("shards = 1"));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, session, placed, lifted) = begin_call(&stage, &carrier).await;
    let last_seen = page.last_seen();
    let stalls = Stall::of_http(stage.gateway.process.id());
    for _ in 0..KEYS {
        lifted.send_info_digit('5').await.expect("the gateway takes digits");
    }
    assert!(wait_until(PATIENCE, || stage.gateway.overflows("pages") > 0));
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_eq!(stage.gateway.log().count(&[WAITS]), 1);
    drop(stalls);
    drop(page);
    let mut back = open(&stage.gateway).await;
    let params = json!({ "token": session["resumeToken"], "lastSeen": last_seen });
    let resumed = back.request("resume", params).await.expect("its session waits");
    assert_eq!(resumed["eventsLost"], true, "{resumed}");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    lifted.heard_packets(500, PATIENCE).await.expect("audio");
    assert_has_few_gaps(&lifted.heard().await.expect("a log"));
    hang_up(&mut back, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    assert_eq!(stage.gateway.overflows("pages"), 1);
    stage.gateway.assert_all_is_over(1);
}

/// Whoever reads nothing answers no pings. Fails when nobody minds.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_answers_no_pings_is_gone_may_come_back_and_a_call_does_not_notice() {
    let stage = stage_with("ping_s = 1");
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    let (silent, session) = connect(&stage.gateway, "bob").await;
    let is_gone = || stage.gateway.log().count(&[WAITS]) == 1;
    assert!(tokio::task::block_in_place(|| wait_until(PATIENCE, is_gone)), "it is let go");
    let last_seen = silent.last_seen();
    drop(silent);
    let mut back = open(&stage.gateway).await;
    let params = json!({ "token": session["resumeToken"], "lastSeen": last_seen });
    back.request("resume", params).await.expect("its session waits");
    assert_phone_hears(&call, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    stage.gateway.assert_all_is_over(1);
}
