//! SIP over TLS, accepted and dialled, and secure WebSocket at a port of its own.

use bytes::Bytes;
use webtrunk_signalling::adapter::Origin;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::hop::Hop;
use webtrunk_signalling::sip::transport::{DialError, TlsConfig, TransportLimits};
use webtrunk_signalling::sip::trunk::TrunkConfig;

use crate::support::gateway::{Gateway, config};
use crate::support::peer::StreamPeer;
use crate::support::phone::status;
use crate::support::tls::{Authority, Pair};
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

/// Two authorities of one name, of which the gateway trusts the first.
#[tokio::test]
async fn who_shows_a_forged_certificate_or_another_s_or_none_is_not_the_trunk() {
    let (pair, ours, forger) = (Pair::new(), Authority::new(), Authority::new());
    let mut config = config(&[TransportKind::Tls]);
    config.transport.tls = pair.asking(&ours);
    let name = "sbc.carrier.test";
    let trunk = TrunkConfig::new("carrier", "carrier.invalid");
    config.trunks = vec![TrunkConfig { certificate_name: Some(name.to_owned()), ..trunk }];
    let mut gateway = Gateway::start_with(config);
    let address = gateway.address(0);
    for (number, stream, expected) in [
        ("forged", pair.connect_showing(address, &forger, name).await, None),
        ("another", pair.connect_showing(address, &ours, "other.carrier.test").await, Some(401)),
        ("all", pair.connect_showing(address, &ours, "*.carrier.test").await, Some(401)),
        ("none", pair.connect(address).await, Some(401)),
    ] {
        let mut peer = StreamPeer::over(stream);
        // Who is not let in learns it when it has sent.
        peer.try_send(invite(number).as_bytes()).await;
        assert_eq!(peer.receive().await.as_deref().map(status), expected, "{number}");
    }
    let mut peer = StreamPeer::over(pair.connect_showing(address, &ours, name).await);
    peer.send(invite("own").as_bytes()).await;
    let call = gateway.incoming().await;
    assert_eq!((call.origin, call.destination.as_str()), (Origin::Trunk("carrier".to_owned()), "own"));
}

/// Others vouch for whom we dial than for who calls us.
#[tokio::test]
async fn what_a_server_shows_that_we_dialled_makes_it_no_trunk() {
    let (mut trunk, pair) = start(TransportKind::Tls);
    let mut listening =
        Listening::start_with_tls(&[TransportKind::Tls], TransportLimits::default(), pair.config());
    let dialled = listening.layer.flow_to(TransportKind::Tls, trunk.address(0), Some("localhost"));
    let dialled = dialled.expect("TLS is configured");
    listening.layer.send(&dialled, options("TLS", "dialled").into()).expect("it waits");
    let (accepted, _) = trunk.message().await;
    trunk.layer.send(&accepted, options("TLS", "back").into()).expect("it is open");
    let (flow, _) = listening.message().await;
    assert_eq!(flow, dialled);
    assert!(!listening.layer.shows(&flow, "localhost"));
    assert!(!trunk.layer.shows(&accepted, "localhost"), "it has shown none");
}

/// A call to a number, in a transaction and a call of that name.
fn invite(number: &str) -> String {
    format!(
        "INVITE sip:{number}@127.0.0.1 SIP/2.0\r\n\
         Via: SIP/2.0/TLS client.invalid;branch=z9hG4bK{number};rport\r\n\
         From: <sip:caller@client.invalid>;tag={number}\r\n\
         To: <sip:{number}@127.0.0.1>\r\n\
         Call-ID: {number}@client.invalid\r\n\
         CSeq: 1 INVITE\r\n\
         Max-Forwards: 70\r\n\
         Contact: <sip:caller@client.invalid;transport=tls>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
