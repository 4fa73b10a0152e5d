//! A page that says by its pings what it has seen: the gateway forgets that, and what it has not seen is pushed out by no message.

use std::time::Duration;

use serde_json::json;
use webtrunk_codecs::CodecId;

use super::entry::code;
use super::page::{assert_talk_and_end, begin_call, connect, pages, stage, stage_of};
use super::survival::resume;
use crate::agents::stage::phone;
use crate::support::gateway::PATIENCE;
use crate::support::process::wait_until;

/// What the gateway says when a page's connection is lost, and when a key is pressed.
const WAITS: &str = "the session waits";
const PRESSED: &str = "digit pressed";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_again_what_it_has_not_seen_and_nothing_that_it_said_by_a_ping_to_have_seen() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, session, placed, lifted) = begin_call(&stage, &carrier).await;
    assert_eq!(page.request("ping", json!({})).await.expect("it is served"), json!({}));
    lifted.send_digits("15").await.expect("keys");
    for key in ["1", "5"] {
        assert_eq!(page.event("dtmf", PATIENCE).await.expect("a key")["digit"], key);
    }

    // A ping that says nothing has the gateway forget nothing.
    drop(page);
    let (mut page, resumed) = resume(&stage, &session["resumeToken"], 0).await.expect("in time");
    assert_eq!(resumed["eventsLost"], false, "{resumed}");
    for key in ["1", "5"] {
        assert_eq!(page.event("dtmf", PATIENCE).await.expect("it is told again")["digit"], key);
    }
    let last_seen = page.last_seen();
    let answered = page.request("ping", json!({ "lastSeen": last_seen })).await;
    assert_eq!(answered.expect("it is served"), json!({}));

    drop(page);
    let (mut page, resumed) = resume(&stage, &resumed["resumeToken"], 0).await.expect("in time");
    assert_eq!(resumed["eventsLost"], true, "it claims to have seen nothing, and that is gone: {resumed}");
    // What is told again comes before the answer.
    page.request("ping", json!({})).await.expect("it is served");
    let told = page.unasked();
    assert!(!told.iter().any(|event| event == "dtmf" || event == "connected"), "{told:?}");

    let noted = |words: &str| stage.gateway.log().count(&[words]);
    let more = |words: &str, before: usize| {
        tokio::task::block_in_place(|| wait_until(PATIENCE, || noted(words) > before))
    };
    let [waits, pressed] = [WAITS, PRESSED].map(noted);
    drop(page);
    assert!(more(WAITS, waits), "its connection is lost");
    lifted.send_digits("9").await.expect("a key");
    assert!(more(PRESSED, pressed), "it was pressed");
    let (mut page, resumed) = resume(&stage, &resumed["resumeToken"], last_seen).await.expect("in time");
    assert_eq!(resumed["eventsLost"], false, "{resumed}");
    assert_eq!(page.event("dtmf", PATIENCE).await.expect("it is told now")["digit"], "9");
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

/// What the gateway keeps of a page at most.
const KEPT: usize = 256;

/// She reads what comes, and yet says no more that she did.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_to_a_page_that_has_not_said_what_it_saw_is_told_to_wait_until_it_says_so() {
    let stage = stage_of(pages("").messages("per_second = 1000"));
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let seen = json!({ "lastSeen": alice.last_seen() });
    alice.request("ping", seen).await.expect("it is served");
    let written = |index: usize| json!({ "to": "alice", "text": index.to_string() });
    let mut taken = 0;
    let refused = loop {
        match bob.request("message", written(taken)).await {
            Ok(told) => assert_eq!(told, json!({})),
            Err(refused) => break refused,
        }
        taken += 1;
        assert!(taken < KEPT, "something that she has not seen is forgotten");
        // No more than a session may ask in a second.
        tokio::time::sleep(Duration::from_millis(25)).await;
    };
    assert_eq!(code(Err(refused)), 1010, "after {taken}");
    assert!(taken > KEPT / 2, "{taken} are little");
    for index in 0..taken {
        let message = alice.event("message", PATIENCE).await.expect("it was taken");
        assert_eq!((&message["from"], &message["text"]), (&json!("bob"), &json!(index.to_string())));
    }
    let seen = json!({ "lastSeen": alice.last_seen() });
    alice.request("ping", seen).await.expect("it is served");
    bob.request("message", written(taken)).await.expect("there is room");
    alice.event("message", PATIENCE).await.expect("it comes");
    assert!(alice.unasked().iter().all(|event| event != "message"), "what was refused is not told");
    stage.gateway.assert_all_is_over(0);
}
