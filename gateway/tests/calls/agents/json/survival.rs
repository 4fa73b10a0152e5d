//! Calls whose page loses its connection, comes back, is reloaded, or stays away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Direction, JsonPage, PageError, PageMedia};

use super::page::{
    OTHER_HZ, answer, assert_page_hears, assert_phone_hears, assert_phone_hears_no, assert_talk,
    assert_talk_and_end, begin_call, change, connect, hang_up, media, open, pages, stage, stage_with,
};
use crate::agents::ear::assert_hears_no_gap;
use crate::agents::played::Prompts;
use crate::agents::stage::{CALLER_HZ, Stage, phone};
use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::process::wait_until;

/// What who waits hears.
const MUSIC_HZ: u16 = 700;

pub(super) async fn resume(
    stage: &Stage,
    token: &Value,
    last_seen: u64,
) -> Result<(JsonPage, Value), PageError> {
    let mut page = open(&stage.gateway).await;
    let session = page.request("resume", json!({ "token": token, "lastSeen": last_seen })).await?;
    Ok((page, session))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_without_a_gap_while_its_page_has_no_connection_and_the_page_learns_what_it_missed() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, session, placed, lifted) = begin_call(&stage, &carrier).await;
    let last_seen = page.last_seen();
    // The connection breaks without a word.
    drop(page);
    lifted.send_digits("159").await.expect("keys");
    tokio::time::sleep(Duration::from_secs(10)).await;
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
    assert_talk(&placed, &lifted).await;
    assert_hears_no_gap(&lifted).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}

/// More than the gateway keeps for a page that is away.
const KEYS: usize = 260;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_missed_more_than_is_kept_is_told_so_and_its_call_goes_on() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, session, placed, lifted) = begin_call(&stage, &carrier).await;
    let last_seen = page.last_seen();
    drop(page);
    stage.gateway.log().wait_for(&["the session waits"], PATIENCE);
    for _ in 0..KEYS {
        lifted.send_info_digit('5').await.expect("the gateway takes digits");
    }
    assert!(wait_until(PATIENCE, || stage.gateway.log().count(&["digit pressed"]) == KEYS));
    let (mut page, resumed) = resume(&stage, &session["resumeToken"], last_seen).await.expect("in time");
    let known = json!([{ "callId": placed.call_id, "peer": "9100", "state": "connected" }]);
    assert_eq!((&resumed["calls"], &resumed["eventsLost"]), (&known, &json!(true)));
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_outlives_a_hundred_lost_connections_without_a_gap() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session, placed, lifted) = begin_call(&stage, &carrier).await;
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
    let (page, session, _placed, lifted) = begin_call(&stage, &carrier).await;
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
async fn a_call_that_comes_while_a_page_has_no_connection_rings_when_it_is_back() {
    let stage = stage();
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let (page, session) = connect(&stage.gateway, "alice").await;
    let last_seen = page.last_seen();
    drop(page);
    stage.gateway.log().wait_for(&["the session waits"], PATIENCE);
    let dialled = office.dial("700").await.expect("a number");
    stage.gateway.log().wait_for(&["call began"], PATIENCE);
    let (mut page, _) = resume(&stage, &session["resumeToken"], last_seen).await.expect("in time");
    let taking = answer(&mut page, media(&stage, OTHER_HZ));
    let (placed, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    assert!(dialled.provisional_statuses().contains(&180), "the page rang");
    assert_page_hears(&placed.media, CALLER_HZ).await;
    assert_phone_hears(&dialled, OTHER_HZ).await;
    dialled.hang_up().await.expect("confirmed");
    page.event("ended", PATIENCE).await.expect("its end");
    stage.gateway.assert_all_is_over(1);
}

/// Its connection is there still.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_session_goes_on_elsewhere_is_told_and_closed_and_its_call_does_not_notice() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session, placed, lifted) = begin_call(&stage, &carrier).await;
    let resumed = resume(&stage, &session["resumeToken"], page.last_seen()).await;
    let (mut other, resumed) = resumed.expect("in time");
    assert_eq!(resumed["calls"][0]["callId"], placed.call_id.as_str());
    page.event("replacedSession", PATIENCE).await.expect("it is told");
    page.closed(PATIENCE).await.expect("its end");
    assert_talk(&placed, &lifted).await;
    assert_hears_no_gap(&lifted).await;
    hang_up(&mut other, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_reloaded_joins_its_call_by_new_media() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, session, mut placed, lifted) = begin_call(&stage, &carrier).await;
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
    assert_talk(&placed, &lifted).await;
    assert!(!page.unasked().contains(&"ended".to_owned()), "the call went on");
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}

