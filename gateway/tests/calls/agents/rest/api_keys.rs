//! Keys of back ends in the store: added and revoked by the command line while the gateway runs, in force and of no use at once.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::back_end::BackEnd;
use super::event_stream::EventStream;
use crate::support::gateway::{Gateway, GatewayConfig};

/// What the store's rows are sealed by.
const KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

/// What the command says, where it is done.
fn done(gateway: &Gateway, words: &str, arguments: &[&str]) -> String {
    let output = gateway.operate(words, arguments);
    assert!(output.status.success(), "{words} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The same of what is not done: what it says of that.
fn not_done(gateway: &Gateway, words: &str, arguments: &[&str]) -> String {
    let output = gateway.operate(words, arguments);
    assert_eq!(output.status.code(), Some(1), "{words} {arguments:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn added(gateway: &Gateway, id: &str, arguments: &[&str]) -> BackEnd {
    let told = done(gateway, "apikey add", &[&[id, "--json"], arguments].concat());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    BackEnd::with_key(id, told["secret"].as_str().expect("it is told once").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_store_is_in_force_at_once_outlives_a_kill_and_is_of_no_use_once_it_is_revoked() {
    let folder = TempDir::new().expect("a folder");
    let (own, database) = (BackEnd::new("own"), folder.path().join("w.db"));
    let config = GatewayConfig::default()
        .store(&database)
        .store_key("WEBTRUNK_TEST_STORE_KEY", KEY)
        .user("alice")
        .sections(&format!("[rest]\n{}", own.entry("\"calls:read\"", "")));
    let mut gateway = Gateway::start(&config);
    done(&gateway, "customer add", &["acme"]);
    let crm = added(&gateway, "crm", &["--scope", "calls:read", "--scope", "events"]);
    let of_acme = added(&gateway, "acme-crm", &["--scope", "registrations:read", "--customer", "acme"]);
    let old = added(&gateway, "old", &["--not-after", "2020-01-01T00:00:00Z"]);
    let asks = |gateway: &Gateway, who: &BackEnd, path: &str| who.ask(gateway, "GET", path, None).0;
    assert_eq!([asks(&gateway, &crm, "/calls"), asks(&gateway, &crm, "/registrations")], [200, 403]);
    assert_eq!([asks(&gateway, &of_acme, "/calls"), asks(&gateway, &of_acme, "/registrations")], [403, 200]);
    assert_eq!([asks(&gateway, &old, "/calls"), asks(&gateway, &own, "/calls")], [401, 200]);

    assert!(not_done(&gateway, "apikey add", &["crm"]).contains("there is a back end's key \"crm\" already"));
    assert!(not_done(&gateway, "apikey add", &["own"]).contains("stands in the configuration file"));
    assert!(not_done(&gateway, "apikey revoke", &["own"]).contains("stands in the configuration file"));
    assert!(not_done(&gateway, "apikey add", &["x", "--customer", "beta"]).contains("no customer \"beta\""));
    assert!(not_done(&gateway, "apikey add", &["a_b"]).contains("is no id of a key"));
    let list = done(&gateway, "apikey list", &[]);
    assert!(list.contains("crm       store            calls:read,events   in force"), "{list}");
    assert!(list.contains("acme-crm  store  acme      registrations:read  in force"), "{list}");
    assert!(list.contains("own       file"), "{list}");

    gateway.kill_and_start_again();
    assert_eq!([asks(&gateway, &crm, "/calls"), asks(&gateway, &of_acme, "/registrations")], [200, 200]);
    let heard = EventStream::open(&crm, &gateway, "", None);
    done(&gateway, "apikey revoke", &["crm"]);
    assert_eq!(asks(&gateway, &crm, "/calls"), 401);
    assert!(done(&gateway, "apikey list", &[]).contains("revoked 20"));
    done(&gateway, "customer set", &["acme", "--enabled", "false"]);
    assert_eq!(asks(&gateway, &of_acme, "/registrations"), 401, "it goes with its customer");
    done(&gateway, "customer set", &["acme", "--enabled", "true"]);
    assert_eq!(asks(&gateway, &of_acme, "/registrations"), 200);
    done(&gateway, "customer remove", &["acme"]);
    assert_eq!(asks(&gateway, &of_acme, "/registrations"), 401);
    heard.assert_silent(std::time::Duration::from_millis(100));

    gateway.kill_and_start_again();
    assert_eq!([asks(&gateway, &crm, "/calls"), asks(&gateway, &of_acme, "/registrations")], [401, 401]);
    let database = std::fs::read(&database).expect("it is there");
    for key in [&crm.key, &of_acme.key] {
        assert_eq!(gateway.log().count(&[key]), 0, "no key is told");
        let secret = key.splitn(3, '_').nth(2).expect("a secret").as_bytes();
        assert!(!database.windows(secret.len()).any(|octets| octets == secret));
    }
    // By the admin API's own words.
    let (status, told) = gateway.admin("GET", "/apikeys");
    let (first, last) = (&told["keys"][0], &told["keys"][2]);
    assert_eq!(
        (status, &first["scopes"], last),
        (200, &json!(["calls:read", "events"]), &json!({"id": "own", "in_file": true}))
    );
}
