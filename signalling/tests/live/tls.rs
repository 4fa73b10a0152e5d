//! SIP over TLS, accepted and dialled, and secure WebSocket at a port of its own.

use bytes::Bytes;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::hop::Hop;
use webtrunk_signalling::sip::transport::{DialError, TlsConfig, TransportLimits};

use crate::support::peer::StreamPeer;
use crate::support::tls::Pair;
use crate::support::ws::WsPeer;
use crate::support::{Listening, options};

fn start(kind: TransportKind) -> (Listening, Pair) {
    let pair = Pair::new();
    (Listening::start_with_tls(&[kind], TransportLimits::default(), pair.config()), pair)
}

#[tokio::test]
async fn a_client_speaks_inside_tls() {
    let (mut listening, pair) = start(TransportKind::Tls);
    let mut peer = StreamPeer::over(pair.connect(listening.address(0)).await);
    peer.send(options("TLS", "inside").as_bytes()).await;
    let (flow, _) = listening.message().await;
    assert_eq!(flow.kind, TransportKind::Tls);
    listening.layer.send(&flow, Bytes::from_static(b"hello")).expect("it is open");
    assert_eq!(peer.receive_exactly(5).await, b"hello");
}

#[tokio::test]
async fn a_dialled_server_has_to_show_the_right_name() {
    let (mut trunk, pair) = start(TransportKind::Tls);
    let mut listening =
        Listening::start_with_tls(&[TransportKind::Tls], TransportLimits::default(), pair.config());
    let remote = trunk.address(0);
    let good =
        listening.layer.flow_to(TransportKind::Tls, remote, Some("localhost")).expect("TLS is configured");
    let sent = Bytes::from(options("TLS", "dialled"));
    listening.layer.send(&good, sent.clone()).expect("it waits");
    trunk.message().await;
    for name in [Some("trunk.example"), None] {
        let bad = listening.layer.flow_to(TransportKind::Tls, remote, name).expect("TLS is configured");
        assert_ne!(bad.connection, good.connection, "another name is another stream");
        listening.layer.send(&bad, sent.clone()).expect("it waits");
        listening.closed().await;
    }
}

#[tokio::test]
async fn a_websocket_runs_inside_tls() {
    let (mut listening, pair) = start(TransportKind::Wss);
    let mut peer = WsPeer::over(pair.connect(listening.address(0)).await, "wss://localhost/").await;
    peer.send_text(&options("WSS", "inside")).await;
    assert_eq!(listening.message().await.0.kind, TransportKind::Wss);
}

#[tokio::test]
async fn without_authorities_no_server_is_dialled() {
    let tls = TlsConfig { client: None, ..Pair::new().config() };
    let listening = Listening::start_with_tls(&[TransportKind::Tls], TransportLimits::default(), tls);
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let refused = listening.layer.flow_to(TransportKind::Tls, nobody, Some("localhost"));
    assert_eq!(refused, Err(DialError::NoAuthorities));
}

/// Two trunks at one host, each of which is shown a certificate of its own, never share a stream.
#[tokio::test]
async fn trunks_that_are_shown_other_certificates_have_streams_of_their_own() {
    let (mut trunk, pair) = start(TransportKind::Tls);
    let one = pair.config().client.expect("it has one");
    let tls =
        TlsConfig { clients: ["a", "b"].map(|name| (name.to_owned(), one.clone())).into(), ..pair.config() };
    let listening = Listening::start_with_tls(&[TransportKind::Tls], TransportLimits::default(), tls);
    let to = |identity: Option<&str>| {
        let hop = Hop {
            server_name: Some("localhost".to_owned()),
            identity: identity.map(str::to_owned),
            ..Hop::new(TransportKind::Tls, trunk.address(0))
        };
        listening.layer.flow_to_hop(&hop).expect("TLS is configured")
    };
    let flows = [to(Some("a")), to(Some("b")), to(None)];
    assert_eq!(to(Some("a")), flows[0]);
    assert!(flows[0] != flows[1] && flows[1] != flows[2] && flows[0] != flows[2]);
    for flow in flows {
        listening.layer.send(&flow, options("TLS", "own").into()).expect("it waits");
        trunk.message().await;
    }
}
