//! Who agents are: names that last for a while, and tokens.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::{PATIENT, TO_BOB, TWO_CALLS, assert_all_are_heard, play};
use crate::agents::json::page::address;
use crate::agents::stage::Stage;
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;

/// What pages' names are made by, those of SIP, and tokens.
const PAGES_SECRET: &str = "north wind and sun of pages";
const EDGE_SECRET: &str = "north wind and sun of the edge";
const TOKEN_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test(flavor = "multi_thread")]
async fn browsers_and_pages_prove_who_they_are_by_names_for_a_while_and_by_tokens() {
    let folder = TempDir::new().expect("a folder for the test");
    let secret = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        path
    };
    let key = secret("token.key", TOKEN_KEY);
    let (pages, edge) = (secret("pages.txt", PAGES_SECRET), secret("edge.txt", EDGE_SECRET));
    let keys = format!(
        "[[token_keys]]\nid = \"crm\"\nkind = \"wt1\"\nsecret = \"{TOKEN_KEY}\"\naudience = \"phone.example\"\n"
    );
    let keys = secret("keys.toml", &keys);
    let config = GatewayConfig::default().user("bob").rule(TO_BOB).sections(&format!(
        "[json]\ntoken_keys = {keys:?}\nephemeral_keys = [{{ id = \"pages\", secret = \"{PAGES_SECRET}\" }}]\n\
         [entry]\nephemeral_keys = [{{ id = \"edge\", secret = \"{EDGE_SECRET}\" }}]"
    ));
    let stage = Stage::with(&["PCMU"], config);
    let (gateway, carrier) = (&stage.gateway, stage.carrier.at(SIP_PORT));
    let text = format!(
        "[limits]\ncalls = 6\nseconds = 14\n[target]\nsip_ws = \"{}\"\njson = \"{}\"\n\
         [[agents]]\nname = \"shops\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\n\
         accounts = {{ user = \"alice\", secret_file = {pages:?}, secret_seconds = 600 }}\n\
         [[agents]]\nname = \"crm\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\n\
         accounts = {{ user = \"alice\", token = {{ key_id = \"crm\", key_file = {key:?}, audience = \"phone.example\" }} }}\n\
         [[agents]]\nname = \"users\"\nkind = \"webrtc\"\nrole = \"answerer\"\n\
         accounts = {{ user = \"bob\", secret_file = {edge:?}, secret_seconds = 600 }}\n\
         [[agents]]\nname = \"desks\"\nkind = \"webrtc\"\nrole = \"caller\"\n\
         accounts = {{ user = \"alice\", secret_file = {edge:?} }}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"shops\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"crm\"\nto = \"carrier\"\ndestination = \"92{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"crm\"\nto = \"users\"\ndestination = \"{{user}}\"\n\
         arrival = {{ steps = [{{ rate = 1, seconds = 1 }}] }}\nlength = {{ fixed = 5 }}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"carrier\"\ndestination = \"93{{call}}\"\n\
         arrival = {{ steps = [{{ rate = 1, seconds = 1 }}] }}\nlength = {{ fixed = 5 }}\n{PATIENT}",
        gateway.websocket(),
        address(gateway),
    );
    let report = play(gateway, &text).await;
    assert_all_are_heard(&report, 6);
    for secret in [PAGES_SECRET, EDGE_SECRET, TOKEN_KEY] {
        assert_eq!(gateway.log().count(&[secret]), 0, "a secret is in the log");
    }
    gateway.assert_all_is_over(6);
}
