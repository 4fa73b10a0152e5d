//! Who is let in at the gateway's door for pages, what its token lets it, and what becomes of who misbehaves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk::config::load_token_keys;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Direction, JsonPage, PageError, Trust};
use webtrunk_signalling::auth::token::Claims;
use webtrunk_signalling::auth::validity::UnixTime;

use super::keys::Keys;
use super::page::{
    OTHER_HZ, address, assert_page_hears, assert_phone_hears, assert_talk, assert_talk_and_end, begin_call,
    call, connect, connected, hang_up, media, open, pages, proof, stage, stage_with,
};
use crate::agents::stage::{CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;

pub(super) fn code(refused: Result<Value, PageError>) -> i64 {
    match refused {
        Err(PageError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_by_a_token_within_its_limits() {
    let keys = Keys::new();
    let stage = stage_with(&keys.line());
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let mut page = open(&stage.gateway).await;
    let limits = json!({ "jti": "1", "destinations": ["910*"], "calls_max": 1, "calls_total_max": 2, "caller_id": "4711" });
    let good = keys.token(300, limits);
    let session = page.request("connect", good.clone()).await.expect("a good token");
    assert_eq!(session["user"], "alice");
    let sdp = media(&stage, CALLER_HZ).offer(Direction::SendRecv).await.expect("an offer");
    let other = json!({ "to": "9200", "sdp": sdp });
    assert_eq!(code(page.request("call", other).await), 1003, "not that number");
    let own = json!({ "to": "9100", "sdp": sdp });
    for _ in 0..2 {
        let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
        let incoming = carrier.next_incoming().await.expect("a call");
        assert!(incoming.invite.contains("From: <sip:4711@"), "{}", incoming.invite);
        let lifted = incoming.answer().await.expect("a codec in common");
        connected(&mut page, &placed).await;
        assert_talk(&placed, &lifted).await;
        assert_eq!(code(page.request("call", own.clone()).await), 1003, "one at a time");
        hang_up(&mut page, placed).await;
    }
    assert_eq!(code(page.request("call", own).await), 1003, "two in all");
    assert_eq!(code(open(&stage.gateway).await.request("connect", good).await), 1002, "it is good once");
    assert_eq!(
        code(open(&stage.gateway).await.request("connect", keys.token(20, json!({}))).await),
        1002,
        "expired"
    );
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_page_is_in_the_log() {
    let keys = Keys::new();
    let stage = stage_with(&keys.line());
    let token = keys.token(300, json!({}));
    let mut page = open(&stage.gateway).await;
    let session = page.request("connect", token.clone()).await.expect("a good token");
    let mut other = open(&stage.gateway).await;
    other.request("connect", proof("bob")).await.expect("the password is right");
    page.request("disconnect", json!({})).await.expect("it is there");
    let secrets = [&token["proof"]["token"], &proof("bob")["proof"]["password"], &session["resumeToken"]]
        .map(|secret| secret.as_str().expect("a text").to_owned());
    assert_eq!(stage.gateway.log().count(&["session began"]), 2, "the log is there");
    for secret in secrets {
        assert_eq!(stage.gateway.log().count(&[&secret]), 0, "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_and_one_without_the_subprotocol_are_refused() {
    let stage = stage_with("origins = [\"https://crm.example\"]");
    let url = address(&stage.gateway);
    let trust = Trust::default();
    JsonPage::open(&url, &trust, Some("https://crm.example")).await.expect("it is on the list");
    for foreign in ["https://evil.example", "https://crm.example.evil.example", "http://crm.example", "null"]
    {
        let refused = JsonPage::open(&url, &trust, Some(foreign)).await;
        assert!(refused.is_err_and(|error| error.to_string().contains("403")), "{foreign}");
    }
    let (status, _) = stage.gateway.public("/api/v1");
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told_by_its_code_and_who_sends_ten_is_closed() {
    let stage = stage();
    let mut page = open(&stage.gateway).await;
    let deep = format!("{}1{}", "[".repeat(60_000 / 2), "]".repeat(60_000 / 2));
    let wrong = ["{", &deep, "[]", "{\"id\":1,\"id\":2}", "{\"a\":1e309}", "{\"a\":\"\\ud800\"}", "null"];
    for (text, expected) in wrong.iter().zip([-32700, -32700, -32600, -32700, -32700, -32700, -32600]) {
        page.send(text).await.expect("it is open");
        assert_eq!(code(page.answer(&Value::Null).await), expected, "{}", &text[..text.len().min(30)]);
    }
    assert_eq!(code(page.request("dial", json!({})).await), -32601);
    match page.request("connect", json!({ "proof": { "kind": "token" } })).await {
        Err(PageError::Refused { code: -32602, field, .. }) => {
            assert_eq!(field.as_deref(), Some("proof.token"))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(code(page.request("ping", json!({})).await), 1001);
    assert_eq!(page.closed(PATIENCE).await.expect("its end"), Some(1008), "ten were wrong");
    let mut page = open(&stage.gateway).await;
    page.send(&format!("\"{}\"", "x".repeat(70_000))).await.expect("it is open");
    assert_eq!(page.closed(PATIENCE).await.expect("its end"), Some(1009), "too long");
    connect(&stage.gateway, "alice").await.0.request("ping", json!({})).await.expect("others are served");
}

/// More at once than a session may ask, faster than it may ask again.
const ASKED: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_without_end_is_told_to_wait_and_its_call_goes_on() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _, placed, lifted) = begin_call(&stage, &carrier).await;
    for _ in 0..ASKED {
        page.send_unread("ping", json!({})).await.expect("it is open");
    }
    // This one comes behind them, and may be one too many itself.
    let _ = page.request("ping", json!({})).await;
    let refused = page.messages().iter().filter(|text| text.contains("\"code\":1007")).count();
    assert!((1..ASKED).contains(&refused), "{refused} of {ASKED} are refused");
    tokio::time::sleep(Duration::from_secs(1)).await;
    page.request("ping", json!({})).await.expect("it may again");
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

/// Wrong passwords after which a source has to wait.
const GUESSES: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_at_a_password_waits_with_the_right_one_too_and_a_call_goes_on() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _, placed, lifted) = begin_call(&stage, &carrier).await;
    let mut wrong = proof("bob");
    wrong["proof"]["password"] = json!("a guess");
    let told = async |proof: Value| open(&stage.gateway).await.request("connect", proof).await;
    for _ in 0..GUESSES {
        assert_eq!(code(told(wrong.clone()).await), 1002);
    }
    assert_eq!(code(told(proof("bob")).await), 1002, "it is not looked at");
    told(proof("alice")).await.expect("others do not wait");
    assert_talk_and_end(&mut page, placed, &lifted).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_by_a_key_that_a_reload_takes_out_is_closed_with_its_call_and_others_talk_on() {
    let keys = Keys::new();
    let stage = stage_with(&keys.line());
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _, kept, heard) = begin_call(&stage, &carrier).await;
    let mut page = open(&stage.gateway).await;
    page.request("connect", keys.token(300, json!({ "sub": "bob" }))).await.expect("a good token");
    let placed = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;

    stage.gateway.reload(|text| text.replace(&keys.line(), ""));
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!((&ended["callId"], &ended["cause"]), (&json!(placed.call_id), &json!("forbidden")));
    assert_eq!(page.closed(PATIENCE).await.expect("its end"), Some(1008));
    lifted.ended(PATIENCE).await.expect("it is hung up");
    assert_page_hears(&kept.media, OTHER_HZ).await;
    assert_phone_hears(&heard, CALLER_HZ).await;
    hang_up(&mut alice, kept).await;
    heard.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reaches_no_call_of_another_session() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let placed = call(&mut alice, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut alice, &placed).await;
    let named = json!({ "callId": placed.call_id });
    assert_eq!(code(bob.request("hangup", named.clone()).await), 1004);
    let transfer = json!({ "callId": placed.call_id, "to": "9100" });
    assert_eq!(code(bob.request("transfer", transfer).await), 1004);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(&mut alice, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_used_is_refused_after_a_kill_too_where_there_is_a_store() {
    let (keys, folder) = (Keys::new(), TempDir::new().expect("a folder"));
    let config = pages(&keys.line()).store(&folder.path().join("w.db"));
    let mut stage = Stage::with(&["PCMU"], config);
    let (used, other) = (keys.token(300, json!({ "jti": "1" })), keys.token(300, json!({ "jti": "2" })));
    open(&stage.gateway).await.request("connect", used.clone()).await.expect("a good token");
    // What is collected for a batch may be lost.
    tokio::time::sleep(Duration::from_millis(500)).await;
    stage.gateway.kill_and_start_again();
    assert_eq!(code(open(&stage.gateway).await.request("connect", used).await), 1002, "it is good once");
    open(&stage.gateway).await.request("connect", other).await.expect("a good token");
}

/// The web call server's, with a MAC, of a person who has no account anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_by_a_bridge_token_under_its_visible_name_and_none_is_taken_without_its_mac() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("keys.toml");
    let text = "[[token_keys]]\nid = \"wcs\"\nkind = \"bridge\"\napp = \"crm\"\n\
         secret = \"00112233445566778899aabbccddeeff\"\nmac_secret = \"north wind and sun\"\n";
    fs::write(&file, text).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("ours");
    let (keys, now) = (load_token_keys(&file).expect("sound keys"), UnixTime::from(SystemTime::now()));
    let account = json!({ "user": "alice", "visible_name": "Alice A." });
    let claims = json!({ "exp": now.0 + 300, "account": account });
    let claims = Claims::from_json(&claims.to_string()).expect("claims");
    let token = keys.newest(now).expect("a key").make(&claims, [0; 12], now).expect("a token");
    let (bare, mac) = token.rsplit_once('.').expect("it has a MAC");
    let other = format!("{bare}.{}", mac.chars().rev().collect::<String>());
    let stage = stage_with(&format!("token_keys = {file:?}"));
    let by = |token: &str| json!({ "proof": { "kind": "token", "token": token } });
    for wrong in [bare, other.as_str()] {
        assert_eq!(code(open(&stage.gateway).await.request("connect", by(wrong)).await), 1002, "{wrong}");
    }
    let mut page = open(&stage.gateway).await;
    let session = page.request("connect", by(&token)).await.expect("a good token");
    assert_eq!(session["user"], "alice");

    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let incoming = bob.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!((&incoming["from"], &incoming["displayName"]), (&json!("alice"), &json!("Alice A.")));
    let own = media(&stage, OTHER_HZ);
    let sdp = own.answer(incoming["sdp"].as_str().expect("an offer")).await.expect("a codec in common");
    bob.request("answer", json!({ "callId": incoming["callId"], "sdp": sdp })).await.expect("it waits");
    bob.event("connected", PATIENCE).await.expect("it is up");
    own.ready(PATIENCE).await.expect("a path");
    connected(&mut page, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_page_hears(&own, CALLER_HZ).await;
    hang_up(&mut page, placed).await;
    bob.event("ended", PATIENCE).await.expect("he is told");
    stage.gateway.assert_all_is_over(1);
}
