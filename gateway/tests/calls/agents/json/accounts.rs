//! Pages that phone by an account at a provider, which their token brings: the provider is a second gateway, which checks
//! Digest, and the page is of a user whom no configuration knows.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::g711::Law;
use webtrunk_loadtest::agent::{JsonPage, PageMedia, Phone, Voice, WebrtcConfig};

use super::keys::Keys;
use super::page::{OTHER_HZ, answer, assert_page_hears, assert_phone_hears, call, connected, hang_up, open};
use crate::agents::rest::back_end::BackEnd;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, lift};
use crate::agents::upstream::{ACCOUNT, other_phone, provider};
use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;
use crate::support::tools;

/// What the store's rows are sealed by.
const KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

/// The gateway whose pages have accounts at the provider, with a store and records.
fn gateway(provider: &Gateway, keys: &Keys, folder: &Path, lines: &str) -> Gateway {
    gateway_with(1, provider, keys, folder, lines)
}

/// The same, which holds an account for so many seconds without a page.
fn gateway_with(grace_s: u32, provider: &Gateway, keys: &Keys, folder: &Path, lines: &str) -> Gateway {
    let host = provider.sip().ip();
    let config = GatewayConfig::default()
        .user("bob")
        .sections(&format!("[json]\naccount_grace_s = {grace_s}\n{}\n{lines}", keys.line()))
        .store(&folder.join("store.db"))
        .store_key("WEBTRUNK_TEST_STORE_KEY", KEY)
        .records(&folder.join("calls.jsonl"))
        .trunk_lines(&format!("name = 'provider'\nhost = '{host}'\ntransport = 'udp'\ncodecs = ['PCMU']"))
        .last_trunk("page_accounts = true")
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]")
        .rule("destination = '[a-z]+'\nfrom_trunk = 'provider'\nactions = [{ bridge = { user = '$0' } }]");
    Gateway::start(&config)
}

/// A token of carol's with her account at the provider.
fn token(keys: &Keys, provider: &Gateway, credential: Value) -> Value {
    let mut account = json!({ "user": ACCOUNT, "domain": provider.sip().ip().to_string() });
    for (name, value) in credential.as_object().expect("an object") {
        account[name] = value.clone();
    }
    keys.token(300, json!({ "sub": "carol", "account": account }))
}

/// Waits until the page is told that its account stands so.
async fn stands(page: &mut JsonPage, state: &str) {
    while page.event("registration", PATIENCE).await.expect("news")["account"] != state {}
}

/// The provider's other phone calls the account, the page lifts, and both hear each other until the phone hangs up.
async fn assert_is_called(gateway: &Gateway, page: &mut JsonPage, other: &Phone) {
    let dialled = other.dial("7100").await.expect("a number");
    let taking = answer(page, media(gateway, CALLER_HZ));
    let (placed, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&dialled, CALLER_HZ).await;
    dialled.hang_up().await.expect("confirmed");
    page.event("ended", PATIENCE).await.expect("its end");
}

fn media(gateway: &Gateway, hz: u16) -> PageMedia {
    let voice = Some(Voice::tone(hz, LEVEL_DBM0));
    let own = WebrtcConfig::new(&gateway.websocket(), "carol", "unused");
    let config = WebrtcConfig { media_address: Some(gateway.sip().ip()), voice, ..own };
    PageMedia::open(&config).expect("a port")
}

