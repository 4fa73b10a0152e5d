//! Calls of pages for which there is no room: who asks is told at once, and who talks does not notice.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Direction, JsonPage, PageError, PageMedia};

use super::page::{
    OTHER_HZ, assert_page_hears, assert_phone_hears, begin_call, call, connect, connected, hang_up, media,
    pages,
};
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;
use crate::support::process::wait_until;

/// What the JSON API says to a call for which there is no room.
const OVERLOADED: i64 = 1010;

/// So many calls tell whether a media thread is late.
const CALLS: usize = 4;

/// How long a machine is made late for at most.
const SECONDS_MAX: usize = 30;

/// Asks for a call that is refused: its code.
async fn refused(page: &mut JsonPage, media: &PageMedia, to: &str) -> Option<i64> {
    let sdp = media.offer(Direction::SendRecv).await.expect("an offer");
    match page.request("call", json!({ "to": to, "sdp": sdp })).await {
        Err(PageError::Refused { code, .. }) => Some(code),
        Ok(_) | Err(_) => None,
    }
}

fn without_room(stage: &Stage, why: &str) -> Option<u32> {
    let (metrics, name) =
        (stage.gateway.metrics(), format!("webtrunk_calls_without_room_total{{why={why:?}}} "));
    metrics.lines().find_map(|line| line.strip_prefix(name.as_str())).and_then(|count| count.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_begin_no_more_calls_a_second_than_all_others_together() {
    let stage = Stage::with(&["PCMU"], pages("").defence("max_cps = 1"));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let second = media(&stage, CALLER_HZ);
    assert_eq!(refused(&mut page, &second, "9100").await, Some(OVERLOADED));
    assert_eq!(without_room(&stage, "rate"), Some(1));
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    // More than a second has passed.
    let another = call(&mut page, second, "9100").await;
    let taken = lift(&carrier).await;
    connected(&mut page, &another).await;
    assert_phone_hears(&taken, CALLER_HZ).await;
    hang_up(&mut page, another).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_media_threads_are_late_a_page_begins_no_call_and_its_own_goes_on() {
    let tone = format!("{{ tone = {{ frequency_hz = {CALLEE_HZ}, level_dbm0 = -10 }} }}");
    let rule = format!("destination = '701'\nactions = ['answer', {tone}]");
    let stage =
        Stage::with(&["PCMU"], pages("").media("shards = 1").defence("refuse_when_late = true").rule(&rule));
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let placed = call(&mut page, media(&stage, CALLER_HZ), "701").await;
        connected(&mut page, &placed).await;
        calls.push(placed);
    }
    let second = media(&stage, CALLER_HZ);
    let mut code = None;
    for _ in 0..SECONDS_MAX {
        // A third of a second's packets come too late.
        for _ in 0..13 {
            stage.gateway.stand_still(Duration::from_millis(50)).await;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        if stage.gateway.public("/readyz").0 == 503 {
            code = refused(&mut page, &second, "701").await;
            break;
        }
    }
    assert_eq!(code, Some(OVERLOADED));
    assert_eq!(without_room(&stage, "late"), Some(1));
    for placed in calls {
        assert_page_hears(&placed.media, CALLEE_HZ).await;
        hang_up(&mut page, placed).await;
    }
    stage.gateway.assert_all_is_over(CALLS);
}

/// Fails when a gateway that drains is told of by SIP alone, or lets its pages go before their calls are over.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_drains_begins_no_call_of_a_page_and_the_one_that_is_up_goes_on() {
    let mut stage = Stage::with(&["PCMU"], pages("").drain_timeout(600));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _, placed, lifted) = begin_call(&stage, &carrier).await;
    stage.gateway.process.signal(Signal::SIGTERM);
    assert!(wait_until(PATIENCE, || stage.gateway.public("/readyz").0 == 503), "it drains");
    let second = media(&stage, CALLER_HZ);
    assert_eq!(refused(&mut page, &second, "9100").await, Some(OVERLOADED));
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    lifted.hang_up().await.expect("confirmed");
    let status = stage.gateway.process.wait(PATIENCE).expect("it ends when the call is over");
    assert_eq!(status.code(), Some(0));
}
