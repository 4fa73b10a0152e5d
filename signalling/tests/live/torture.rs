//! The messages of RFC 4475 and RFC 5118, and some of our own by the same rules, over UDP, TCP, TLS, WebSocket
//! and secure WebSocket: every verdict holds, and the adapter answers OPTIONS after each.

use std::time::Duration;

use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::TransportLimits;

use crate::support::gateway::{Gateway, config};
use crate::support::peer::{StreamPeer, UdpPeer};
use crate::support::tls::Pair;
use crate::support::ws::WsPeer;
use crate::support::{PATIENCE, options};
use crate::wire::judge::{judge_datagram, judge_stream, judge_websocket};
use crate::wire::verdicts::{Waits, cases};

/// How long nothing has to come before it counts as nothing.
const SILENCE: Duration = Duration::from_millis(150);

/// How long a part of a message may stay away in these tests.
const DEADLINE: Duration = Duration::from_millis(100);

const WAITS: Waits = Waits { silence: SILENCE, answer: Duration::from_secs(3), deadline: DEADLINE };

#[tokio::test]
async fn every_verdict_holds_over_udp() {
    let gateway = start(TransportKind::Udp);
    for case in cases() {
        judge_datagram(&case, gateway.address(0), WAITS).await;
    }
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_tcp() {
    let gateway = start(TransportKind::Tcp);
    let server = gateway.address(0);
    for case in cases() {
        judge_stream(&case, "TCP", WAITS, || StreamPeer::connect(server)).await;
    }
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_tls() {
    let pair = Pair::new();
    let gateway = start_with(TransportKind::Tls, &pair);
    let server = gateway.address(0);
    for case in cases() {
        judge_stream(&case, "TLS", WAITS, async || StreamPeer::over(pair.connect(server).await)).await;
    }
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_websocket() {
    let gateway = start(TransportKind::Ws);
    let server = gateway.address(0);
    for case in cases() {
        judge_websocket(&case, WAITS, || WsPeer::connect(server)).await;
    }
    gateway.assert_untouched().await;
}

#[tokio::test]
async fn every_verdict_holds_over_secure_websocket() {
    let pair = Pair::new();
    let gateway = start_with(TransportKind::Wss, &pair);
    let server = gateway.address(0);
    for case in cases() {
        judge_websocket(&case, WAITS, async || {
            WsPeer::over(pair.connect(server).await, "wss://localhost/").await
        })
        .await;
    }
    gateway.assert_untouched().await;
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
