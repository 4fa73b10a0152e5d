//! Against servers of all kinds, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::Config;
use crate::outgoing::HEAD_MAX;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How long it is looked whether somebody comes who should not.
const LOOK: Duration = Duration::from_millis(50);

/// A hook, as a configuration has it.
pub(in crate::webhooks) fn hook(url: &str, more: &str) -> Webhook {
    let folder = tempfile::TempDir::new().expect("a folder");
    let store = folder.path().join("w.db");
    let text = format!(
        "[http]\nbind = \"127.0.0.1:0\"\n[sip_ws]\n[rest]\n[store]\npath = {store:?}\n[[webhooks]]\nname = \"crm\"\nurl = \"{url}\"\n\
         secrets = [{{ id = \"a\", secret = \"{SECRET}\" }}]\n{more}\n"
    );
    Config::parse("w.toml", &text).expect("sound").webhooks.remove(0)
}

fn plain(at: SocketAddr) -> Webhook {
    hook(&format!("http://{at}/hooks?of=us"), "allow_insecure = true\nnetworks = [\"127.0.0.0/8\"]")
}

fn message() -> Message {
    Message { id: "5f3a91c2-1".to_owned(), body: Bytes::from_static(b"{\"type\":\"call.ended\"}") }
}

/// A server to be.
async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("it is bound");
    (listener, at)
}

/// Reads a request to its end, and answers.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) -> String {
    let (mut asked, mut piece) = (Vec::new(), [0; 4096]);
    while !asked.ends_with(b"ended\"}") {
        let read = stream.read(&mut piece).await.expect("more");
        assert!(read > 0, "it is closed");
        asked.extend_from_slice(&piece[..read]);
    }
    // Who has its answer need not read to the end.
    let _ = stream.write_all(answer).await;
    let _ = stream.flush().await;
    String::from_utf8(asked).expect("text")
}

/// Serves whoever comes first; what was asked.
async fn serve_first(listener: &TcpListener, answer: &str) -> String {
    let (stream, _) = listener.accept().await.expect("somebody comes");
    serve(stream, answer.as_bytes()).await
}

/// Tries once.
async fn once(hook: &Webhook, message: &Message) -> Outcome {
    post(hook, message, &[], None).await.0
}

fn assert_failed(told: &Outcome, why: &str) {
    assert!(matches!(told, Outcome::Failed(own) if own.contains(why)), "{told:?}");
}

#[tokio::test]
async fn a_message_is_posted_with_its_name_its_time_and_its_signature() {
    let (listener, at) = listen().await;
    let (hook, message) = (plain(at), message());
    let served = serve_first(&listener, "HTTP/1.1 204 No Content\r\n\r\n");
    let (told, asked) = tokio::join!(once(&hook, &message), served);
    assert_eq!(told, Outcome::Taken);
    let (head, body) = asked.split_once("\r\n\r\n").expect("a body");
    assert_eq!(head.lines().next(), Some("POST /hooks?of=us HTTP/1.1"));
    let value = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name}: {head}")).to_owned()
    };
    assert_eq!((body.as_bytes(), value("host")), (&*message.body, at.to_string()));
    assert_eq!(
        (value("content-type").as_str(), value("webhook-id")),
        ("application/json", message.id.clone())
    );
    let at_s: u64 = value("webhook-timestamp").parse().expect("seconds");
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(now_s.abs_diff(at_s) < 60);
    assert_eq!(value("webhook-signature"), signatures(&hook.keys, &message.id, at_s, &message.body));
}

#[tokio::test]
async fn what_it_answers_is_understood_and_no_redirect_is_followed() {
    let failed = |why: &str| Outcome::Failed(why.to_owned());
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless", Outcome::Taken),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", Outcome::Taken),
        ("HTTP/1.1 410 Gone\r\n\r\n", Outcome::Gone),
        ("HTTP/1.1 404 Not Found\r\n\r\n", failed("it answers 404")),
        ("HTTP/1.1 503 Busy\r\n\r\n", failed("it answers 503")),
        // To this very server, which would answer once more.
        (
            "HTTP/1.1 302 Found\r\nLocation: /other\r\n\r\n",
            failed("it answers 302, and no redirect is followed"),
        ),
        (
            "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1/\r\n\r\n",
            failed("it answers 307, and no redirect is followed"),
        ),
    ] {
        let (listener, at) = listen().await;
        let (hook, message) = (plain(at), message());
        let (told, _) = tokio::join!(once(&hook, &message), serve_first(&listener, answer));
        assert_eq!(told, expected, "{answer}");
        assert!(timeout(LOOK, listener.accept()).await.is_err(), "somebody comes again: {answer}");
    }
    let long = format!("HTTP/1.1 200 {}", "x".repeat(2 * HEAD_MAX));
    for nonsense in ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nX: ", &long] {
        let (listener, at) = listen().await;
        let (hook, message) = (plain(at), message());
        let (told, _) = tokio::join!(once(&hook, &message), serve_first(&listener, nonsense));
        assert_failed(&told, "no HTTP");
    }
}

