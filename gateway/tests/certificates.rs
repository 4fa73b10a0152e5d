//! The certificate of the listeners: shown by HTTPS, secure WebSocket and SIP over TLS alike, to clients of TLS 1.2
//! and of TLS 1.3, and changed while all of them serve.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use webtrunk::config::{HttpConfig, PairFiles};
use webtrunk::entry::EntryDesk;
use webtrunk::http::{BoundHttp, Services};
use webtrunk::tls::OwnCertificate;
use webtrunk_signalling::http::Gate;
use webtrunk_signalling::sip::flow::TransportKind;
use webtrunk_signalling::sip::transport::{ListenerConfig, TlsConfig, TransportConfig, TransportLayer};

type Stream = StreamOwned<ClientConnection, TcpStream>;

#[test]
fn a_certificate_is_changed_while_listeners_serve_and_connections_live_on() {
    let folder = TempDir::new().expect("a folder");
    let (files, old) = pair(folder.path(), "old");
    let (others, new) = pair(folder.path(), "new");
    let own = OwnCertificate::read(&files).expect("a pair");
    let listeners = serve(&own);
    let trusted = [old.clone(), new.clone()];
    let connect = |at: SocketAddr, version| handshake(at, &trusted, version);
    let mut kept: Vec<_> = listeners.iter().map(|at| connect(*at, &rustls::version::TLS13)).collect();
    for stream in &kept {
        assert_eq!(shown(stream), old);
    }
    // A pair that is none changes nothing.
    let mixed = PairFiles { private_key: others.private_key.clone(), ..files };
    own.change(&mixed).expect_err("the key is another one's");
    assert_eq!(shown(&connect(listeners[0], &rustls::version::TLS13)), old);

    own.change(&others).expect("a pair");
    for at in listeners {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            assert_eq!(shown(&connect(at, version)), new, "{at}");
        }
    }
    for (stream, (request, answer)) in kept.iter_mut().zip([HTTP, WEBSOCKET, SIP]) {
        assert_eq!(ask(stream, request, answer.len()), answer);
    }
}

#[test]
fn clients_of_tls_1_2_alone_and_of_tls_1_3_alone_are_served() {
    let folder = TempDir::new().expect("a folder");
    let (files, certificate) = pair(folder.path(), "own");
    let listeners = serve(&OwnCertificate::read(&files).expect("a pair"));
    for (at, (request, answer)) in listeners.into_iter().zip([HTTP, WEBSOCKET, SIP]) {
        for (version, expected) in [
            (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
            (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
        ] {
            let mut stream = handshake(at, std::slice::from_ref(&certificate), version);
            assert_eq!(stream.conn.protocol_version(), Some(expected), "{at}");
            assert_eq!(ask(&mut stream, request, answer.len()), answer, "{at}");
        }
    }
}

/// What is sent to each listener, and how its answer begins.
const HTTP: (&str, &str) = ("GET /api/demo HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 204 No Content");
const WEBSOCKET: (&str, &str) = (
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols",
);
/// The keep-alive of RFC 5626 4.4.1.
const SIP: (&str, &str) = ("\r\n\r\n", "\r\n");

/// An HTTP server, SIP over secure WebSocket and SIP over TLS, which end with the process.
fn serve(own: &Arc<OwnCertificate>) -> [SocketAddr; 3] {
    let config = own.server_config().expect("two versions");
    let (told, addresses) = mpsc::channel();
    std::thread::spawn(move || {
        actix::System::new().block_on(async {
            let bind = ([127, 0, 0, 1], 0).into();
            let mut listeners =
                [TransportKind::Wss, TransportKind::Tls].map(|kind| ListenerConfig::new(kind, bind));
            listeners[0].origins = webtrunk_signalling::http::OriginPolicy::new(Vec::new(), true);
            let tls = TlsConfig { server: Some(config.clone()), ..TlsConfig::default() };
            let (layer, _inbound) = TransportLayer::new(TransportConfig {
                listeners: listeners.into(),
                tls,
                ..TransportConfig::default()
            });
            layer.listen().expect("loopback ports are free");
            let http = HttpConfig { bind };
            let http = BoundHttp::open(&http, Some(config)).expect("a free port");
            let mut all = vec![http.address()];
            all.extend(layer.addresses().iter().map(|listener| listener.bound));
            told.send(all.try_into().expect("three")).expect("the test waits");
            let services = Services {
                sip: None,
                json: None,
                rest: None,
                entry: EntryDesk::default(),
                demo: None,
                status: None,
                health: None,
                gate: Gate::new(100, 100),
                media: None,
            };
            http.serve(services).expect("it listens").await
        })
    });
    addresses.recv().expect("it starts")
}

/// A self-signed certificate for `localhost` and its key, in files.
fn pair(folder: &Path, name: &str) -> (PairFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let file = |end: &str, text: String| {
        let path = folder.join(format!("{name}.{end}"));
        fs::write(&path, text).expect("the folder is ours");
        path
    };
    let certificate = file("crt", made.cert.pem());
    let private_key = file("key", made.signing_key.serialize_pem());
    let files = PairFiles { certificate, private_key };
    (files, made.cert.der().clone())
}

/// A connection by one version of TLS alone.
fn handshake(
    at: SocketAddr,
    trusted: &[CertificateDer<'static>],
    version: &'static SupportedProtocolVersion,
) -> Stream {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).expect("a certificate");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("a version that we know")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = TcpStream::connect(at).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    while client.is_handshaking() {
        client.complete_io(&mut stream).expect("the certificate is trusted");
    }
    StreamOwned::new(client, stream)
}

fn shown(stream: &Stream) -> CertificateDer<'static> {
    let chain = stream.conn.peer_certificates().expect("it showed one");
    chain[0].clone().into_owned()
}

/// The first octets of the answer to a request.
fn ask(stream: &mut Stream, request: &str, length: usize) -> String {
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).expect("it answers");
    String::from_utf8(answer).expect("text")
}
