//! Calls whose page loses its connection, comes back, is reloaded, or stays away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Direction, JsonPage, PageError};

use super::page::{
    OTHER_HZ, assert_page_hears, assert_phone_hears, call, connect, connected, hang_up, media, open, stage,
    stage_with,
};
use crate::agents::ear::assert_hears_no_gap;
use crate::agents::stage::{CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;

async fn resume(stage: &Stage, token: &Value, last_seen: u64) -> Result<(JsonPage, Value), PageError> {
    let mut page = open(&stage.gateway).await;
    let session = page.request("resume", json!({ "token": token, "lastSeen": last_seen })).await?;
    Ok((page, session))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_without_a_gap_while_its_page_has_no_connection_and_the_page_learns_what_it_missed() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    let last_seen = page.last_seen();
    // The connection breaks without a word.
    drop(page);
    lifted.send_digits("159").await.expect("keys");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (mut page, resumed) = resume(&stage, &session["resumeToken"], last_seen).await.expect("in time");
    let known = json!([{ "callId": placed.call_id, "peer": "9100", "state": "connected" }]);
    assert_eq!((&resumed["calls"], &resumed["eventsLost"]), (&known, &json!(false)));
    for key in ["1", "5", "9"] {
        assert_eq!(page.event("dtmf", PATIENCE).await.expect("a key")["digit"], key);
    }
    // The token that opened the connection is good until something came by it.
    page.request("ping", json!({})).await.expect("it is there");
    let again = resume(&stage, &session["resumeToken"], last_seen).await;
    assert!(matches!(again, Err(PageError::Refused { code: 1009, .. })), "it was used");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_hears_no_gap(&lifted).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_a_hundred_lost_connections_without_a_gap() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    let mut token = session["resumeToken"].clone();
    let mut last_seen = page.last_seen();
    for lost in 0..100 {
        drop(page);
        // Some come back before the gateway has noticed, and some after.
        tokio::time::sleep(Duration::from_millis(lost % 40)).await;
        let resumed;
        (page, resumed) = resume(&stage, &token, last_seen).await.expect("in time");
        assert_eq!(resumed["calls"][0]["callId"], placed.call_id.as_str());
        token = resumed["resumeToken"].clone();
        last_seen = last_seen.max(page.last_seen());
    }
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_hears_no_gap(&lifted).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_stays_away_has_its_call_hung_up_when_its_time_is_over() {
    let stage = stage_with("resume_s = 2");
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    let (lost_at, last_seen) = (Instant::now(), page.last_seen());
    drop(page);
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let after = lost_at.elapsed();
    assert!((1800..6000).contains(&after.as_millis()), "after {after:?}");
    let late = resume(&stage, &session["resumeToken"], last_seen).await;
    assert!(matches!(late, Err(PageError::Refused { code: 1009, .. })), "it is over");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_reloaded_joins_its_call_by_new_media() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session) = connect(&stage.gateway, "alice").await;
    let mut placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    let last_seen = page.last_seen();
    // All that the page had is gone.
    drop(page);
    std::mem::replace(&mut placed.media, media(&stage, CALLER_HZ)).vanish();
    let (mut page, resumed) = resume(&stage, &session["resumeToken"], last_seen).await.expect("in time");
    let call_id = resumed["calls"][0]["callId"].clone();
    let sdp = placed.media.offer(Direction::SendRecv).await.expect("an offer");
    let joined =
        page.request("rejoin", json!({ "callId": call_id, "sdp": sdp })).await.expect("it is its own");
    placed.media.accept(joined["sdp"].as_str().expect("an answer")).await.expect("a codec in common");
    placed.media.ready(PATIENCE).await.expect("a path");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert!(!page.unasked().contains(&"ended".to_owned()), "the call went on");
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}