/// Has a page come back whose media is gone, and join its call.
pub(super) async fn reload(stage: &Stage, token: &Value, last_seen: u64) -> (JsonPage, Value, PageMedia) {
    let (mut page, resumed) = resume(stage, token, last_seen).await.expect("in time");
    let media = media(stage, CALLER_HZ);
    let sdp = media.offer(Direction::SendRecv).await.expect("an offer");
    let params = json!({ "callId": resumed["calls"][0]["callId"], "sdp": sdp });
    let joined = page.request("rejoin", params).await.expect("it is its own");
    media.accept(joined["sdp"].as_str().expect("an answer")).await.expect("a codec in common");
    media.ready(PATIENCE).await.expect("a path");
    (page, resumed, media)
}

/// Fails when who is left hears nothing while its page is reloaded.
#[tokio::test(flavor = "multi_thread")]
async fn who_talks_with_a_page_hears_music_while_that_is_reloaded() {
    let prompts = Prompts::new();
    let music = format!("music_on_hold = {:?}", prompts.wav(MUSIC_HZ, 16_000));
    let stage = Stage::with(&["PCMU"], pages("").media(&music));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, session, mut placed, lifted) = begin_call(&stage, &carrier).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    let last_seen = page.last_seen();
    drop(page);
    std::mem::replace(&mut placed.media, media(&stage, CALLER_HZ)).vanish();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_phone_hears(&lifted, MUSIC_HZ).await;
    let (mut page, _, own) = reload(&stage, &session["resumeToken"], last_seen).await;
    placed.media = own;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_phone_hears_no(&lifted, MUSIC_HZ).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

/// Longer than a leg may be silent (RFC 7675), and shorter than a session waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_after_its_consent_expired_joins_its_call() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, session, mut placed, lifted) = begin_call(&stage, &carrier).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    let last_seen = page.last_seen();
    drop(page);
    std::mem::replace(&mut placed.media, media(&stage, CALLER_HZ)).vanish();
    tokio::time::sleep(Duration::from_secs(40)).await;
    let (mut page, _, own) = reload(&stage, &session["resumeToken"], last_seen).await;
    placed.media = own;
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make pages"]
async fn a_call_outlives_a_hundred_reloads_of_its_page() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session, mut placed, lifted) = begin_call(&stage, &carrier).await;
    let (mut token, mut last_seen) = (session["resumeToken"].clone(), page.last_seen());
    for _ in 0..100 {
        drop(page);
        std::mem::replace(&mut placed.media, media(&stage, CALLER_HZ)).vanish();
        let (resumed, own);
        (page, resumed, own) = reload(&stage, &token, last_seen).await;
        assert_eq!(resumed["calls"][0]["callId"], placed.call_id.as_str());
        placed.media = own;
        let so_far = lifted.heard().await.expect("a log").packets.len();
        lifted.heard_packets(so_far + 10, PATIENCE).await.expect("the page is heard");
        token = resumed["resumeToken"].clone();
        last_seen = last_seen.max(page.last_seen());
    }
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

/// Fails when a gap after a change of address is three seconds or more.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "make pages"]
async fn a_call_outlives_a_hundred_changes_of_its_pages_address() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session, placed, lifted) = begin_call(&stage, &carrier).await;
    let (mut token, mut last_seen) = (session["resumeToken"].clone(), page.last_seen());
    let mut gaps = Vec::new();
    for _ in 0..100 {
        let elsewhere = Host::new();
        let lost_at = Instant::now();
        placed.media.lose_network(elsewhere.ip()).expect("the host is ours");
        drop(page);
        let resumed;
        (page, resumed) = resume(&stage, &token, last_seen).await.expect("in time");
        placed.media.restart_ice().await.expect("it has ICE");
        change(&mut page, &placed, "update", Direction::SendRecv).await.expect("an answer");
        let so_far = placed.media.heard().await.expect("a log").packets.len();
        placed.media.heard_packets(so_far + 1, PATIENCE).await.expect("audio again");
        gaps.push(lost_at.elapsed());
        token = resumed["resumeToken"].clone();
        last_seen = last_seen.max(page.last_seen());
    }
    gaps.sort_unstable();
    eprintln!("gaps after changes of address: median {:?}, longest {:?}", gaps[50], gaps[99]);
    assert!(gaps[99] < Duration::from_secs(3), "{:?}", gaps[99]);
    assert_talk(&placed, &lifted).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}
