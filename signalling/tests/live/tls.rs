//! SIP over TLS, accepted and dialled, and secure WebSocket at a port of its own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::{DialError, TlsConfig, TransportLimits};

use crate::support::peer::StreamPeer;
use crate::support::{Listening, options};

/// A server whose certificate says `localhost`, and a client that trusts it.
fn tls() -> TlsConfig {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name and a key");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("they belong together");
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).expect("a certificate");
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConfig { server: Some(Arc::new(server)), client: Some(Arc::new(client)), ..TlsConfig::default() }
}

fn start(kind: TransportKind) -> (Listening, TlsConfig) {
    let tls = tls();
    (Listening::start_with_tls(&[kind], TransportLimits::default(), tls.clone()), tls)
}

#[tokio::test]
async fn a_client_speaks_inside_tls() {
    let (mut listening, tls) = start(TransportKind::Tls);
    let stream = TcpStream::connect(listening.address(0)).await.expect("it listens");
    let connector = TlsConnector::from(tls.client.expect("made above"));
    let name = ServerName::try_from("localhost").expect("a name");
    let mut peer = StreamPeer::over(connector.connect(name, stream).await.expect("it is trusted"));
    peer.send(options("TLS", "inside").as_bytes()).await;
    let (flow, _) = listening.message().await;
    assert_eq!(flow.kind, TransportKind::Tls);
    listening.layer.send(&flow, Bytes::from_static(b"hello")).expect("it is open");
    assert_eq!(peer.receive_exactly(5).await, b"hello");
}

#[tokio::test]
async fn a_dialled_server_has_to_show_the_right_name() {
    let (mut trunk, tls) = start(TransportKind::Tls);
    let mut listening = Listening::start_with_tls(&[TransportKind::Tls], TransportLimits::default(), tls);
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
    let (mut listening, tls) = start(TransportKind::Wss);
    let stream = TcpStream::connect(listening.address(0)).await.expect("it listens");
    let connector = TlsConnector::from(tls.client.expect("made above"));
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connector.connect(name, stream).await.expect("it is trusted");
    let mut request = "wss://localhost/".into_client_request().expect("a URL");
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    let (mut peer, _) = tokio_tungstenite::client_async(request, stream).await.expect("it takes us");
    peer.send(Frame::text(options("WSS", "inside"))).await.expect("it is open");
    assert_eq!(listening.message().await.0.kind, TransportKind::Wss);
}

#[tokio::test]
async fn without_authorities_no_server_is_dialled() {
    let tls = TlsConfig { client: None, ..tls() };
    let listening = Listening::start_with_tls(&[TransportKind::Tls], TransportLimits::default(), tls);
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let refused = listening.layer.flow_to(TransportKind::Tls, nobody, Some("localhost"));
    assert_eq!(refused, Err(DialError::NoAuthorities));
}
