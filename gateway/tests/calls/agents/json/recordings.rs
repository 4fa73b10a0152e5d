//! What pages wish of recordings, and what their tokens say.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::JsonPage;

use super::keys::Keys;
use super::page::{
    answer, assert_page_hears, assert_phone_hears, call, connect, connected, hang_up, media, open, pages,
};
use super::policy::{assert_recorded, assert_unmoved};
use super::survival::reload;
use crate::agents::recorded::{WAV_OFF_MAX_DB, assert_sides, read_wav, recording, stage_with};
use crate::agents::recorded_on_demand::{assert_both_are_heard, silence};
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;

/// A page of alice's by a token that says this.
async fn come(stage: &Stage, keys: &Keys, recording: &str) -> (JsonPage, Value) {
    let mut page = open(&stage.gateway).await;
    let token = keys.token(300, json!({ "recording": recording }));
    let session = page.request("connect", token).await.expect("a good token");
    page.event("registration", PATIENCE).await.expect("it can be called");
    (page, session)
}

/// Fails when a token's word is not kept: at either end of a call, over a reload, and whoever asks for something else.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_by_a_token_is_recorded_or_not_as_that_says_whatever_the_rules_say() {
    let (folder, keys) = (TempDir::new().expect("a folder"), Keys::new());
    // Calls to 81wav are recorded by their rule, and those to 82 where somebody asks.
    let config = pages(&keys.line())
        .rule("destination = '700'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]")
        .rule(
            "destination = '82'\nactions = [{ record = { format = 'wav', begin = 'asked', info = true } }, \
             { bridge = { trunk = 'carrier', number = '9100' } }]",
        );
    let stage = stage_with(config, folder.path());
    let (office, carrier) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let talk = async |page: &mut JsonPage, to: &str| {
        let placed = call(page, media(&stage, CALLER_HZ), to).await;
        let lifted = lift(&carrier).await;
        connected(page, &placed).await;
        assert_phone_hears(&lifted, CALLER_HZ).await;
        (placed, lifted)
    };

    let (mut page, _) = come(&stage, &keys, "always").await;
    for (to, calls) in [("9100", 1), ("82", 2)] {
        let (placed, lifted) = talk(&mut page, to).await;
        for wish in ["off", "pause"] {
            assert_unmoved(&mut page, &placed, wish).await;
        }
        lifted.heard_packets(200, PATIENCE).await.expect("audio");
        hang_up(&mut page, placed).await;
        lifted.ended(PATIENCE).await.expect("it is hung up");
        assert_recorded(&stage, folder.path(), calls);
    }
    let dialled = office.dial("700").await.expect("a number");
    let taking = answer(&mut page, media(&stage, CALLEE_HZ));
    let (placed, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    assert_page_hears(&placed.media, CALLER_HZ).await;
    dialled.heard_packets(200, PATIENCE).await.expect("audio");
    dialled.hang_up().await.expect("confirmed");
    page.event("ended", PATIENCE).await.expect("its end");
    assert_recorded(&stage, folder.path(), 3);
    page.request("disconnect", json!({})).await.expect("it is there");

    let (mut page, session) = come(&stage, &keys, "never").await;
    let (mut placed, lifted) = talk(&mut page, "81wav").await;
    let last_seen = page.last_seen();
    drop(page);
    std::mem::replace(&mut placed.media, media(&stage, CALLER_HZ)).vanish();
    let (mut page, _, own) = reload(&stage, &session["resumeToken"], last_seen).await;
    placed.media = own;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let (placed, lifted) = talk(&mut page, "82").await;
    assert_unmoved(&mut page, &placed, "on").await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");
    assert_eq!(stage.gateway.log().count(&["recording started"]), 3, "of who wanted it alone");
    stage.gateway.assert_all_is_over(5);
}

/// Fails when a pause is not silent, or when what is said before or behind it is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_begins_pauses_resumes_and_ends_the_recording_of_its_call() {
    const WHILE: Duration = Duration::from_millis(1500);
    let folder = TempDir::new().expect("a folder");
    let config = pages("").rule(
        "destination = '82'\nactions = [{ record = { format = 'wav', begin = 'asked', info = true } }, \
         { bridge = { trunk = 'carrier', number = '9100' } }]",
    );
    let stage = stage_with(config, folder.path());
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "82").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_page_hears(&placed.media, CALLEE_HZ).await;
    for wish in ["on", "pause", "resume", "off"] {
        let params = json!({ "callId": placed.call_id, "wish": wish });
        page.request("record", params).await.unwrap_or_else(|error| panic!("{wish}: {error}"));
        tokio::time::sleep(WHILE).await;
    }
    stage.gateway.log().wait_for(&["recording stopped", "Stopped"], PATIENCE);
    assert_page_hears(&placed.media, CALLEE_HZ).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");

    let (sides, rate) = read_wav(&recording(folder.path(), "wav"));
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    let (begins, lasts) = silence(&sides, rate);
    let around = Duration::from_millis(200);
    assert!(begins > 3 * around && lasts > WHILE - around, "silent for {lasts:?} from {begins:?} on");
    let goes_on = begins + lasts + around;
    for part in [[around, begins - around], [goes_on, goes_on + 3 * around]] {
        assert_both_are_heard(&sides, rate, part);
    }
    stage.gateway.assert_all_is_over(1);
}
