//! Pages that come by what other servers make than those with our own tokens: JSON Web Tokens of each algorithm, the web call
//! server's without a MAC, and names by SHA-1.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk::config::load_token_keys;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{
    Direction, JsonPage, PageError, PageMedia, Phone, Trust, Voice, WebrtcConfig,
};
use webtrunk_signalling::auth::ephemeral::{EphemeralHash, EphemeralKey, EphemeralKeys};
use webtrunk_signalling::auth::secret::SecretOctets;
use webtrunk_signalling::auth::token::Claims;
use webtrunk_signalling::auth::validity::{UnixTime, Validity};

use super::entry::code;
use super::page::{
    OTHER_HZ, answer, assert_page_hears, assert_phone_hears, call, connected, hang_up, media, open, pages,
    proof, stage_with,
};
use super::provider;
use crate::agents::stage::{CALLER_HZ, LEVEL_DBM0, Stage, phone};
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, PATIENCE};
use crate::support::host::Host;

/// Where both halves of keys lie that were made by openssl.
const PAIRS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../signalling/src/auth/token/tests");

/// Of HS256.
const SECRET: &str = "a secret of more than thirty-two octets";

pub(super) fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}

/// Writes a file that its owner alone may read.
pub(super) fn write(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("the folder is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    path
}

/// A token of these claims by one of the file's keys.
pub(super) fn made(file: &Path, id: &str, claims: &Value) -> String {
    let keys = load_token_keys(file).expect("sound keys");
    let key = keys.keys().iter().find(|key| key.id == id).expect("it is there");
    let claims = Claims::from_json(&claims.to_string()).expect("claims");
    key.make(&claims, [7; 12], now()).expect("a token")
}

pub(super) fn by(token: &str) -> Value {
    json!({ "proof": { "kind": "token", "token": token } })
}

/// Alice's page, which has come in, calls the carrier's phone, and both are heard; gives the phone's INVITE.
pub(super) async fn talk(stage: &Stage, carrier: &Phone, page: &mut JsonPage) -> String {
    let placed = call(page, media(stage, CALLER_HZ), "9100").await;
    let incoming = carrier.next_incoming().await.expect("a call");
    let invite = incoming.invite.clone();
    let lifted = incoming.answer().await.expect("a codec in common");
    connected(page, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(page, placed).await;
    invite
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_by_a_json_web_token_of_each_algorithm_and_not_by_a_forged_one() {
    let folder = TempDir::new().expect("a folder");
    let audience = "audience = \"phone.example\"";
    let mut text =
        format!("[[token_keys]]\nid = \"hs256\"\nkind = \"hs256\"\nsecret = {SECRET:?}\n{audience}\n");
    for kind in ["rs256", "es256", "eddsa"] {
        let [public, private] = ["pub", "key"].map(|half| {
            let name = format!("{kind}.{half}");
            write(&folder, &name, fs::read(Path::new(PAIRS).join(&name)).expect("it is in the repository"))
        });
        text += &format!(
            "[[token_keys]]\nid = {kind:?}\nkind = {kind:?}\npublic_key = {public:?}\nprivate_key = {private:?}\n{audience}\n"
        );
    }
    let file = write(&folder, "keys.toml", text);
    let stage = stage_with(&format!("token_keys = {file:?}"));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let kinds = ["hs256", "rs256", "es256", "eddsa"];
    for kind in kinds {
        let claims = json!({
            "aud": "phone.example", "iat": now().0, "exp": now().0 + 300, "sub": "alice",
            "destinations": ["910*"], "caller_id": "4711",
        });
        let token = made(&file, kind, &claims);
        let (signed, signature) = token.rsplit_once('.').expect("it is signed");
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let forged = format!("{signed}.{first}{}", &signature[1..]);
        assert_eq!(code(open(&stage.gateway).await.request("connect", by(&forged)).await), 1002, "{kind}");
        let mut page = open(&stage.gateway).await;
        let session =
            page.request("connect", by(&token)).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(session["user"], "alice", "{kind}");
        let invite = talk(&stage, &carrier, &mut page).await;
        assert!(invite.contains("From: <sip:4711@"), "{kind}: {invite}");
        let sdp = media(&stage, CALLER_HZ).offer(Direction::SendRecv).await.expect("an offer");
        let other = json!({ "to": "9200", "sdp": sdp });
        assert_eq!(code(page.request("call", other).await), 1003, "{kind}: not that number");
        page.request("disconnect", json!({})).await.expect("it is there");
    }
    stage.gateway.assert_all_is_over(kinds.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_by_a_token_of_a_provider_whose_keys_are_in_a_file() {
    let folder = TempDir::new().expect("a folder");
    let set = write(&folder, "jwks.json", provider::SET);
    let text = format!(
        "[[token_keys]]\nid = \"idp\"\nkind = \"jwks\"\njwks = {set:?}\naudience = \"phone.example\"\n"
    );
    let file = write(&folder, "keys.toml", text);
    let stage = stage_with(&format!("token_keys = {file:?}"));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let token = provider::token(&json!({ "destinations": ["910*"], "caller_id": "4711" }));
    let mut page = open(&stage.gateway).await;
    let session = page.request("connect", by(&token)).await.expect("its key is in the set");
    assert_eq!(session["user"], "alice");
    let invite = talk(&stage, &carrier, &mut page).await;
    assert!(invite.contains("From: <sip:4711@"), "{invite}");
    let sdp = media(&stage, CALLER_HZ).offer(Direction::SendRecv).await.expect("an offer");
    assert_eq!(
        code(page.request("call", json!({ "to": "9200", "sdp": sdp })).await),
        1003,
        "not that number"
    );
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_by_a_name_whose_hash_is_that_of_its_key_alone() {
    const NAMES: &str = "north wind and sun";
    let keys =
        ["sha1", "sha256"].map(|hash| format!("{{ id = {hash:?}, secret = {NAMES:?}, hash = {hash:?} }}"));
    let stage = stage_with(&format!("ephemeral_keys = [{}]", keys.join(", ")));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let name = |id: &str, hash: EphemeralHash| {
        let secret = SecretOctets::new(NAMES.as_bytes().to_vec());
        let key = EphemeralKey::new(id.to_owned(), secret, hash, Validity::default()).expect("a key");
        let made = EphemeralKeys::new(vec![key]).make(Some("alice"), Duration::from_secs(300), now());
        let made = made.expect("a name");
        json!({ "proof": { "kind": "ephemeral", "name": made.name, "password": made.password.expose() } })
    };
    for (id, own, other) in [
        ("sha1", EphemeralHash::Sha1, EphemeralHash::Sha256),
        ("sha256", EphemeralHash::Sha256, EphemeralHash::Sha1),
    ] {
        let wrong = open(&stage.gateway).await.request("connect", name(id, other)).await;
        assert_eq!(code(wrong), 1002, "{id}");
        let mut page = open(&stage.gateway).await;
        page.request("connect", name(id, own)).await.expect("the hash is the key's");
        talk(&stage, &carrier, &mut page).await;
        page.request("disconnect", json!({})).await.expect("it is there");
    }
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_calls_by_a_token_without_a_mac_over_tls_alone_from_where_it_may_come_and_once() {
    let (host, folder) = (Host::new(), TempDir::new().expect("a folder"));
    let key = |id: &str, network: &str| {
        format!(
            "[[token_keys]]\nid = {id:?}\nkind = \"legacy\"\napp = {id:?}\n\
             secret = \"00112233445566778899aabbccddeeff\"\nnetworks = [{network:?}]\n"
        )
    };
    let (near, far) = (key("near", "127.0.0.0/8"), key("far", "192.0.2.0/24"));
    let file = write(&folder, "keys.toml", format!("legacy_tokens = \"accept-insecure\"\n{near}{far}"));
    let lines = format!("token_keys = {file:?}");
    let account = json!({ "user": "alice", "visible_name": "Alice A." });
    let token = |id: &str| made(&file, id, &json!({ "exp": now().0 + 300, "account": account }));

    let plain = stage_with(&lines);
    plain.gateway.log().wait_for(&["WARN", "tokens without a MAC are taken"], PATIENCE);
    let over_tcp = open(&plain.gateway).await.request("connect", by(&token("near"))).await;
    assert_eq!(code(over_tcp), 1002, "without TLS");

    let (certificate, private) = pair(&folder, "own", host.ip());
    let rule = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
    let config = pages(&lines).user("bob").rule(rule).tls(&certificate, &private);
    let gateway = Gateway::start_at(host, &config);
    let trust = Trust::Authority(certificate);
    let connect = async |proof: Value| -> Result<(JsonPage, Value), PageError> {
        let mut page = JsonPage::open(&gateway.json_api(), &trust, None).await.expect("it listens");
        let session = page.request("connect", proof).await?;
        Ok((page, session))
    };
    let refused = async |proof: Value| code(connect(proof).await.map(|(_, session)| session));
    assert_eq!(refused(by(&token("far"))).await, 1002, "from elsewhere");
    let own = token("near");
    let (mut alice, session) = connect(by(&own)).await.expect("a good token");
    assert_eq!(session["user"], "alice");
    assert_eq!(refused(by(&own)).await, 1002, "it is good once");
    assert!(gateway.metrics().contains("webtrunk_legacy_token_logins_total 1\n"), "{}", gateway.metrics());

    let (mut bob, _) = connect(proof("bob")).await.expect("the password is right");
    let media = |hz: u16| {
        let voice = Some(Voice::tone(hz, LEVEL_DBM0));
        let own = WebrtcConfig::new(&gateway.websocket(), "alice", "unused");
        PageMedia::open(&WebrtcConfig { media_address: Some(gateway.sip().ip()), voice, ..own })
            .expect("a port")
    };
    let placed = call(&mut alice, media(CALLER_HZ), "bob").await;
    let taken = answer(&mut bob, media(OTHER_HZ)).await;
    connected(&mut alice, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_page_hears(&taken.media, CALLER_HZ).await;
    hang_up(&mut alice, placed).await;
    bob.event("ended", PATIENCE).await.expect("he is told");
    gateway.assert_all_is_over(1);
}
