//! Tokens that were made for another gateway, at the WebSocket door of this one.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::PageError;
use webtrunk_signalling::auth::validity::UnixTime;

use super::kinds::{by, made, talk, write};
use super::page::{open, stage_with};
use crate::agents::stage::phone;
use crate::support::gateway::PATIENCE;

const OWN: &str = "phone.example";
const OTHER: &str = "other.example";

/// Refusals after which a connection is closed.
const REFUSALS: usize = 10;

/// Keys of this gateway, or another: they have the same secrets, and differ in whom tokens are for. Those of the web call server
/// say that by its application alone.
fn keys(folder: &TempDir, of: &str, app: &str) -> PathBuf {
    let text = format!(
        "[[token_keys]]\nid = \"own\"\nkind = \"wt1\"\naudience = {of:?}\n\
         secret = \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"\n\
         [[token_keys]]\nid = \"jwt\"\nkind = \"hs256\"\naudience = {of:?}\n\
         secret = \"a secret of more than thirty-two octets\"\n\
         [[token_keys]]\nid = \"wcs\"\nkind = \"bridge\"\napp = {app:?}\n\
         secret = \"00112233445566778899aabbccddeeff\"\nmac_secret = \"north wind and sun\"\n"
    );
    write(folder, &format!("{app}.toml"), text)
}

/// A token by each of them, for these gateways.
fn tokens(file: &Path, audience: &Value) -> [String; 3] {
    let now = UnixTime::from(SystemTime::now()).0;
    let claims = json!({ "aud": audience, "iat": now, "exp": now + 300, "sub": "alice" });
    let account = json!({ "exp": now + 300, "account": { "user": "alice", "visible_name": "Alice A." } });
    [("own", &claims), ("jwt", &claims), ("wcs", &account)].map(|(id, claims)| made(file, id, claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_gateway_is_refused_in_each_form_and_nothing_of_it_is_in_the_log() {
    let folder = TempDir::new().expect("a folder");
    let (own, other) = (keys(&folder, OWN, "crm"), keys(&folder, OTHER, "shop"));
    let stage = stage_with(&format!("token_keys = {own:?}"));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let foreign = tokens(&other, &json!(OTHER));
    let mut page = open(&stage.gateway).await;
    for token in foreign.iter().cycle().take(REFUSALS) {
        match page.request("connect", by(token)).await {
            Err(PageError::Refused { code: 1002, message, field }) => {
                assert_eq!((&*message, field.as_deref()), ("the proof is not accepted", Some("proof")));
            }
            told => panic!("{token}: {told:?}"),
        }
    }
    assert_eq!(page.closed(PATIENCE).await.expect("its end"), Some(1008), "ten were refused");

    // Nobody but who runs the gateway is told why, and nobody what it was.
    let log = stage.gateway.log();
    for reason in [["it is not made for", OWN], ["there is no key", "shop"]] {
        log.wait_for(&["page is not let in", reason[0], reason[1]], PATIENCE);
    }
    for token in &foreign {
        let parts = token.split(['.', ':']).filter(|part| part.len() > 16);
        for part in parts {
            assert_eq!(log.count(&[part]), 0, "{part}");
        }
    }
    assert_eq!(log.count(&["session began"]), 0);

    // Those by the same secrets for this gateway, and for both, are taken.
    let both = tokens(&own, &json!([OTHER, OWN]));
    for token in tokens(&own, &json!(OWN)).iter().chain(&both[..2]) {
        let mut page = open(&stage.gateway).await;
        let session = page.request("connect", by(token)).await.expect("it is for this one");
        assert_eq!(session["user"], "alice");
        talk(&stage, &carrier, &mut page).await;
        page.request("disconnect", json!({})).await.expect("it is there");
    }
    stage.gateway.assert_all_is_over(5);
}
