//! Strangers whose WebSocket frames are none, at both doors: each is told by its close code, and a call notices nothing.

use std::net::{IpAddr, Ipv4Addr};

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::super::doors::{Doors, Talk};
use super::wire::options;
use super::wire::ws::WsPeer;
use crate::support::gateway::GatewayConfig;

/// What is sent, and the code by which it is told at both doors (RFC 6455 7.4.1).
const WRONG: [(&str, &[u8], u16); 8] = [
    ("RSV1 is set", &[0xc1, 0x81, 0, 0, 0, 0, b'x'], 1002),
    ("RSV3 is set, in a ping", &[0x99, 0x80, 0, 0, 0, 0], 1002),
    ("it is not masked", &[0x81, 0x01, b'x'], 1002),
    ("its opcode is none", &[0x83, 0x80, 0, 0, 0, 0], 1002),
    ("it goes on with nothing", &[0x80, 0x81, 0, 0, 0, 0, b'x'], 1002),
    ("a ping in pieces", &[0x09, 0x80, 0, 0, 0, 0], 1002),
    ("text that is no UTF-8", &[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ("text in pieces that is no UTF-8", &[0x01, 0x81, 0, 0, 0, 0, 0xc3, 0x80, 0x81, 0, 0, 0, 0, 0x28], 1007),
];

async fn open(doors: &Doors, subprotocol: &'static str, path: &str) -> WsPeer<TlsStream<TcpStream>> {
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let stream = doors.https_stream(from).await.expect("the HTTP server takes it");
    let url = doors.stage.gateway.secure_websocket().replace("/sip", path);
    WsPeer::speaking(subprotocol, stream, &url).await.expect("it takes pages")
}

/// Fails when `frame_guard.rs` or `websocket.rs` take one for the other, or either door takes what it does not carry.
#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_are_told_by_their_codes_at_both_doors_and_a_call_does_not_notice() {
    let doors = Doors::new(GatewayConfig::default().sections("[json]\npasswords = true"));
    let talk = Talk::begin(&doors.stage).await;
    for (subprotocol, path) in [("sip", "/sip"), ("webtrunk.v1.json", "/api/v1")] {
        for (what, octets, code) in WRONG {
            let mut peer = open(&doors, subprotocol, path).await;
            peer.send_raw(octets).await;
            assert_eq!(peer.close_code().await, Some(code), "{subprotocol}: {what}");
        }
    }
    let mut page = open(&doors, "webtrunk.v1.json", "/api/v1").await;
    page.send(Frame::binary("{}")).await;
    assert_eq!(page.close_code().await, Some(1003), "pages say text");
    // RFC 7118 5: SIP comes as either.
    let mut browser = open(&doors, "sip", "/sip").await;
    browser.send(Frame::binary(options("WSS", "octets"))).await;
    assert!(browser.receive().await.starts_with("SIP/2.0 200 "));
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    doors.stage.gateway.assert_all_is_over(1);
}

/// One of a client's, masked and empty.
const PING: &[u8] = &[0x89, 0x80, 0, 0, 0, 0];
/// The keep-alive of RFC 5626 4.4.1, as text.
const KEEP_ALIVE: &[u8] = b"\x81\x84\0\0\0\0\r\n\r\n";

/// As many as anybody may send at once, and more.
const AT_ONCE: usize = 100;
const FLOOD: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_pings_without_end_is_closed_at_both_doors_and_a_call_does_not_notice() {
    let doors = Doors::new(GatewayConfig::default().sections("[json]\npasswords = true"));
    let talk = Talk::begin(&doors.stage).await;
    for (subprotocol, path, ping) in
        [("sip", "/sip", PING), ("sip", "/sip", KEEP_ALIVE), ("webtrunk.v1.json", "/api/v1", PING)]
    {
        let mut peer = open(&doors, subprotocol, path).await;
        peer.send_raw(&ping.repeat(FLOOD)).await;
        let mut answered = 0;
        let code = loop {
            match peer.frame().await {
                Some(Frame::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
                Some(_) => answered += 1,
                None => break None,
            }
        };
        assert_eq!(code, Some(1008), "{subprotocol}: {ping:?}");
        assert!((AT_ONCE..FLOOD).contains(&answered), "{subprotocol}: {answered} of {ping:?}");
    }
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    doors.stage.gateway.assert_all_is_over(1);
}
