//! Users of a customer, whom its tokens name: what they may is said of each and of all together.

use serde_json::{Value, json};
use webtrunk::http_client::{self, Request};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::JsonPage;

use super::keys::Keys;
use super::page::{assert_talk, call, connected, hang_up, media, open, pages, stage_with};
use crate::agents::stage::{CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;

async fn connect(stage: &Stage, keys: &Keys, user: &str) -> (JsonPage, Value) {
    let mut page = open(&stage.gateway).await;
    let token = keys.token(300, json!({ "sub": user, "customer": "acme" }));
    let session = page.request("connect", token).await.expect("a good token");
    (page, session)
}

/// Calls, and is told why not.
async fn refused(page: &mut JsonPage, stage: &Stage, to: &str) -> String {
    call(page, media(stage, CALLER_HZ), to).await;
    page.event("ended", PATIENCE).await.expect("its end")["cause"].as_str().expect("a word").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_users_share_its_calls_and_call_its_numbers_alone() {
    let keys = Keys::new();
    let customer = "[[customers]]\nname = \"acme\"\ncalls_max = 1\nnumbers = [\"4711\"]\nlimits = { numbers_allow = [\"91\"] }";
    let stage = stage_with(&format!("{}\n{customer}", keys.line()));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, session) = connect(&stage, &keys, "alice").await;
    assert_eq!(session["user"], "acme+alice");
    let (mut bob, _) = connect(&stage, &keys, "bob").await;
    assert_eq!(refused(&mut alice, &stage, "9200").await, "forbidden");
    let placed = call(&mut alice, media(&stage, CALLER_HZ), "9100").await;
    let incoming = carrier.next_incoming().await.expect("a call");
    assert!(incoming.invite.contains("From: <sip:4711@"), "{}", incoming.invite);
    let lifted = incoming.answer().await.expect("a codec in common");
    connected(&mut alice, &placed).await;
    assert_eq!(refused(&mut bob, &stage, "9100").await, "overloaded", "one call of all");
    assert_talk(&placed, &lifted).await;
    hang_up(&mut alice, placed).await;
    let placed = call(&mut bob, media(&stage, CALLER_HZ), "9100").await;
    let _lifted = lift(&carrier).await;
    connected(&mut bob, &placed).await;
    hang_up(&mut bob, placed).await;
    stage.gateway.assert_all_is_over(3);
}

/// Four calls at once use a minute up in a quarter of it. Fails when each user has minutes of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_customers_users_use_its_minutes_up_together_and_another_customers_user_calls_on() {
    let keys = Keys::new();
    let customers = "[[customers]]\nname = \"acme\"\nlimits_together = { minutes_per_day = 1 }\n\
         [[customers]]\nname = \"bolt\"";
    let stage = stage_with(&format!("{}\n{customers}", keys.line()));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _) = connect(&stage, &keys, "alice").await;
    let (mut bob, _) = connect(&stage, &keys, "bob").await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        for page in [&mut alice, &mut bob] {
            let placed = call(page, media(&stage, CALLER_HZ), "9100").await;
            let lifted = lift(&carrier).await;
            connected(page, &placed).await;
            calls.push((placed, lifted));
        }
    }
    let (placed, lifted) = &calls[0];
    assert_talk(placed, lifted).await;
    for page in [&mut alice, &mut bob] {
        for _ in 0..2 {
            let ended = page.event("ended", 2 * PATIENCE).await.expect("the gateway ends it");
            assert_eq!(ended["cause"], "timeLimit", "{ended}");
        }
        assert_eq!(refused(page, &stage, "9100").await, "forbidden");
    }
    let mut carol = open(&stage.gateway).await;
    let token = keys.token(300, json!({ "sub": "carol", "customer": "bolt" }));
    carol.request("connect", token).await.expect("a good token");
    let placed = call(&mut carol, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut carol, &placed).await;
    assert_talk(&placed, &lifted).await;
    hang_up(&mut carol, placed).await;
    stage.gateway.assert_all_is_over(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_users_begin_no_more_calls_in_a_minute_together_than_it_may() {
    let keys = Keys::new();
    let customer = "[[customers]]\nname = \"acme\"\nlimits_together = { calls_per_minute = 2 }";
    let stage = stage_with(&format!("{}\n{customer}", keys.line()));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _) = connect(&stage, &keys, "alice").await;
    let (mut bob, _) = connect(&stage, &keys, "bob").await;
    for page in [&mut alice, &mut bob] {
        let placed = call(page, media(&stage, CALLER_HZ), "9100").await;
        let lifted = lift(&carrier).await;
        connected(page, &placed).await;
        assert_talk(&placed, &lifted).await;
        hang_up(page, placed).await;
    }
    assert_eq!(refused(&mut alice, &stage, "9100").await, "overloaded");
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_of_a_customer_calls_what_a_rule_for_guests_names_and_nothing_else() {
    const ORIGIN: &str = "https://shop.example";
    let entry = "[entry]\nephemeral_keys = [{ id = \"edge\", secret = \"north wind and sun\" }]";
    let customer = format!(
        "[[customers]]\nname = \"acme\"\norigins = [\"{ORIGIN}\"]\nguests = true\ncalls_max = 1\n\
         limits = {{ numbers_allow = [\"91\"], call_max_s = 60 }}"
    );
    let for_guests = "destination = 'shop'\nfrom_user = 'acme\\+guest-.*'\n\
         actions = [{ bridge = { trunk = 'carrier', number = '9100' } }]";
    let stage = Stage::with(&["PCMU"], pages(&format!("{entry}\n{customer}")).rule(for_guests));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let ask = |origin: &str| {
        let authority = stage.gateway.http_authority();
        let headers = [("Origin", origin)];
        let path = "/api/v1/credentials";
        let patience = PATIENCE;
        let request =
            Request { method: "POST", authority: &authority, path, headers: &headers, body: &[], patience };
        http_client::ask(&request).expect("it answers")
    };
    assert_eq!(ask("https://evil.example").status, 401);
    let answer = ask(ORIGIN);
    assert_eq!(answer.status, 200);
    let edge: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert!(edge["user"].as_str().is_some_and(|user| user.starts_with("acme+guest-")), "{edge}");
    let mut page = open(&stage.gateway).await;
    let proof = json!({ "kind": "ephemeral", "name": edge["username"], "password": edge["password"] });
    page.request("connect", json!({ "proof": proof })).await.expect("the edge takes it");
    // The stage's rule for 9... is for every user.
    assert_eq!(refused(&mut page, &stage, "9100").await, "notFound");
    let placed = call(&mut page, media(&stage, CALLER_HZ), "shop").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    assert_talk(&placed, &lifted).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}