#[tokio::test]
async fn who_listens_nowhere_hangs_or_is_at_an_address_of_ours_takes_nothing() {
    let (listener, at) = listen().await;
    let patience = Duration::from_millis(200);
    // The system takes the connection, and nobody ever answers.
    assert_failed(
        &post_within(patience, &plain(at), &message(), &[], None).await.0,
        "no answer within 200ms",
    );
    drop(listener);
    assert_failed(&once(&plain(at), &message()).await, "refused");
    // A name that leads here, as anybody's may who can write to the DNS.
    let (listener, at) = listen().await;
    let more = "allow_insecure = true\nnetworks = [\"10.0.0.0/8\"]";
    let named = hook(&format!("http://localhost:{}/", at.port()), more);
    assert_failed(&once(&named, &message()).await, "no public address");
    assert!(timeout(LOOK, listener.accept()).await.is_err(), "nobody comes");
}

#[tokio::test]
async fn one_message_goes_after_the_other_by_a_connection_and_none_is_lost_where_the_receiver_closes_it() {
    let (listener, at) = listen().await;
    let (hook, message) = (plain(at), message());
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    let serving = async {
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        for _ in 0..3 {
            serve(&mut stream, answer).await;
        }
        drop(stream);
        let (stream, _) = listener.accept().await.expect("and again");
        serve(stream, answer).await;
    };
    let sending = async {
        let mut line = None;
        for _ in 0..4 {
            let (told, left) = post(&hook, &message, &[], line).await;
            assert_eq!((told, left.is_some()), (Outcome::Taken, true));
            line = left;
        }
    };
    tokio::join!(sending, serving);
}

#[tokio::test]
async fn an_answer_without_an_end_and_one_that_is_too_long_hold_no_other_message_up() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{}", "x".repeat(99_999));
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless", &long] {
        let (listener, at) = listen().await;
        let (hook, message) = (plain(at), message());
        let serving = async {
            let (mut first, _) = listener.accept().await.expect("somebody comes");
            serve(&mut first, answer.as_bytes()).await;
            serve_first(&listener, "HTTP/1.1 204 No Content\r\n\r\n").await;
            first
        };
        let sending = async {
            let (told, line) = post(&hook, &message, &[], None).await;
            [told, post(&hook, &message, &[], line).await.0]
        };
        let begin = Instant::now();
        let (told, _first) = tokio::join!(sending, serving);
        assert_eq!(told, [Outcome::Taken, Outcome::Taken]);
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn a_connection_by_which_a_message_was_refused_is_used_no_more() {
    for answer in ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 410 Gone\r\n\r\n"] {
        let (listener, at) = listen().await;
        let (hook, message) = (plain(at), message());
        let served = serve_first(&listener, answer);
        let ((told, line), _) = tokio::join!(post(&hook, &message, &[], None), served);
        assert!(told != Outcome::Taken && line.is_none(), "{told:?}");
    }
}

#[tokio::test]
async fn over_tls_the_receiver_has_to_be_the_one_that_is_meant() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("own.pem");
    for (name, is_it) in [("127.0.0.1", true), ("crm.example", false)] {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
        std::fs::write(&file, cert.pem()).expect("the folder is ours");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("they belong together");
        let (listener, at) = listen().await;
        let serving = async {
            let (stream, _) = listener.accept().await.expect("somebody comes");
            if let Ok(stream) = TlsAcceptor::from(Arc::new(server)).accept(stream).await {
                serve(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        };
        let more = format!("trusted_certificates = {file:?}\nnetworks = [\"127.0.0.0/8\"]");
        let (hook, message) = (hook(&format!("https://{at}/"), &more), message());
        let (told, ()) = tokio::join!(once(&hook, &message), serving);
        match is_it {
            true => assert_eq!(told, Outcome::Taken),
            false => assert_failed(&told, "certificate"),
        }
    }
}
