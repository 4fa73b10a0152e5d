//! Calls of pages, both ways, with phones, browsers by SIP, and other pages.

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::AgentError;

use super::page::{
    OTHER_HZ, answer, assert_page_hears, assert_phone_hears, assert_talk, assert_talk_and_end, call, connect,
    connected, hang_up, media, open, proof, stage, take,
};
use crate::agents::stage::{CALLER_HZ, lift, lift_webrtc, phone, webrtc};
use crate::support::gateway::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_a_phone_and_both_hear_each_other() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session) = connect(&stage.gateway, "alice").await;
    assert_eq!(session["user"], "alice");
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    page.event("trying", PATIENCE).await.expect("it is on its way");
    page.event("ringing", PATIENCE).await.expect("it rings");
    connected(&mut page, &placed).await;
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_calls_a_page_and_both_hear_each_other() {
    let stage = stage();
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let dialled = office.dial("700").await.expect("a number");
    let taking = answer(&mut page, media(&stage, OTHER_HZ));
    let (placed, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    assert!(dialled.provisional_statuses().contains(&180), "the page rang");
    assert_page_hears(&placed.media, CALLER_HZ).await;
    assert_phone_hears(&dialled, OTHER_HZ).await;
    dialled.hang_up().await.expect("confirmed");
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!((&ended["cause"], &ended["q850"]), (&json!("hangup"), &json!(16)));
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_a_browser_by_sip_call_each_other() {
    let stage = stage();
    let bob = webrtc(stage.bob()).await;
    bob.register().await.expect("the password is right");
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let lifted = lift_webrtc(&bob).await;
    connected(&mut page, &placed).await;
    assert_talk(&placed, &lifted).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("bob is told");
    let taking = answer(&mut page, media(&stage, CALLER_HZ));
    let (placed, dialled) = tokio::join!(taking, bob.call("alice"));
    let dialled = dialled.expect("an answer");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&dialled, CALLER_HZ).await;
    dialled.hang_up().await.expect("confirmed");
    page.event("ended", PATIENCE).await.expect("its end");
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_that_a_page_gives_itself_is_shown_to_whom_it_calls() {
    let stage = stage();
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let mut page = open(&stage.gateway).await;
    let mut named = proof("alice");
    named["displayName"] = json!("Alice of Sales");
    page.request("connect", named).await.expect("the password is right");
    let placed = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let incoming = bob.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!((&incoming["from"], &incoming["displayName"]), (&json!("alice"), &json!("Alice of Sales")));
    let taken = take(&mut bob, &incoming, media(&stage, OTHER_HZ)).await;
    connected(&mut page, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_page_hears(&taken.media, CALLER_HZ).await;
    hang_up(&mut page, placed).await;
    bob.event("ended", PATIENCE).await.expect("he is told");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pages_of_a_user_and_its_browser_by_sip_ring_and_the_first_takes_the_call() {
    let stage = stage();
    let by_sip = webrtc(stage.alice()).await;
    by_sip.register().await.expect("the password is right");
    let ((mut one, _), (mut other, _)) =
        (connect(&stage.gateway, "alice").await, connect(&stage.gateway, "alice").await);
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let dialled = office.dial("700").await.expect("a number");
    other.event("incoming", PATIENCE).await.expect("it rings there too");
    let mut ringing = by_sip.next_incoming().await.expect("it rings there too");
    ringing.ring();
    let (placed, dialled) =
        tokio::join!(answer(&mut one, media(&stage, OTHER_HZ)), dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    let ended = other.event("ended", PATIENCE).await.expect("its end");
    assert_eq!(ended["cause"], "answeredElsewhere");
    ringing.ended(PATIENCE).await.expect("it is cancelled");
    assert_page_hears(&placed.media, CALLER_HZ).await;
    assert_phone_hears(&dialled, OTHER_HZ).await;
    dialled.hang_up().await.expect("confirmed");
    one.event("ended", PATIENCE).await.expect("its end");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_rejects_a_call_gives_one_up_and_is_told_that_nobody_is_there() {
    let stage = stage();
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    for (cause, status) in [(json!("busy"), 486), (json!("declined"), 603)] {
        let dialled = office.dial("700").await.expect("a number");
        let refused = dialled.answered(PATIENCE);
        let rejecting = async {
            let incoming = page.event("incoming", PATIENCE).await.expect("a call");
            let params = json!({ "callId": incoming["callId"], "cause": cause });
            page.request("reject", params).await.expect("it waits");
        };
        let (refused, ()) = tokio::join!(refused, rejecting);
        assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(status));
        page.event("ended", PATIENCE).await.expect("its end");
    }
    let dialled = office.dial("700").await.expect("a number");
    page.event("incoming", PATIENCE).await.expect("a call");
    drop(dialled);
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!(ended["cause"], "cancelled");
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let mut ringing = carrier.next_incoming().await.expect("a call");
    ringing.ring();
    page.event("ringing", PATIENCE).await.expect("it rings");
    page.request("hangup", json!({ "callId": placed.call_id })).await.expect("it is there");
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!(ended["cause"], "cancelled");
    ringing.ended(PATIENCE).await.expect("it is cancelled");
    call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!((&ended["cause"], &ended["sipStatus"]), (&json!("unavailable"), &json!(480)));
    stage.gateway.assert_all_is_over(5);
}

/// What a refusal of the far end is to the page: a word, a sentence, and the codes of the telephone network and SIP.
const REFUSALS: [(u16, &str, &str, u16, u16); 8] = [
    (486, "busy", "The other party is in another call.", 17, 486),
    (603, "declined", "The other party does not want the call.", 21, 603),
    (404, "notFound", "Nobody has this number.", 1, 404),
    (480, "unavailable", "The other party cannot be reached now.", 20, 480),
    (403, "forbidden", "This call is not allowed.", 57, 403),
    (488, "notAcceptable", "The two ends have no media in common.", 88, 488),
    (408, "noAnswer", "Nobody answered.", 19, 480),
    (500, "gatewayFailure", "The network beyond the gateway failed.", 38, 502),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_why_its_call_was_refused_in_words_and_by_the_codes_of_both_networks() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    for (status, cause, text, q850, sip_status) in REFUSALS {
        let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
        carrier.next_incoming().await.expect("a call").reject(status).await.expect("it is taken");
        let ended = page.event("ended", PATIENCE).await.expect("its end");
        for (name, expected) in [
            ("callId", json!(placed.call_id)),
            ("cause", json!(cause)),
            ("text", json!(text)),
            ("q850", json!(q850)),
            ("sipStatus", json!(sip_status)),
        ] {
            assert_eq!(ended[name], expected, "{name} of {status}: {ended}");
        }
    }
    stage.gateway.assert_all_is_over(REFUSALS.len());
}
