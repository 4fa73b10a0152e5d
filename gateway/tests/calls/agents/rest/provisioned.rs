//! What a number provider's back end keeps of its customers' people: their accounts at trunks, whose passwords it writes and nobody reads.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_loadtest::agent::{Voice, WebrtcConfig};

use super::back_end::BackEnd;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, lift, webrtc};
use crate::agents::upstream::{ACCOUNT, other_phone, provider};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// What the store's rows are sealed by.
const KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

/// What carol logs in by.
const OWN_PASSWORD: &str = "wonderland";

/// Fails where one of the files in the folder has the text.
fn assert_nowhere(folder: &Path, text: &str) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let octets = fs::read(&path).expect("it is ours");
        assert!(!octets.windows(text.len()).any(|own| own == text.as_bytes()), "{}", path.display());
    }
}

fn registrations(gateway: &Gateway) -> Vec<Value> {
    gateway.status()["trunks"]["provider"]["registrations"].as_array().cloned().unwrap_or_default()
}

fn is_registered(gateway: &Gateway) -> bool {
    registrations(gateway).iter().any(|one| one["user"] == ACCOUNT && one["state"] == "registered")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_a_back_end_adds_is_registered_and_phoned_by_at_once_and_its_password_is_nowhere() {
    let (network, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let provider = provider(&network);
    let host = provider.sip().ip();
    let (own, acme) = (BackEnd::new("own"), BackEnd::new("acme-crm"));
    let scopes = "\"users:read\", \"users:write\", \"customers:write\"";
    let config = GatewayConfig::default()
        .store(&folder.path().join("w.db"))
        .store_key("WEBTRUNK_TEST_STORE_KEY", KEY)
        .user("bob")
        .sections(&format!("[rest]\n{}{}", own.entry(scopes, ""), acme.entry(scopes, "customer = 'acme'")))
        .trunk_lines(&format!("name = 'provider'\nhost = '{host}'\ntransport = 'udp'\ncodecs = ['PCMU']"))
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'provider', number = '$0' } }]");
    let mut gateway = Gateway::start(&config);
    let secret = password(ACCOUNT);
    let ask = |gateway: &Gateway, who: &BackEnd, method: &str, path: &str, body: Value| {
        let (status, told) = who.ask(gateway, method, path, Some(&body).filter(|body| !body.is_null()));
        assert!(!told.to_string().contains(&secret), "{told}");
        (status, told)
    };
    assert_eq!(ask(&gateway, &own, "POST", "/customers", json!({"name": "acme"})).0, 201);
    for name in ["acme+carol", "acme+dora"] {
        let user = json!({"name": name, "password": OWN_PASSWORD});
        assert_eq!(ask(&gateway, &own, "POST", "/users", user).0, 201);
    }
    let account = |user: &str, password: &str| {
        let credentials = json!({"user": user, "password": password});
        json!({"trunk": "provider", "user": user, "expires_s": 60, "credentials": credentials})
    };

    // Whoever may, for whom, and where.
    let path = "/users/acme+carol/upstream";
    let good = account(ACCOUNT, &secret);
    assert_eq!(ask(&gateway, &acme, "POST", path, good.clone()).0, 403);
    assert_eq!(ask(&gateway, &acme, "GET", path, Value::Null).0, 403, "trunks are the operator's");
    assert_eq!(ask(&gateway, &own, "POST", "/users/bob/upstream", good.clone()).0, 409, "he is in the file");
    assert_eq!(ask(&gateway, &own, "POST", "/users/acme+eve/upstream", good.clone()).0, 404);
    let mut elsewhere = good.clone();
    elsewhere["trunk"] = json!("nowhere");
    let (status, told) = ask(&gateway, &own, "POST", path, elsewhere);
    assert!(status == 422 && told["detail"].to_string().contains("no trunk has this name"), "{told}");
    let mut open = good.clone();
    open["credentials"] = json!({"user": ACCOUNT});
    assert_eq!(ask(&gateway, &own, "POST", path, open).0, 400);

    // With a wrong password it is there, and with the right one registered.
    let shown =
        json!({"trunk": "provider", "user": ACCOUNT, "expires_s": 60, "credentials": {"user": ACCOUNT}});
    let (status, told) = ask(&gateway, &own, "POST", path, account(ACCOUNT, "guess"));
    assert_eq!((status, &told), (201, &shown));
    assert!(wait_until(PATIENCE, || registrations(&gateway).iter().any(|one| one["state"] == "failing")));
    assert_eq!(ask(&gateway, &own, "POST", path, good).0, 409, "she has one there");
    let patch = json!({"credentials": {"password": secret}});
    let at = "/users/acme+carol/upstream/provider";
    assert_eq!(ask(&gateway, &own, "PATCH", at, patch), (200, shown.clone()));
    assert!(wait_until(PATIENCE, || is_registered(&gateway)), "{}", gateway.status());
    assert_eq!(ask(&gateway, &own, "GET", path, Value::Null), (200, json!({ "items": [shown] })));

    // Another's is no reason to register hers anew.
    let of_dora = account("4930999", "unknown there");
    assert_eq!(ask(&gateway, &own, "POST", "/users/acme+dora/upstream", of_dora).0, 201);
    assert!(wait_until(PATIENCE, || registrations(&gateway).len() == 2));
    assert_eq!(gateway.log().count(&["registered at the trunk", ACCOUNT]), 1);

    // She phones by it, and so she does after a kill.
    gateway.kill_and_start_again();
    assert!(wait_until(PATIENCE, || is_registered(&gateway)), "{}", gateway.status());
    let carol = webrtc(WebrtcConfig {
        media_address: Some(gateway.sip().ip()),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), "acme+carol", OWN_PASSWORD)
    })
    .await;
    carol.register().await.expect("the password is right");
    let other = other_phone(&network, &provider).await;
    let (call, lifted) = tokio::join!(carol.call("9100"), lift(&other));
    let call = call.expect("the provider takes it by her account");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");

    assert_eq!(ask(&gateway, &own, "DELETE", at, Value::Null).0, 204);
    assert!(wait_until(PATIENCE, || provider.status()["registered_users"] == 0), "it is removed there");
    assert_eq!(ask(&gateway, &own, "DELETE", at, Value::Null).0, 404);
    assert_eq!(gateway.log().count(&[&secret]), 0, "no password is told");
    assert_nowhere(folder.path(), &secret);
}