/// Everything that the gateway shows or keeps.
fn shown(gateway: &Gateway, folder: &Path) -> Vec<(String, String)> {
    let mut shown = vec![("the log".to_owned(), gateway.log().lines().join("\n"))];
    let asked = ["/calls", "/calls/last/ladder?format=json", "/calls/last/ladder?format=text", "/certs"];
    shown.extend(asked.map(|path| (path.to_owned(), gateway.admin_text(path))));
    shown.push(("/metrics".to_owned(), gateway.metrics()));
    shown.push(("/status".to_owned(), gateway.status().to_string()));
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let octets = fs::read(&path).expect("it is ours");
        shown.push((path.display().to_string(), String::from_utf8_lossy(&octets).into_owned()));
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_phones_by_the_account_of_its_token_both_ways_and_the_password_is_nowhere() {
    let (network, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let provider = provider(&network);
    let keys = Keys::for_hosts(&[provider.sip().ip().to_string()]);
    let gateway = gateway(&provider, &keys, folder.path(), "");
    let other = other_phone(&network, &provider).await;
    let secret = password(ACCOUNT);

    let mut page = open(&gateway).await;
    let token = token(&keys, &provider, json!({ "password": secret }));
    page.request("connect", token).await.expect("a good token");
    stands(&mut page, "registered").await;
    assert_eq!(provider.status()["registered_users"], 1);

    let placed = call(&mut page, media(&gateway, CALLER_HZ), "9100").await;
    let lifted = lift(&other).await;
    connected(&mut page, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    assert_eq!(provider.log().count(&["call began", ACCOUNT]), 1, "it was the account's call");

    assert_is_called(&gateway, &mut page, &other).await;
    gateway.assert_all_is_over(2);

    page.request("disconnect", json!({})).await.expect("it is there");
    assert!(wait_until(PATIENCE, || provider.status()["registered_users"] == 0), "after the grace");
    let shown = shown(&gateway, folder.path());
    let is_told = |place: &str, word: &str| {
        shown.iter().any(|(name, text)| name.contains(place) && text.contains(word))
    };
    assert!(
        is_told("the log", "REGISTER sent") && is_told("ladder", "INVITE") && is_told("store.db", ACCOUNT)
    );
    for (place, text) in &shown {
        assert!(!text.contains(&secret), "the password is in {place}");
    }
    assert!(page.messages().len() > 10 && !page.messages().iter().any(|text| text.contains(&secret)));
}

/// Fails when the registration ends with its page, or is made anew for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_stays_registered_for_a_while_without_a_page_and_the_next_one_is_called_by_it() {
    let (network, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let provider = provider(&network);
    let keys = Keys::for_hosts(&[provider.sip().ip().to_string()]);
    let gateway = gateway_with(60, &provider, &keys, folder.path(), "");
    let other = other_phone(&network, &provider).await;
    let token = token(&keys, &provider, json!({ "password": password(ACCOUNT) }));
    let mut page = open(&gateway).await;
    page.request("connect", token.clone()).await.expect("a good token");
    stands(&mut page, "registered").await;
    page.request("disconnect", json!({})).await.expect("it is there");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(provider.status()["registered_users"], 1);

    let mut page = open(&gateway).await;
    page.request("connect", token).await.expect("a good token");
    stands(&mut page, "registered").await;
    assert_eq!(gateway.log().count(&["\"registered at the trunk\""]), 1, "it was all the time");
    assert_is_called(&gateway, &mut page, &other).await;
    gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_hears_that_its_password_is_wrong_and_a_kept_one_is_named_by_its_customer() {
    let (network, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let provider = provider(&network);
    let keys = Keys::for_hosts(&[provider.sip().ip(), network.ip()].map(|ip| ip.to_string()));
    let kept = format!("account_passwords = [{{ name = 'carol', password = '{}' }}]", password(ACCOUNT));
    let gateway = gateway(&provider, &keys, folder.path(), &kept);

    let mut page = open(&gateway).await;
    let wrong = token(&keys, &provider, json!({ "password": "wrong" }));
    page.request("connect", wrong).await.expect("a good token");
    stands(&mut page, "failing").await;
    let named = token(&keys, &provider, json!({ "password_ref": "carol" }));
    let mut other = open(&gateway).await;
    other.request("connect", named).await.expect("it is kept");
    for page in [&mut page, &mut other] {
        stands(page, "registered").await;
    }

    // What the trunk is now is another trunk for the account.
    gateway.reload(|text| text.replace("page_accounts = true", "page_accounts = false"));
    for page in [&mut page, &mut other] {
        stands(page, "refused").await;
    }
    assert!(wait_until(PATIENCE, || gateway.log().count(&["\"registered at the trunk\""]) == 1));
    let elsewhere = json!({ "user": "1", "password": "p", "domain": network.ip().to_string() });
    let foreign = keys.token(300, json!({ "sub": "carol", "account": elsewhere }));
    open(&gateway).await.request("connect", foreign).await.expect_err("its host is nobody's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_a_back_end_keeps_is_named_by_tokens_at_once_and_is_nowhere() {
    let (network, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let provider = provider(&network);
    let keys = Keys::for_hosts(&[provider.sip().ip().to_string()]);
    let back_end = BackEnd::new("own");
    let scopes = "\"account_passwords:read\", \"account_passwords:write\"";
    let lines = format!(
        "account_passwords = [{{ name = 'carol', password = 'another' }}]\n[rest]\n{}",
        back_end.entry(scopes, "")
    );
    let mut gateway = gateway(&provider, &keys, folder.path(), &lines);
    let secret = password(ACCOUNT);
    let asks = |gateway: &Gateway, method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, told) = back_end.send(gateway, method, path, &body, &[]);
        let told = String::from_utf8(told).expect("text");
        assert!(!told.contains(&secret), "{told}");
        (status, serde_json::from_str::<Value>(&told).unwrap_or_default())
    };
    let named = || token(&keys, &provider, json!({ "password_ref": "dora" }));
    open(&gateway).await.request("connect", named()).await.expect_err("nobody keeps it");

    let wrong = json!({ "name": "dora", "password": "guess" });
    let (status, told) = asks(&gateway, "POST", "/account_passwords", &wrong);
    assert_eq!((status, told), (201, json!({ "name": "dora", "in_file": false })));
    for (body, status) in [
        (wrong, 409),
        (json!({ "name": "carol", "password": "guess" }), 409),
        (json!({ "name": "eve", "customer": "gone", "password": "guess" }), 404),
        (json!({ "name": "eve", "password": "" }), 422),
        (json!({ "name": "eve" }), 400),
    ] {
        assert_eq!(asks(&gateway, "POST", "/account_passwords", &body).0, status, "{body}");
    }
    let (_, list) = asks(&gateway, "GET", "/account_passwords", &Value::Null);
    let known = json!([{ "name": "carol", "in_file": true }, { "name": "dora", "in_file": false }]);
    assert_eq!(list, json!({ "items": known }));
    let other = json!({ "password": secret });
    assert_eq!(asks(&gateway, "PATCH", "/account_passwords/carol", &other).0, 409, "it stands in the file");
    assert_eq!(asks(&gateway, "PATCH", "/account_passwords/dora", &other).0, 200);
    gateway.kill_and_start_again();
    let mut page = open(&gateway).await;
    page.request("connect", named()).await.expect("it is kept");
    stands(&mut page, "registered").await;
    assert_eq!(asks(&gateway, "DELETE", "/account_passwords/dora", &Value::Null).0, 204);
    // Those who open doors hear of it as soon as they have their turn.
    let is_refused = async { while open(&gateway).await.request("connect", named()).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, is_refused).await.expect("nobody keeps it any more");
    for (place, text) in shown(&gateway, folder.path()) {
        assert!(!text.contains(&secret), "the password is in {place}");
    }
    assert!(!page.messages().iter().any(|text| text.contains(&secret)));
}

/// The provider's domain, which no name server knows, and what the account is proven by there.
const DOMAIN: &str = "sip.provider.example";
const LOGIN: &str = "webtrunk";
const SECRET: &str = "hers at the provider";

/// Fails when it goes anywhere but by its proxy, or by other names than its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_registered_at_its_domain_by_its_proxy_and_one_that_is_not_to_be_calls_by_its_names() {
    if tools::command("sipp").is_none() {
        return;
    }
    let host = Host::new();
    let ip = host.ip().to_string();
    let keys = Keys::for_hosts(&[ip.clone(), DOMAIN.to_owned()]);
    let trunk = format!(
        "name = 'provider'\nhost = '{ip}'\ndomain = '{DOMAIN}'\ntransport = 'udp'\ncodecs = ['PCMU']\n\
         page_accounts = true"
    );
    let config = GatewayConfig::default()
        .sections(&format!("[json]\nresume_s = 0\naccount_grace_s = 0\n{}", keys.line()))
        .trunk_lines(&trunk)
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]");
    let gateway = Gateway::start(&config);
    let token = |register: bool| {
        let account = json!({
            "user": ACCOUNT,
            "auth_name": LOGIN,
            "password": SECRET,
            "domain": DOMAIN,
            "outbound_proxy": format!("{ip}:{SIP_PORT}"),
            "visible_name": "Carol C.",
            "register": register,
        });
        keys.token(300, json!({ "sub": "carol", "account": account }))
    };
    let registrar = Sipp::callee(&host, "registrar", &[("USER", LOGIN), ("PASSWORD", SECRET)]);
    let mut page = open(&gateway).await;
    page.request("connect", token(true)).await.expect("a good token");
    stands(&mut page, "registered").await;
    let register = registrar.wait_for("REGISTER");
    assert!(register.is_to(&format!("sip:{DOMAIN}")), "{register:?}");
    let address = register.header("To").expect("it says who registers");
    assert!(address.contains(&format!("<sip:{ACCOUNT}@{DOMAIN}>")), "{address}");
    page.request("disconnect", json!({})).await.expect("it is there");
    registrar.finish();

    let callee = Sipp::callee(&host, "callee_challenges", &[("PASSWORD", SECRET)]);
    let mut sound = RtpPeer::new(&host, 7000);
    let mut page = open(&gateway).await;
    page.request("connect", token(false)).await.expect("a good token");
    stands(&mut page, "outboundOnly").await;
    let placed = call(&mut page, media(&gateway, CALLER_HZ), "9100").await;
    connected(&mut page, &placed).await;
    let invite = callee.received("INVITE").pop().expect("it was called");
    assert!(invite.is_to(&format!("sip:9100@{DOMAIN}")), "{invite:?}");
    let from = invite.header("From").expect("it says who calls");
    assert!(from.contains("Carol C.") && from.contains(&format!("<sip:{ACCOUNT}@")), "{from}");
    let port = invite.audio_port().expect("an offer");
    sound.say((gateway.sip().ip(), port).into(), Law::Mu, CALLEE_HZ.into());
    assert_page_hears(&placed.media, CALLEE_HZ).await;
    sound.await_tone(Law::Mu, CALLER_HZ.into());
    assert!(callee.received("REGISTER").is_empty(), "it is not to be called");
    hang_up(&mut page, placed).await;
    callee.finish();
    gateway.assert_all_is_over(1);
}
