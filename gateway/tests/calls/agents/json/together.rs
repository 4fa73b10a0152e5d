//! Several calls of a page in one, supervisors, and what pages are told of others.

use std::time::Duration;

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{JsonPage, Voice};

use super::page::{
    OTHER_HZ, answer, assert_page_hears, assert_page_hears_no, assert_phone_hears, assert_phone_hears_no,
    begin_call, call, connect, connected, media, pages, stage,
};
use crate::agents::conference::{BOB_HZ, user};
use crate::agents::stage::{CALLER_HZ, LEVEL_DBM0, Stage, lift_webrtc, phone};
use crate::support::gateway::PATIENCE;

/// Fails unless the page is told that this one speaks, and of nobody else behind that.
async fn assert_speaks(page: &mut JsonPage, name: Value, is_self: bool) {
    let told = loop {
        let told = page.event("speaker", PATIENCE).await.expect("somebody else speaks");
        if (&told["name"], &told["isSelf"]) == (&name, &json!(is_self)) {
            break told;
        }
    };
    let later = page.event("speaker", Duration::from_secs(1)).await;
    assert!(later.is_err(), "{later:?} after {told}");
}

/// Fails when `merge` hands on who is merged instead (then the page hears nobody), and when who leaves takes the others with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_puts_its_two_calls_together_all_hear_each_other_and_go_on_without_it() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let bob = user(&stage, "bob", BOB_HZ).await;
    bob.register().await.expect("the password is right");
    let (mut page, _, first, lifted) = begin_call(&stage, &carrier).await;
    let second = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let taken = lift_webrtc(&bob).await;
    connected(&mut page, &second).await;
    let both = json!({ "callId": first.call_id, "withCall": second.call_id });
    page.request("merge", both).await.expect("it is the page's to do");
    let ended = page.event("ended", PATIENCE).await.expect("the other call is in this one");
    assert_eq!(ended["callId"], second.call_id.as_str());
    for hz in [OTHER_HZ, BOB_HZ] {
        assert_page_hears(&first.media, hz).await;
    }
    for (end, tones) in [(&lifted, [CALLER_HZ, BOB_HZ]), (&taken, [CALLER_HZ, OTHER_HZ])] {
        for hz in tones {
            assert_phone_hears(end, hz).await;
        }
    }
    // One after another is the only one that says something.
    taken.say(None);
    lifted.say(None);
    assert_speaks(&mut page, json!("alice"), true).await;
    page.request("mute", json!({ "callId": first.call_id, "muted": true })).await.expect("the call is up");
    assert_phone_hears_no(&lifted, CALLER_HZ).await;
    lifted.say(Some(Voice::tone(OTHER_HZ, LEVEL_DBM0)));
    assert_speaks(&mut page, json!("9100"), false).await;
    lifted.say(None);
    taken.say(Some(Voice::tone(BOB_HZ, LEVEL_DBM0)));
    assert_speaks(&mut page, json!("bob"), false).await;
    lifted.say(Some(Voice::tone(OTHER_HZ, LEVEL_DBM0)));
    assert_phone_hears(&lifted, BOB_HZ).await;
    page.request("hangup", json!({ "callId": first.call_id })).await.expect("it is there");
    page.event("ended", PATIENCE).await.expect("its end");
    assert_phone_hears(&lifted, BOB_HZ).await;
    assert_phone_hears(&taken, OTHER_HZ).await;
    taken.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("nobody is left to talk with");
    stage.gateway.assert_all_is_over(2);
}

/// A stage where bob supervises alice's group, to which he belongs.
fn supervised() -> Stage {
    let alice = "destination = '700'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
    let config = pages("").user("bob").rule(alice).group("alice", "sales").group("bob", "sales");
    Stage::with(&["PCMU"], config.supervises("bob", "sales"))
}

async fn supervise(page: &mut JsonPage, stage: &Stage, user: &str, mode: &str) -> super::page::Placed {
    let media = media(stage, BOB_HZ);
    let sdp = media.offer(webtrunk_loadtest::agent::Direction::SendRecv).await.expect("an offer");
    let params = json!({ "user": user, "mode": mode, "sdp": sdp });
    let placed = page.request("supervise", params).await.expect("it is asked for");
    super::page::Placed { call_id: placed["callId"].as_str().expect("a name").to_owned(), media }
}

