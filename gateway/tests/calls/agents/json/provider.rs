//! Tokens of an identity provider, whose public keys the gateway fetches.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::PageError;
use webtrunk_signalling::auth::token::jwt::{JwtAlgorithm, JwtKey};
use webtrunk_signalling::auth::token::{Claims, KeyKind, Terms, TokenKey};
use webtrunk_signalling::auth::validity::{UnixTime, Validity};
use webtrunk_signalling::lock::lock;

use super::kinds::{by, talk};
use super::page::{open, pages};
use crate::agents::stage::{Stage, phone};
use crate::support::gateway::PATIENCE;

/// A set with one key of each kind, and both halves of the one that it calls `ec-1`.
pub(super) const SET: &str = include_str!("../../../../../signalling/src/auth/token/tests/jwks.json");
const PUBLIC: &[u8] = include_bytes!("../../../../../signalling/src/auth/token/tests/es256.pub");
const PRIVATE: &[u8] = include_bytes!("../../../../../signalling/src/auth/token/tests/es256.key");

/// Serves a set of keys over plain HTTP until the process ends.
struct Provider {
    at: SocketAddr,
    set: Arc<Mutex<String>>,
}

impl Provider {
    fn start(set: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = listener.local_addr().expect("it is bound");
        let set = Arc::new(Mutex::new(set.to_string()));
        let served = Arc::clone(&set);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                lines.take_while(|line| !line.is_empty()).for_each(drop);
                let set = lock(&served).clone();
                // Who is gone needs none.
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{set}", set.len());
            }
        });
        Self { at, set }
    }
}

/// A token that the provider has made for alice, with these claims besides.
pub(super) fn token(more: &Value) -> String {
    let key = JwtKey::public(JwtAlgorithm::Es256, PUBLIC).expect("a key");
    let kind = KeyKind::Jwt(key.with_private(PRIVATE).expect("its other half"));
    let terms = Terms { audience: Some("phone.example".to_owned()), ..Terms::default() };
    let key = TokenKey::new("ec-1".to_owned(), kind, Validity::default(), terms).expect("an id");
    let now = UnixTime::from(SystemTime::now());
    let mut claims = json!({ "aud": "phone.example", "iat": now.0, "exp": now.0 + 300, "sub": "alice" });
    for (name, value) in more.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    let claims = Claims::from_json(&claims.to_string()).expect("claims");
    key.make(&claims, [7; 12], now).expect("a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_in_by_a_token_of_a_provider_once_its_new_key_is_fetched() {
    let all: Value = serde_json::from_str(SET).expect("a set");
    let mut old = all.clone();
    let keys = old["keys"].as_array_mut().expect("a list");
    keys.retain(|key| key["kid"] != "ec-1");
    let (provider, folder) = (Provider::start(&old), TempDir::new().expect("a folder"));
    let file = folder.path().join("keys.toml");
    let text = format!(
        "[[token_keys]]\nid = \"idp\"\nkind = \"jwks\"\njwks_url = \"http://{}/jwks.json\"\naudience = \"phone.example\"\n",
        provider.at
    );
    fs::write(&file, &text).expect("the folder is ours");
    let stage = Stage::with(&["PCMU"], pages(&format!("token_keys = {file:?}")));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let gateway = &stage.gateway;
    gateway.log().wait_for(&["a set of keys was fetched", "idp"], PATIENCE);
    let token = token(&json!({}));
    let come = async || {
        let mut page = open(gateway).await;
        page.request("connect", by(&token)).await.map(|_| page)
    };

    // The first that comes by a new key has it fetched, and comes again.
    *lock(&provider.set) = all.to_string();
    let refused = come().await;
    assert!(matches!(refused, Err(PageError::Refused { .. })), "{refused:?}");
    let mut tries = 0;
    while let Err(error) = come().await {
        assert!(matches!(error, PageError::Refused { .. }), "{error:?}");
        tries += 1;
        assert!(tries < 25, "{}", gateway.log().lines().join("\n"));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(gateway.metrics().contains("webtrunk_jwks_fetches_total{outcome=\"fetched\"} 2\n"));

    // What is there stays there when the file is read again.
    fs::write(&file, text + "# again\n").expect("the folder is ours");
    gateway.reload(|text| text);
    let mut page = come().await.expect("the key is there");
    talk(&stage, &carrier, &mut page).await;
    gateway.assert_all_is_over(1);
}
