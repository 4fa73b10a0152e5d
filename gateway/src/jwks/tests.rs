//! Against providers of all kinds, on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use webtrunk_engine::net::Network;

use super::*;
use crate::config::Target;

/// How long anything here may take.
const SOON: Duration = Duration::from_secs(5);

/// A set with one key, by Ed25519 (RFC 8037 A.2).
const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

struct Provider {
    listener: TcpListener,
    at: SocketAddr,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("it is bound");
        Self { listener, at }
    }

    /// The set that it has, as a configuration names it.
    fn source(&self) -> JwksSource {
        let authority = self.at.to_string();
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port: self.at.port(),
            authority,
            path: "/jwks?of=us".to_owned(),
        };
        let networks = vec!["127.0.0.1".parse::<Network>().expect("an address")];
        JwksSource { id: "idp".to_owned(), target, networks, authorities: None, set: FetchedKeys::default() }
    }

    /// Answers whoever comes next; what was asked.
    async fn answer(&self, answer: &str) -> String {
        let (mut stream, _) =
            timeout(SOON, self.listener.accept()).await.expect("in time").expect("somebody comes");
        let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
        while !asked.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut piece).await.expect("more");
            asked.extend_from_slice(&piece[..read]);
        }
        // Who has enough need not read to the end.
        let _ = stream.write_all(answer.as_bytes()).await;
        String::from_utf8(asked).expect("text")
    }

    async fn serve(&self, set: &str) -> String {
        self.answer(&ok(set)).await
    }

    /// Whether nobody comes for a while.
    async fn is_left_alone(&self) -> bool {
        timeout(Duration::from_millis(100), self.listener.accept()).await.is_err()
    }
}

fn ok(set: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{set}", set.len())
}

async fn wait_for(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < until, "it does not come to be");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What becomes of an answer.
async fn told(answer: &str) -> String {
    let provider = Provider::start().await;
    let (source, mut remote) = (provider.source(), RemoteKeys::new(Instant::now()));
    assert!(remote.poll_fetch(Instant::now()));
    let (fetched, _) = tokio::join!(fetch(&source, &[], &mut remote), provider.answer(answer));
    let told = fetched.err().map_or_else(String::new, |why| why.to_string());
    assert_eq!(remote.keys(Instant::now()).is_some(), told.is_empty(), "{told}");
    told
}

#[tokio::test]
async fn a_set_is_fetched_and_what_is_none_is_told() {
    assert_eq!(told(&ok(SET)).await, "");
    // Pieces, as many servers send it.
    let (half, rest) = SET.split_at(40);
    let pieces = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        half.len(),
        rest.len()
    );
    assert_eq!(told(&pieces).await, "");
    for (answer, why) in [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_owned(), "it answers 503"),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "it answers 302, and no redirect is followed",
        ),
        (ok("<html>login</html>"), "is no JSON object with a list \"keys\""),
        (ok("{\"keys\":[]}"), "has no key for RS256"),
        (ok(&" ".repeat(SET_MAX + 1)), "what it answers cannot be read"),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nConnection: close\r\n\r\n{SET}"), ""),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "no HTTP"),
    ] {
        let told = told(&answer).await;
        assert!(!told.is_empty() && told.contains(why), "{why}: {told}");
    }
}

#[tokio::test]
async fn a_set_at_an_address_that_it_may_not_have_is_not_asked_for() {
    let provider = Provider::start().await;
    let mut source = provider.source();
    source.networks.clear();
    for host in ["127.0.0.1", "localhost"] {
        host.clone_into(&mut source.target.host);
        let told = get(&source, &[]).await.expect_err("it is ours").to_string();
        assert!(told.contains("no public address"), "{told}");
    }
    // A public one, by which others reach the gateway from outside.
    "1.1.1.1".clone_into(&mut source.target.host);
    let told = get(&source, &[IpAddr::from([1, 1, 1, 1])]).await.expect_err("it is ours").to_string();
    assert!(told.contains("the gateway's own address"), "{told}");
    assert!(provider.is_left_alone().await);
}

#[tokio::test]
async fn a_set_is_fetched_at_the_start_and_for_a_key_that_is_missed_and_survives_a_reload() {
    let provider = Provider::start().await;
    let (fetcher, source) = (JwksFetcher::default(), provider.source());
    fetcher.take_up(std::slice::from_ref(&source), Arc::default());
    let asked = provider.serve(SET).await;
    assert!(asked.starts_with("GET /jwks?of=us HTTP/1.1\r\n"), "{asked}");
    wait_for(|| source.set.keys().is_some()).await;
    assert_eq!(fetcher.counts(), [1, 0]);
    // The same configuration, as it is when people in the store change.
    fetcher.take_up(std::slice::from_ref(&source), Arc::default());
    assert!(provider.is_left_alone().await, "it is fetched once");

    // Read again: what is there is there at once, in its place.
    let again = provider.source();
    fetcher.take_up(std::slice::from_ref(&again), Arc::default());
    assert!(again.set.keys().is_some());
    assert!(provider.is_left_alone().await);
    let first = again.set.keys().expect("it is there");
    miss(&again.set);
    provider.serve(SET).await;
    wait_for(|| again.set.keys().is_some_and(|keys| !Arc::ptr_eq(&keys, &first))).await;
    assert_eq!(fetcher.counts(), [2, 0]);
    // Anybody can make up ids.
    miss(&again.set);
    assert!(provider.is_left_alone().await);

    // Who is named no more is asked no more.
    fetcher.take_up(&[], Arc::default());
    miss(&again.set);
    assert!(provider.is_left_alone().await);
}

/// A token names a key that is not there.
fn miss(set: &FetchedKeys) {
    use webtrunk_signalling::auth::token::{KeyKind, Keyring, Refusal, Terms, TokenKey};
    use webtrunk_signalling::auth::validity::{UnixTime, Validity};

    // Header: {"alg":"EdDSA","kid":"other"}
    let token = "eyJhbGciOiJFZERTQSIsImtpZCI6Im90aGVyIn0.e30.AAAA";
    let kind = KeyKind::Fetched(set.clone());
    let key = TokenKey::new("idp".to_owned(), kind, Validity::default(), Terms::default()).expect("an id");
    let refusal = Keyring::new(vec![key]).unseal(token, UnixTime(0)).expect_err("nobody made it");
    assert_eq!(refusal, Refusal::UnknownKey("other".to_owned()));
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again_later_and_what_is_there_stays() {
    let provider = Provider::start().await;
    let (fetcher, source) = (JwksFetcher::default(), provider.source());
    fetcher.take_up(std::slice::from_ref(&source), Arc::default());
    provider.answer("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").await;
    wait_for(|| fetcher.counts() == [0, 1]).await;
    miss(&source.set);
    assert!(provider.is_left_alone().await, "it is not asked more often for that");
    assert!(source.set.keys().is_none());
}
