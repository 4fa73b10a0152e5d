//! SIP over WebSocket against a client that is not ours (RFC 7118, RFC 6455).

use std::time::{Duration, Instant};

use crate::support::ws::WsPeer;
use crate::support::{Listening, options};
use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message as Frame;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::TransportLimits;

fn start(limits: TransportLimits) -> Listening {
    Listening::start(&[TransportKind::Ws], limits)
}

#[tokio::test]
async fn messages_go_both_ways_as_text_whatever_they_came_as() {
    let mut listening = start(TransportLimits::default());
    let mut peer = WsPeer::connect(listening.address(0)).await;
    for frame in [Frame::text(options("WS", "text")), Frame::binary(options("WS", "binary"))] {
        peer.send(frame).await;
        let (flow, _) = listening.message().await;
        assert_eq!(flow.kind, TransportKind::Ws);
        listening.layer.send(&flow, Bytes::from_static(b"hello")).expect("it is open");
        assert_eq!(peer.receive().await, "hello");
    }
}

#[tokio::test]
async fn only_subprotocol_sip_is_spoken() {
    let listening = start(TransportLimits::default());
    assert_eq!(WsPeer::open(listening.address(0), None, None).await.err(), Some(400));
    assert_eq!(WsPeer::open(listening.address(0), Some("xmpp"), None).await.err(), Some(400));
    assert!(WsPeer::open(listening.address(0), Some("xmpp, sip"), None).await.is_ok());
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let listening = start(TransportLimits::default());
    for (origin, expected) in [
        ("https://phone.example", None),
        ("https://phone.example:443", None),
        ("http://phone.example", Some(403)),
        ("https://evil.example", Some(403)),
        ("null", Some(403)),
    ] {
        let refused = WsPeer::open(listening.address(0), Some("sip"), Some(origin)).await.err();
        assert_eq!(refused, expected, "{origin}");
    }
    assert_eq!(listening.layer.counters().snapshot().handshakes_refused, 3);
}

#[tokio::test]
async fn a_malformed_message_gets_400_and_the_connection_goes_on() {
    let mut listening = start(TransportLimits::default());
    let mut peer = WsPeer::connect(listening.address(0)).await;
    peer.send_text(&options("WS", "bad").replace("Max-Forwards: 70", "Max-Forwards 70")).await;
    let answer = peer.receive().await;
    assert!(answer.starts_with("SIP/2.0 400 ") && answer.contains("Header Line"), "{answer}");
    peer.send_text(&options("WS", "good")).await;
    listening.message().await;
}

#[tokio::test]
async fn both_kinds_of_ping_are_answered() {
    let listening = start(TransportLimits::default());
    let mut peer = WsPeer::connect(listening.address(0)).await;
    peer.send_text("\r\n\r\n").await;
    assert_eq!(peer.receive().await, "\r\n");
    peer.send(Frame::Ping(Bytes::from_static(b"are you there"))).await;
    assert_eq!(peer.frame().await, Some(Frame::Pong(Bytes::from_static(b"are you there"))));
}

/// Octets of its own, for a library may close by itself what it has asked to close.
#[tokio::test]
async fn who_says_goodbye_is_told_goodbye() {
    let mut listening = start(TransportLimits::default());
    for goodbye in [&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8][..], &[0x88, 0x80, 0, 0, 0, 0]] {
        let mut peer = WsPeer::connect(listening.address(0)).await;
        peer.send_raw(goodbye).await;
        assert_eq!(peer.close_code().await, Some(1000));
        listening.closed().await;
    }
}

#[tokio::test]
async fn too_large_a_message_is_told_by_1009_whole_or_in_pieces() {
    let mut listening = start(TransportLimits::default());
    let mut whole = WsPeer::connect(listening.address(0)).await;
    whole.send_text(&"x".repeat(70_000)).await;
    assert_eq!(whole.close_code().await, Some(1009));
    listening.closed().await;
    let mut pieces = WsPeer::connect(listening.address(0)).await;
    for frame in crate::support::ws::fragments(&vec![b'x'; 70_000], 10_000) {
        pieces.send(Frame::Frame(frame)).await;
    }
    assert_eq!(pieces.close_code().await, Some(1009));
    listening.closed().await;
}

#[tokio::test]
async fn a_frame_that_only_announces_too_much_is_told_by_1009_at_once() {
    let mut listening = start(TransportLimits::default());
    let mut peer = WsPeer::connect(listening.address(0)).await;
    // Masked text of 2^40 octets, of which nothing comes.
    peer.send_raw(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]).await;
    assert_eq!(peer.close_code().await, Some(1009));
    listening.closed().await;
}

#[tokio::test]
async fn a_stranger_is_closed_when_idle_and_pongs_do_not_count() {
    let limits = TransportLimits {
        idle_unauthenticated: Duration::from_millis(600),
        ping_interval: Duration::from_millis(100),
        ..TransportLimits::default()
    };
    let mut listening = start(limits);
    let mut user = WsPeer::connect(listening.address(0)).await;
    user.send_text(&options("WS", "user")).await;
    let (flow, _) = listening.message().await;
    listening.layer.mark_authenticated(&flow);
    let started = Instant::now();
    let mut stranger = WsPeer::connect(listening.address(0)).await;
    // Reading answers the pings.
    let (code, ()) = tokio::join!(stranger.close_code(), async {
        let _ = user.frame_within(Duration::from_secs(1)).await;
    });
    assert_eq!(code, Some(1008));
    assert!(started.elapsed() >= Duration::from_millis(500));
    listening.closed().await;
    assert!(listening.layer.is_open(&flow));
}

#[tokio::test]
async fn a_user_that_answers_no_ping_is_gone() {
    let limits = TransportLimits {
        ping_interval: Duration::from_millis(100),
        pong_deadline: Duration::from_millis(400),
        ..TransportLimits::default()
    };
    let mut listening = start(limits);
    let mut silent = WsPeer::connect(listening.address(0)).await;
    silent.send_text(&options("WS", "user")).await;
    let (flow, _) = listening.message().await;
    listening.layer.mark_authenticated(&flow);
    // Who never reads never answers.
    listening.closed().await;
    assert_eq!(listening.layer.counters().snapshot().deadlines, 1);
}

#[tokio::test]
async fn a_client_that_vanishes_is_reported_at_once() {
    let mut listening = start(TransportLimits::default());
    let peer = WsPeer::connect(listening.address(0)).await;
    let started = Instant::now();
    drop(peer);
    listening.closed().await;
    assert!(started.elapsed() < Duration::from_secs(5), "long before a ping stays unanswered");
}

#[tokio::test]
async fn the_cap_of_one_address_holds_for_websockets() {
    let limits = TransportLimits { connections_per_address: 1, ..TransportLimits::default() };
    let listening = start(limits);
    let _first = WsPeer::connect(listening.address(0)).await;
    assert_eq!(WsPeer::open(listening.address(0), Some("sip"), None).await.err(), Some(503));
}
