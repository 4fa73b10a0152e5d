//! Keys that are changed while pages talk: of tokens, of a customer's server and of the edge. For a while both are good, and
//! nothing is started again.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk::config::load_token_keys;
use webtrunk::http_client::{Request, ask};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, JsonPage, Phone};
use webtrunk_signalling::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::validity::Validity;

use super::entry::code;
use super::kinds::{by, made, now, write};
use super::page::{Placed, assert_talk, call, connected, hang_up, media, open, stage_with};
use crate::agents::stage::{CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::{Gateway, PATIENCE};
use crate::support::process::wait_until;

/// A page that has come by this, and talks with the carrier's phone.
struct Talk {
    page: JsonPage,
    placed: Placed,
    lifted: Call,
}

impl Talk {
    async fn begin(stage: &Stage, carrier: &Phone, proof: Value, user: &str) -> Self {
        let mut page = open(&stage.gateway).await;
        let session = page.request("connect", proof).await.expect("its key is in force");
        assert_eq!(session["user"], user);
        let placed = call(&mut page, media(stage, CALLER_HZ), "9100").await;
        let lifted = lift(carrier).await;
        connected(&mut page, &placed).await;
        assert_talk(&placed, &lifted).await;
        Self { page, placed, lifted }
    }

    async fn goes_on(&self) {
        assert_talk(&self.placed, &self.lifted).await;
    }

    /// Waits until the gateway has ended it, since the key is no more.
    async fn end_by_gateway(mut self) {
        let ended = self.page.event("ended", PATIENCE).await.expect("its end");
        assert_eq!((&ended["callId"], &ended["cause"]), (&json!(self.placed.call_id), &json!("forbidden")));
        assert_eq!(self.page.closed(PATIENCE).await.expect("its end"), Some(1008));
        self.lifted.ended(PATIENCE).await.expect("it is hung up");
    }

    async fn hang_up(mut self) {
        hang_up(&mut self.page, self.placed).await;
        self.lifted.ended(PATIENCE).await.expect("the phone is told");
    }
}

/// Whether who brings this is let in.
async fn is_let_in(gateway: &Gateway, proof: &Value) -> bool {
    let told = open(gateway).await.request("connect", proof.clone()).await;
    if told.is_err() {
        assert_eq!(code(told), 1002);
        return false;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_tokens_is_changed_while_pages_talk_and_those_by_the_old_one_end_with_it_alone() {
    let folder = TempDir::new().expect("a folder");
    let key = |id: &str, digit: char, year: u16| {
        let secret = digit.to_string().repeat(64);
        format!(
            "[[token_keys]]\nid = {id:?}\nkind = \"wt1\"\nsecret = {secret:?}\naudience = \"phone.example\"\n\
             not_before = \"{year}-01-01T00:00:00Z\"\n"
        )
    };
    let (old, new) = (key("old", '1', 2021), key("new", '2', 2022));
    let file = write(&folder, "keys.toml", &old);
    let token = |id: &str, user: &str| {
        let (from, until) = (now().0, now().0 + 300);
        by(&made(&file, id, &json!({ "aud": "phone.example", "iat": from, "exp": until, "sub": user })))
    };
    let stage = stage_with(&format!("token_keys = {file:?}"));
    let gateway = &stage.gateway;
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let by_old = token("old", "alice");
    let first = Talk::begin(&stage, &carrier, by_old.clone(), "alice").await;

    write(&folder, "keys.toml", format!("{old}{new}"));
    let by_new = token("new", "bob");
    assert!(!is_let_in(gateway, &by_new).await, "nobody has read the file anew");
    gateway.reload(|text| text);
    let newest = load_token_keys(&file).expect("sound keys").newest(now()).map(|key| key.id.clone());
    assert_eq!(newest.as_deref(), Some("new"), "tokens are made by it");
    let second = Talk::begin(&stage, &carrier, by_new.clone(), "bob").await;
    assert!(is_let_in(gateway, &by_old).await, "both are good");
    first.goes_on().await;

    write(&folder, "keys.toml", new);
    gateway.reload(|text| text);
    first.end_by_gateway().await;
    assert!(!is_let_in(gateway, &by_old).await, "its key is no more");
    assert!(is_let_in(gateway, &by_new).await);
    second.goes_on().await;
    second.hang_up().await;
    gateway.assert_all_is_over(2);
}

/// The secret of a key.
fn secret(id: &str) -> String {
    format!("north wind and sun of {id}")
}

/// Keys of these ids, as they are configured. Those of a higher number are in force since later.
fn keys(ids: &[&str]) -> String {
    let key = |id: &&str| {
        let (secret, number) = (secret(id), &id[1..]);
        format!("{{ id = {id:?}, secret = {secret:?}, not_before = \"202{number}-01-01T00:00:00Z\" }}")
    };
    format!("ephemeral_keys = [{}]", ids.iter().map(key).collect::<Vec<_>>().join(", "))
}

/// What the gateway answers alice with, whose name the customer's server has made by this key; the status where it is nothing.
fn second_hop(gateway: &Gateway, id: &str) -> Result<Value, u16> {
    let octets = SecretOctets::new(secret(id).into_bytes());
    let key = EphemeralKey::new(id.to_owned(), octets, EphemeralHash::Sha256, Validity::default());
    let own = EphemeralKeys::new(vec![key.expect("a key")]);
    let made = own.make(Some("alice"), Duration::from_secs(300), now()).expect("a name");
    let login = STANDARD.encode(format!("{}:{}", made.name, made.password.expose()));
    let authorization = format!("Basic {login}");
    let request = Request {
        method: "POST",
        authority: &gateway.http_authority(),
        path: "/api/v1/credentials",
        headers: &[("Authorization", &*authorization)],
        body: &[],
        patience: PATIENCE,
    };
    let answer = ask(&request).expect("it answers");
    if answer.status != 200 {
        return Err(answer.status);
    }
    Ok(serde_json::from_slice(&answer.body).expect("JSON"))
}

/// What a page brings that was given this, which the edge has made by the key of this id.
fn proof_by(given: &Value, id: &str) -> Value {
    let name = given["username"].as_str().expect("a name");
    assert!(name.ends_with(&format!(":acme+alice:{id}")), "{name}");
    json!({ "proof": { "kind": "ephemeral", "name": name, "password": given["password"] } })
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_a_customer_and_of_the_edge_are_changed_while_pages_talk_and_for_a_while_both_are_good() {
    let entry = |edge: &[&str], customer: &[&str]| {
        format!("[entry]\n{}\n[[customers]]\nname = \"acme\"\n{}\n", keys(edge), keys(customer))
    };
    let before = entry(&["e1"], &["a1"]);
    let both = entry(&["e1", "e2"], &["a1", "a2"]);
    let after = entry(&["e2"], &["a2"]);
    let stage = stage_with(&before);
    let gateway = &stage.gateway;
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    assert_eq!(second_hop(gateway, "a2"), Err(401), "it is not there yet");
    let by_old = proof_by(&second_hop(gateway, "a1").expect("its key is in force"), "e1");
    let first = Talk::begin(&stage, &carrier, by_old.clone(), "acme+alice").await;

    gateway.reload(|text| text.replace(&before, &both));
    let by_new = ["a1", "a2"].map(|id| proof_by(&second_hop(gateway, id).expect("both are good"), "e2"));
    let [by_old_servlet, by_new_servlet] = by_new;
    assert!(is_let_in(gateway, &by_old_servlet).await);
    assert!(is_let_in(gateway, &by_old).await, "it is good yet");
    let second = Talk::begin(&stage, &carrier, by_new_servlet, "acme+alice").await;
    first.goes_on().await;

    gateway.reload(|text| text.replace(&both, &after));
    first.end_by_gateway().await;
    assert_eq!(second_hop(gateway, "a1"), Err(401), "it is no more");
    assert!(!is_let_in(gateway, &by_old).await, "nor what the edge has made");
    let again = proof_by(&second_hop(gateway, "a2").expect("it is in force"), "e2");
    assert!(is_let_in(gateway, &again).await);
    second.goes_on().await;
    second.hang_up().await;
    for (outcome, count) in [("issued", 4), ("refused", 2)] {
        let line = format!("webtrunk_edge_credentials_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(wait_until(PATIENCE, || gateway.metrics().contains(&line)), "{line}");
    }
    gateway.assert_all_is_over(2);
}
