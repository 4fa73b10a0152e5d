//! What tokens say of recordings.

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::JsonPage;

use super::keys::Keys;
use super::page::{
    answer, assert_page_hears, assert_phone_hears, call, connected, hang_up, media, open, pages,
};
use super::policy::{assert_recorded, assert_unmoved};
use super::survival::reload;
use crate::agents::recorded::stage_with;
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
