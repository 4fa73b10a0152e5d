//! The messages of RFC 4475 and RFC 5118, and some of our own by the same rules, over UDP, TCP, TLS, WebSocket
//! and secure WebSocket: every verdict holds, and the adapter answers OPTIONS after each.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message as Frame;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::TransportLimits;

use crate::support::gateway::{Gateway, config};
use crate::support::peer::{StreamPeer, UdpPeer};
use crate::support::tls::Pair;
use crate::support::ws::WsPeer;
use crate::support::{PATIENCE, options};

/// What the manifest calls normal for a good request of an unauthenticated peer.
const NORMAL: [u64; 14] = [100, 200, 401, 403, 404, 405, 407, 480, 481, 483, 486, 488, 501, 603];

/// How long nothing has to come before it counts as nothing.
const SILENCE: Duration = Duration::from_millis(150);

/// How long a part of a message may stay away in these tests.
const DEADLINE: Duration = Duration::from_millis(100);

struct Case {
    octets: Vec<u8>,
    entry: Value,
}

/// What came back for a message.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Status(u64),
    Closed,
    Nothing,
}

#[tokio::test]
async fn every_verdict_holds_over_udp() {
    let gateway = start(TransportKind::Udp);
    for case in cases() {
        let peer = UdpPeer::new(gateway.address(0)).await;
        peer.send(&case.octets).await;
        let heard = match peer.receive_within(case.patience()).await {
            Some(answer) => Heard::Status(status(&answer)),
            None => Heard::Nothing,
        };
        case.check(&heard, "UDP");
        let probe = UdpPeer::new(gateway.address(0)).await;
        probe.send(options("UDP", case.name()).as_bytes()).await;
        let answer = probe.receive_within(Duration::from_secs(1)).await;
        assert!(answer.is_some(), "no answer to OPTIONS after {}", case.name());
    }
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_tcp() {
    let gateway = start(TransportKind::Tcp);
    let server = gateway.address(0);
    judge_streams("TCP", || StreamPeer::connect(server)).await;
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_tls() {
    let pair = Pair::new();
    let gateway = start_with(TransportKind::Tls, &pair);
    let server = gateway.address(0);
    judge_streams("TLS", async || StreamPeer::over(pair.connect(server).await)).await;
    gateway.assert_untouched().await;
}

/// Sends each message on a stream of its own, and OPTIONS on another.
async fn judge_streams<S: AsyncRead + AsyncWrite + Unpin>(
    transport: &str,
    connect: impl AsyncFn() -> StreamPeer<S>,
) {
    for case in cases() {
        let mut peer = connect().await;
        peer.send(&case.octets).await;
        let heard = match peer.receive_within(case.patience()).await {
            Some(Some(answer)) => Heard::Status(status(&answer)),
            Some(None) => Heard::Closed,
            None => Heard::Nothing,
        };
        if let Some(rule) = case.entry["tcp"].as_str() {
            let is_right = match rule {
                "wait_then_close" => matches!(heard, Heard::Status(400) | Heard::Closed),
                "reject_and_close" => heard == Heard::Status(400),
                other => panic!("unknown rule {other}"),
            };
            assert!(is_right, "{}: {heard:?}", case.name());
            assert_eq!(peer.receive_to_end().await, "", "{}: closed", case.name());
        } else {
            case.check(&heard, transport);
        }
        let mut probe = connect().await;
        probe.send(options(transport, case.name()).as_bytes()).await;
        let answer = probe.receive_within(PATIENCE).await;
        assert!(matches!(answer, Some(Some(_))), "no answer to OPTIONS after {}", case.name());
    }
}

#[tokio::test]
async fn every_verdict_holds_over_websocket() {
    let gateway = start(TransportKind::Ws);
    let server = gateway.address(0);
    judge_websockets(|| WsPeer::connect(server)).await;
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_secure_websocket() {
    let pair = Pair::new();
    let gateway = start_with(TransportKind::Wss, &pair);
    let server = gateway.address(0);
    judge_websockets(async || WsPeer::over(pair.connect(server).await).await).await;
    gateway.assert_untouched().await;
}

/// Sends each message on a WebSocket, and OPTIONS on the same one where it is still open.
async fn judge_websockets<S: AsyncRead + AsyncWrite + Unpin>(connect: impl AsyncFn() -> WsPeer<S>) {
    for case in cases() {
        let mut peer = connect().await;
        peer.send(Frame::binary(case.octets.clone())).await;
        let heard = match peer.frame_within(case.patience()).await {
            Some(Some(Frame::Text(text))) => Heard::Status(status(&text)),
            Some(Some(Frame::Binary(octets))) => Heard::Status(status(&String::from_utf8_lossy(&octets))),
            Some(Some(Frame::Close(_)) | None) => Heard::Closed,
            Some(Some(other)) => panic!("{}: {other:?}", case.name()),
            None => Heard::Nothing,
        };
        case.check(&heard, "WS");
        let mut probe = if heard == Heard::Closed { connect().await } else { peer };
        probe.send_text(&options("WS", case.name())).await;
        probe.receive().await;
    }
}

/// Whoever forges the source of a request gains less than it costs him to send it.
#[tokio::test]
async fn no_answer_to_a_stranger_is_much_longer_than_its_request() {
    let gateway = start(TransportKind::Udp);
    let short = |method: &str| {
        let text = format!(
            "{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK{method}\r\nf:<sip:a>;tag=1\r\nt:<sip:a>\r\n\
             i:1\r\nCSeq:1 {method}\r\n\r\n"
        );
        text.into_bytes()
    };
    let cut = |length: usize| options("UDP", "cut").into_bytes()[..length].to_vec();
    let mut requests: Vec<_> = ["INVITE", "REGISTER", "OPTIONS", "BYE", "FETCH"].map(short).into();
    requests.extend([cut(60), cut(120), cut(200)]);
    requests.extend(cases().into_iter().map(|case| case.octets));
    let mut answered = 0;
    for request in requests {
        let peer = UdpPeer::new(gateway.address(0)).await;
        peer.send(&request).await;
        let Some(answer) = peer.receive_within(SILENCE).await else { continue };
        answered += 1;
        let told = String::from_utf8_lossy(&request);
        assert!(answer.len() <= 2 * request.len(), "{told}\n{answer}");
    }
    assert!(answered > 8, "{answered}");
}

/// What a phone of some means sends is answered by less, with every algorithm that we take.
#[tokio::test]
async fn a_phone_is_challenged_by_no_more_than_it_sent() {
    let gateway = start(TransportKind::Udp);
    let peer = UdpPeer::new(gateway.address(0)).await;
    let usual = "User-Agent: Phone 1.2.3 (hardware 4)\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER\r\n\
                 Supported: replaces, timer, path, outbound\r\nContact: <sip:probe@192.0.2.1:5060;transport=udp>;\
                 +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"\r\nExpires: 600\r\nContent-Length";
    let request = options("UDP", "usual").replace("OPTIONS", "REGISTER").replacen("Content-Length", usual, 1);
    peer.send(request.as_bytes()).await;
    let answer = peer.receive().await;
    assert_eq!(answer.matches("WWW-Authenticate: ").count(), 2, "{answer}");
    assert!(answer.len() <= request.len(), "{} for {}", answer.len(), request.len());
}

#[tokio::test]
async fn octets_behind_a_message_are_another_one_on_streams_alone() {
    let gateway = start(TransportKind::Udp);
    let Some(case) = cases().into_iter().find(|case| case.name() == "dblreq") else { return };
    let peer = UdpPeer::new(gateway.address(0)).await;
    peer.send(&case.octets).await;
    let answer = peer.receive().await;
    assert!(answer.contains("CSeq: 8 REGISTER"), "{answer}");
    assert_eq!(peer.receive_within(SILENCE).await, None, "one answer to one datagram");

    let gateway = start(TransportKind::Tcp);
    let mut peer = StreamPeer::connect(gateway.address(0)).await;
    peer.send(&case.octets).await;
    for method in ["REGISTER", "INVITE"] {
        let answer = peer.receive().await.expect("an answer to each");
        assert!(answer.lines().any(|line| line.starts_with("CSeq: ") && line.ends_with(method)), "{answer}");
    }
}

fn start(kind: TransportKind) -> Gateway {
    start_with(kind, &Pair::new())
}

fn start_with(kind: TransportKind, pair: &Pair) -> Gateway {
    let mut config = config(&[kind]);
    config.transport.tls = pair.config();
    config.transport.limits = TransportLimits {
        body_deadline: DEADLINE,
        header_deadline: match kind {
            TransportKind::Tcp => DEADLINE,
            // It is the handshake's, too.
            TransportKind::Tls => Duration::from_secs(1),
            _ => PATIENCE,
        },
        connections_per_address: 1000,
        ..TransportLimits::default()
    };
    Gateway::start_with(config)
}

impl Case {
    fn name(&self) -> &str {
        self.entry["name"].as_str().expect("each has a name")
    }

    fn lists(&self, key: &str, wanted: &Value) -> bool {
        self.entry[key].as_array().is_some_and(|list| list.contains(wanted))
    }

    /// Whether no answer at all is an answer.
    fn may_be_dropped(&self) -> bool {
        self.entry["verdict"] == "discard"
            || self.lists("expect", &"drop".into())
            || self.lists("also_ok", &"drop".into())
    }

    fn patience(&self) -> Duration {
        if self.entry["verdict"] == "discard" { SILENCE } else { Duration::from_secs(3) }
    }

    fn check(&self, heard: &Heard, transport: &str) {
        let is_right = match heard {
            Heard::Nothing => self.may_be_dropped(),
            Heard::Closed => false,
            Heard::Status(_) if self.entry["verdict"] == "discard" => false,
            Heard::Status(status) => {
                let listed = |key: &str| {
                    self.lists(key, &(*status).into())
                        || (self.lists(key, &"normal".into()) && NORMAL.contains(status))
                };
                let is_exempt = transport == "WS" && listed("ws_ok");
                is_exempt
                    || (!self.lists("forbid", &(*status).into()) && (listed("expect") || listed("also_ok")))
            }
        };
        assert!(is_right, "{transport}: {} got {heard:?}, but {}", self.name(), self.entry);
    }
}

/// The shared messages, where they are here, and our own.
fn cases() -> Vec<Case> {
    let mut cases = own();
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let Ok(manifest) = std::fs::read(folder.join("sip_torture.json")) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "shared test data is missing");
        eprintln!("passed over: no shared test data in {}", folder.display());
        return cases;
    };
    let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
    for entry in manifest["messages"].as_array().expect("a list") {
        let file = folder.join(entry["file"].as_str().expect("each names its file"));
        cases.push(Case { octets: std::fs::read(file).expect("it is there"), entry: entry.clone() });
    }
    cases
}

/// One message for each kind of verdict, so that the test means something without the shared folder.
fn own() -> Vec<Case> {
    let request = |name: &str, method: &str, change: (&str, &str)| {
        let text = format!(
            "{method} sip:user@example.com SIP/2.0\r\nVia: SIP/2.0/UDP host.example;branch=z9hG4bK{name}\r\n\
             From: <sip:caller@example.net>;tag=1\r\nTo: <sip:user@example.com>\r\nCall-ID: {name}\r\n\
             CSeq: 7 {method}\r\nMax-Forwards: 70\r\nContact: <sip:caller@host.example>\r\n\
             Content-Length: 0\r\n\r\n"
        );
        text.replacen(change.0, change.1, 1).into_bytes()
    };
    let case = |octets, entry| Case { octets, entry };
    vec![
        case(
            request("own-folded", "INVITE", ("From: ", "f\r\n :\r\n  ")),
            json!({"name": "own-folded", "verdict": "lenient", "expect": [400, "normal"]}),
        ),
        case(
            request("own-invite", "INVITE", ("", "")),
            json!({"name": "own-invite", "verdict": "valid", "expect": [401], "forbid": [400]}),
        ),
        case(
            request("own-method", "FETCH", ("", "")),
            json!({"name": "own-method", "verdict": "valid", "expect": [401, 405, 501], "forbid": [400]}),
        ),
        case(
            request("own-scheme", "OPTIONS", ("sip:user@example.com SIP", "news:user SIP")),
            json!({"name": "own-scheme", "verdict": "reject", "expect": [416]}),
        ),
        case(
            request("own-version", "OPTIONS", ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia")),
            json!({"name": "own-version", "verdict": "reject", "expect": [505]}),
        ),
        case(
            request("own-mismatch", "OPTIONS", ("CSeq: 7 OPTIONS", "CSeq: 7 INVITE")),
            json!({"name": "own-mismatch", "verdict": "reject", "expect": [400]}),
        ),
        case(
            request("own-require", "OPTIONS", ("Max-Forwards", "Require: magic\r\nMax-Forwards")),
            json!({"name": "own-require", "verdict": "reject", "expect": [420]}),
        ),
        case(
            request("own-negative", "OPTIONS", ("Content-Length: 0", "Content-Length: -9")),
            json!({"name": "own-negative", "verdict": "reject", "expect": [400], "tcp": "reject_and_close"}),
        ),
        case(
            request("own-short", "OPTIONS", ("Content-Length: 0", "Content-Length: 99")),
            json!({"name": "own-short", "verdict": "reject", "expect": [400], "tcp": "wait_then_close"}),
        ),
        case(
            request("own-unknown", "BYE", ("To: <sip:user@example.com>", "To: <sip:user@example.com>;tag=2")),
            json!({"name": "own-unknown", "verdict": "valid", "expect": [481], "forbid": [400]}),
        ),
        case(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP host.example;branch=z9hG4bKstray\r\nFrom: <sip:a@b>;tag=1\r\n\
              To: <sip:c@d>;tag=2\r\nCall-ID: stray\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
            json!({"name": "own-stray", "verdict": "discard", "expect": []}),
        ),
    ]
}

fn status(answer: &str) -> u64 {
    let code = answer.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no response: {answer}"))
}