async fn set_mode(page: &mut JsonPage, call_id: &str, mode: &str) {
    page.request("setMode", json!({ "callId": call_id, "mode": mode })).await.expect("it is a supervisor");
}

/// Fails when anybody may supervise, and when one who listens is heard.
#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_listens_whispers_and_barges_where_it_may_and_others_do_not() {
    let stage = supervised();
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let (mut agent, _) = connect(&stage.gateway, "alice").await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let nobody = supervise(&mut bob, &stage, "alice", "listen").await;
    let ended = bob.event("ended", PATIENCE).await.expect("she has no call");
    assert_eq!((&ended["callId"], &ended["cause"]), (&json!(nobody.call_id), &json!("notFound")));

    let dialled = office.dial("700").await.expect("a number");
    let taking = answer(&mut agent, media(&stage, OTHER_HZ));
    let (talk, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    let seat = supervise(&mut bob, &stage, "alice", "listen").await;
    connected(&mut bob, &seat).await;
    for hz in [CALLER_HZ, OTHER_HZ] {
        assert_page_hears(&seat.media, hz).await;
    }
    assert_page_hears(&talk.media, CALLER_HZ).await;
    assert_phone_hears(&dialled, OTHER_HZ).await;
    assert_phone_hears_no(&dialled, BOB_HZ).await;
    assert_page_hears_no(&talk.media, BOB_HZ).await;

    set_mode(&mut bob, &seat.call_id, "whisper").await;
    assert_page_hears(&talk.media, BOB_HZ).await;
    assert_phone_hears_no(&dialled, BOB_HZ).await;
    set_mode(&mut bob, &seat.call_id, "barge").await;
    assert_phone_hears(&dialled, BOB_HZ).await;

    let refused = supervise(&mut agent, &stage, "bob", "listen").await;
    let ended = agent.event("ended", PATIENCE).await.expect("alice supervises nobody");
    assert_eq!((&ended["callId"], &ended["cause"]), (&json!(refused.call_id), &json!("forbidden")));
    bob.request("hangup", json!({ "callId": seat.call_id })).await.expect("it is there");
    bob.event("ended", PATIENCE).await.expect("its end");
    assert_phone_hears(&dialled, OTHER_HZ).await;
    let again = supervise(&mut bob, &stage, "alice", "listen").await;
    connected(&mut bob, &again).await;
    dialled.hang_up().await.expect("confirmed");
    let ended = bob.event("ended", PATIENCE).await.expect("there is nobody to listen to");
    assert_eq!(ended["callId"], again.call_id.as_str());
    agent.event("ended", PATIENCE).await.expect("its end");
    stage.gateway.assert_all_is_over(1);
}

async fn activity(page: &mut JsonPage) -> Value {
    page.event("presence", PATIENCE).await.expect("what somebody does")["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_what_a_user_does_whom_it_may_watch() {
    let stage = supervised();
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    let (mut agent, _) = connect(&stage.gateway, "alice").await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let stranger = bob.request("watch", json!({ "users": ["carol"] })).await;
    assert!(stranger.is_err(), "there is no such user");
    bob.request("watch", json!({ "users": ["alice"] })).await.expect("they share a group");
    assert_eq!(activity(&mut bob).await, "idle");
    let dialled = office.dial("700").await.expect("a number");
    let taking = answer(&mut agent, media(&stage, OTHER_HZ));
    let (talk, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    assert_eq!(activity(&mut bob).await, "ringing");
    assert_eq!(activity(&mut bob).await, "talking");
    assert_page_hears(&talk.media, CALLER_HZ).await;
    let report = agent.request("report", json!({})).await.expect("a report");
    let own = &report["calls"][0];
    assert_eq!((&own["callId"], &own["state"]), (&json!(talk.call_id), &json!("connected")), "{report}");
    let said: Vec<_> =
        report["ladder"].as_array().expect("a ladder").iter().filter_map(|it| it["said"].as_str()).collect();
    assert_eq!(said, ["registration", "incoming", "answer", "connected", "report"]);
    dialled.hang_up().await.expect("confirmed");
    assert_eq!(activity(&mut bob).await, "idle");
    stage.gateway.assert_all_is_over(1);
}
