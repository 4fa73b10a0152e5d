//! Users, customers and keys of the store: made by the command line while the gateway runs, and in force at once.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{
    AgentError, Credentials, Dialing, JsonPage, PageError, Trust, Voice, WebrtcConfig,
};
use webtrunk_signalling::auth::digest::Algorithm;
use webtrunk_signalling::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::page::{
    OTHER_HZ, address, assert_page_hears, assert_phone_hears, call, connected, hang_up, media, open, pages,
};
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift, phone, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::RawPhone;
use crate::support::cluster::Cluster;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// What the store's secrets are sealed by.
const KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

fn in_file(folder: &Path) -> GatewayConfig {
    GatewayConfig::default().store(&folder.join("w.db")).store_key("WEBTRUNK_TEST_STORE_KEY", KEY)
}

/// Runs `webtrunk WORDS CONFIG ARGUMENTS`; what it says, where it is done.
fn done(gateway: &Gateway, words: &str, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = gateway.operate(words, arguments);
    assert!(status.success(), "{words} {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

/// The same of what is not done: what it says of that.
fn not_done(gateway: &Gateway, words: &str, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = gateway.operate(words, arguments);
    assert_eq!(status.code(), Some(1), "{words} {arguments:?}");
    String::from_utf8(stderr).expect("text")
}

/// What was made, and its secret.
fn made(gateway: &Gateway, words: &str, arguments: &[&str]) -> (String, String) {
    let told = done(gateway, words, &[arguments, &["--json"]].concat());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let word = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    (word("name"), word("secret"))
}

fn carol(stage: &Stage, password: &str) -> WebrtcConfig {
    WebrtcConfig {
        credentials: Credentials::new("carol", password),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..stage.alice()
    }
}

async fn refusal(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

/// Over each kind of database.
async fn a_user_lives_and_ends(config: GatewayConfig) {
    let mut stage = Stage::with(&["PCMU"], config);
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (_, password) = made(&stage.gateway, "user add", &["carol", "--calls-max", "1", "--groups", "sales"]);
    assert!(password.len() >= 24, "{password}");
    let caller = webrtc(carol(&stage, &password)).await;
    caller.register().await.expect("the password is right");
    let (call, lifted) = talk_from_webrtc(&caller, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    assert_eq!(refusal(caller.dial("9101").await).await, Some(503), "she may have one");
    done(&stage.gateway, "user set", &["carol", "--calls-max", "2"]);
    let (second, _lifted) = talk_from_webrtc(&caller, &callee).await;
    for call in [call, second] {
        call.hang_up().await.expect("confirmed");
    }
    assert!(not_done(&stage.gateway, "user add", &["carol"]).contains("there is a user \"carol\" already"));
    assert!(not_done(&stage.gateway, "user set", &["alice"]).contains("stands in the configuration file"));
    let told = not_done(&stage.gateway, "user set", &["carol", "--calls-max", "0"]);
    assert!(told.contains("calls_max = 0: is out of range"), "{told}");
    let list = done(&stage.gateway, "user list", &[]);
    assert!(list.contains("carol  store  enabled  sales   2") && list.contains("alice  file"), "{list}");

    // What was made outlives a kill, and is in force again.
    stage.gateway.kill_and_start_again();
    let office = Host::new();
    let mut desk = RawPhone::new(&office, &stage.gateway, "carol");
    let registered = desk.register(Algorithm::Sha256, &password, "Expires: 600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    assert_eq!(stage.gateway.status()["registered_users"], 1);
    done(&stage.gateway, "user set", &["carol", "--enabled", "false"]);
    let nobody_is_there = || wait_until(PATIENCE, || stage.gateway.status()["registered_users"] == 0);
    assert!(nobody_is_there(), "whoever is disabled is not called either");
    let refused = desk.register(Algorithm::Sha256, &password, "Expires: 600\r\n");
    assert!(!refused.starts_with("SIP/2.0 200 "), "{refused}");
    done(&stage.gateway, "user set", &["carol", "--enabled", "true"]);
    let mut desk = RawPhone::new(&office, &stage.gateway, "carol");
    assert!(desk.register(Algorithm::Sha256, &password, "Expires: 600\r\n").starts_with("SIP/2.0 200 "));
    done(&stage.gateway, "user remove", &["carol"]);
    assert!(nobody_is_there());
    assert!(!done(&stage.gateway, "user list", &[]).contains("carol"));
    stage.gateway.kill_and_start_again();
    assert!(!done(&stage.gateway, "user list", &[]).contains("carol"), "it does not come back");
    for secret in [&password, KEY] {
        assert_eq!(stage.gateway.log().count(&[secret]), 0, "no secret is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_store_calls_within_its_limits_outlives_a_kill_and_ends_when_it_is_removed() {
    let folder = TempDir::new().expect("a folder");
    a_user_lives_and_ends(in_file(folder.path())).await;
    let database = std::fs::read(folder.path().join("w.db")).expect("it is there");
    assert!(!database.windows(KEY.len()).any(|octets| octets == KEY.as_bytes()));
}

/// What comes in its place.
const NEW_KEY: &str = "0ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_store_is_replaced_and_check_tells_when_the_old_one_may_be_taken_out() {
    let folder = TempDir::new().expect("a folder");
    let mut stage = Stage::with(&["PCMU"], in_file(folder.path()));
    let (_, password) = made(&stage.gateway, "user add", &["carol"]);
    let [before, both, new, old] = [
        "secret_key = { env = \"WEBTRUNK_TEST_STORE_KEY\" }".to_owned(),
        format!("secret_key = [\"{NEW_KEY}\", \"{KEY}\"]"),
        format!("secret_key = \"{NEW_KEY}\""),
        format!("secret_key = \"{KEY}\""),
    ];
    stage.gateway.rewrite(|text| text.replace(&before, &both));
    let told = done(&stage.gateway, "check", &[]);
    assert!(told.contains("which stands behind the first of store.secret_key"), "{told}");
    stage.gateway.stop_and_start_again();
    stage.gateway.log().wait_for(&["all rows of the store are sealed by the first"], PATIENCE);
    let told = done(&stage.gateway, "check", &[]);
    assert!(told.contains("what stands behind it may be taken out"), "{told}");

    stage.gateway.rewrite(|text| text.replace(&both, &new));
    stage.gateway.stop_and_start_again();
    let caller = webrtc(carol(&stage, &password)).await;
    caller.register().await.expect("she is let in by what the new key has sealed");
    stage.gateway.rewrite(|text| text.replace(&new, &old));
    let told = done(&stage.gateway, "check", &[]);
    assert!(told.contains("which store.secret_key has not: 1; the gateway does not start"), "{told}");
    for key in [KEY, NEW_KEY] {
        assert_eq!(stage.gateway.log().count(&[key]), 0, "no key is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_a_store_in_postgresql_is_no_other() {
    let host = Host::new();
    let Some(cluster) = Cluster::at(host.ip()) else { return };
    let config = GatewayConfig::default().store_in(&cluster).store_key("WEBTRUNK_TEST_STORE_KEY", KEY);
    a_user_lives_and_ends(config).await;
}

/// A name that this key makes for a user of acme.
fn name_by(id: &str, secret: &str, user: &str) -> Value {
    let octets = SecretOctets::new(secret.as_bytes().to_vec());
    let key = EphemeralKey::new(id.to_owned(), octets, EphemeralHash::Sha256, Validity::default());
    let keys = EphemeralKeys::new(vec![key.expect("a key")]);
    let now = UnixTime::from(std::time::SystemTime::now());
    let made = keys.make(Some(user), std::time::Duration::from_secs(600), now).expect("a name");
    json!({ "proof": { "kind": "ephemeral", "name": made.name, "password": made.password.expose() } })
}

async fn connect(stage: &Stage, name: Value) -> Result<JsonPage, PageError> {
    let mut page = open(&stage.gateway).await;
    page.request("connect", name).await.map(|_| page)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_policy_holds_and_its_keys_are_rotated_and_revoked_while_it_phones() {
    let folder = TempDir::new().expect("a folder");
    let config = pages("").store(&folder.path().join("w.db")).store_key("WEBTRUNK_TEST_STORE_KEY", KEY);
    let mut stage = Stage::with(&["PCMU"], config);
    let (carrier, trust) = (phone(stage.callee(CodecId::Pcmu)).await, Trust::default());
    let (first, secret) = made(&stage.gateway, "key add", &["edge", "--kind", "edge"]);
    let policy = ["acme", "--calls-max", "1", "--numbers", "4711", "--numbers-allow", "91"];
    made(&stage.gateway, "customer add", &policy);
    let url = address(&stage.gateway);
    let from_its_page = || JsonPage::open(&url, &trust, Some("https://crm.acme.example"));
    assert!(from_its_page().await.is_err(), "that is no page of anybody");
    done(&stage.gateway, "customer set", &["acme", "--origins", "https://crm.acme.example"]);
    from_its_page().await.expect("it is its customer's");
    let mut alice = connect(&stage, name_by(&first, &secret, "acme+alice")).await.expect("a good name");
    let mut bob = connect(&stage, name_by(&first, &secret, "acme+bob")).await.expect("a good name");
    let placed = call(&mut alice, media(&stage, CALLER_HZ), "9100").await;
    let incoming = carrier.next_incoming().await.expect("a call");
    assert!(incoming.invite.contains("From: <sip:4711@"), "{}", incoming.invite);
    let lifted = incoming.answer().await.expect("a codec in common");
    connected(&mut alice, &placed).await;
    assert_eq!(refused(&mut bob, &stage, "9100").await, "overloaded", "one call of all");
    done(&stage.gateway, "customer set", &["acme", "--calls-max", "2"]);
    assert_eq!(refused(&mut bob, &stage, "9200").await, "forbidden");
    let second = call(&mut bob, media(&stage, CALLER_HZ), "9100").await;
    let second_lifted = lift(&carrier).await;
    connected(&mut bob, &second).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_phone_hears(&second_lifted, CALLER_HZ).await;
    hang_up(&mut bob, second).await;

    // Both keys are good for a while; the one that is revoked no more.
    let (next, next_secret) = made(&stage.gateway, "key rotate", &["edge"]);
    assert_eq!(next, "edge-2");
    connect(&stage, name_by(&first, &secret, "acme+carol")).await.expect("it is good yet");
    connect(&stage, name_by(&next, &next_secret, "acme+carol")).await.expect("it is good");
    done(&stage.gateway, "key revoke", &["edge"]);
    let by_first = || name_by(&first, &secret, "acme+carol");
    assert!(matches!(connect(&stage, by_first()).await, Err(PageError::Refused { code: 1002, .. })));
    stage.gateway.kill_and_start_again();
    assert!(matches!(connect(&stage, by_first()).await, Err(PageError::Refused { code: 1002, .. })));
    let mut carol = connect(&stage, name_by(&next, &next_secret, "acme+carol")).await.expect("it is good");
    assert_eq!(refused(&mut carol, &stage, "9200").await, "forbidden", "the policy is kept too");
    let keys = done(&stage.gateway, "key list", &[]);
    assert!(keys.contains("edge-2  store  edge") && keys.contains("revoked 20"), "{keys}");
    done(&stage.gateway, "customer remove", &["acme"]);
    assert!(!done(&stage.gateway, "customer list", &[]).contains("acme"));
    for secret in [&secret, &next_secret] {
        assert_eq!(stage.gateway.log().count(&[secret]), 0, "no secret is told");
    }
}

/// Calls, and is told why not.
async fn refused(page: &mut JsonPage, stage: &Stage, to: &str) -> String {
    call(page, media(stage, CALLER_HZ), to).await;
    page.event("ended", PATIENCE).await.expect("its end")["cause"].as_str().expect("a word").to_owned()
}
