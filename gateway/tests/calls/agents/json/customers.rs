//! Users of a customer, whom its tokens name: what they may is said of each and of all together.

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::JsonPage;

use super::keys::Keys;
use super::page::{
    OTHER_HZ, assert_page_hears, assert_phone_hears, call, connected, hang_up, media, open, stage_with,
};
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
    let customer = "[[customers]]\nname = \"acme\"\ncalls_max = 1\nlimits = { numbers_allow = [\"91\"] }";
    let stage = stage_with(&format!("{}\n{customer}", keys.line()));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, session) = connect(&stage, &keys, "alice").await;
    assert_eq!(session["user"], "acme+alice");
    let (mut bob, _) = connect(&stage, &keys, "bob").await;
    assert_eq!(refused(&mut alice, &stage, "9200").await, "forbidden");
    let placed = call(&mut alice, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut alice, &placed).await;
    assert_eq!(refused(&mut bob, &stage, "9100").await, "overloaded", "one call of all");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(&mut alice, placed).await;
    let placed = call(&mut bob, media(&stage, CALLER_HZ), "9100").await;
    let _lifted = lift(&carrier).await;
    connected(&mut bob, &placed).await;
    hang_up(&mut bob, placed).await;
    stage.gateway.assert_all_is_over(3);
}
