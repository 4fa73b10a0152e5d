//! With a certificate, page and WebSocket are served over TLS, and to the pages that are named alone.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;

const CONFIG: &str = r#"
[http]
bind = "127.0.0.1:0"

[tls]
certificate = "chain.pem"
private_key = "key.pem"

[sip_ws]
origins = ["https://phone.example"]

[media]
webrtc_port = 0
"#;

#[test]
fn the_page_and_sip_over_websocket_are_served_over_tls() {
    const SIP: &str = "Sec-WebSocket-Protocol: sip\r\n";
    let gateway = Gateway::start();
    let page = gateway.ask("GET / HTTP/1.1\r\nHost: phone.example\r\nConnection: close\r\n\r\n");
    assert!(page.contains("Webtrunk test phone") || page.contains("run make"), "{page}");
    assert!(page.to_ascii_lowercase().contains("strict-transport-security: max-age="), "{page}");

    let upgrade = |origin: &str, subprotocol: &str| {
        gateway.ask(&format!(
            "GET /sip HTTP/1.1\r\nHost: phone.example\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{subprotocol}\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ))
    };
    let welcomed = upgrade("https://phone.example", SIP);
    assert!(welcomed.starts_with("HTTP/1.1 101"), "{welcomed}");
    assert!(welcomed.to_ascii_lowercase().contains("sec-websocket-protocol: sip"), "{welcomed}");
    let foreign = upgrade("https://evil.example", SIP);
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    // What speaks something else, or does not say what, is no client of SIP (RFC 7118 4.1).
    for subprotocol in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let refused = upgrade("https://phone.example", subprotocol);
        assert!(refused.starts_with("HTTP/1.1 400"), "{subprotocol:?}: {refused}");
    }
}

#[test]
fn without_tls_nothing_is_answered_on_that_port() {
    let gateway = Gateway::start();
    let mut stream = TcpStream::connect(gateway.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: phone.example\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    // A closed connection is as good as an alert.
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
}

/// A gateway with a certificate of its own, ended with the test.
struct Gateway {
    process: Child,
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    _folder: TempDir,
}

impl Gateway {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let made =
            rcgen::generate_simple_self_signed(vec!["phone.example".to_owned()]).expect("a certificate");
        for (name, text) in [
            ("chain.pem", made.cert.pem()),
            ("key.pem", made.signing_key.serialize_pem()),
            ("webtrunk.toml", CONFIG.to_owned()),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("the folder is ours");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        }
        let mut process = Command::new(env!("CARGO_BIN_EXE_webtrunk"))
            .args(["run", "--log", "info", "--log-format", "json"])
            .arg(folder.path().join("webtrunk.toml"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let log = BufReader::new(process.stderr.take().expect("it is piped"));
        let address = listening(log).expect("it tells where it listens");
        Self { process, address, certificate: made.cert.der().clone(), _folder: folder }
    }

    /// The answer to a request, up to the end of the connection or a moment of silence.
    fn ask(&self, request: &str) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that we know")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "phone.example".try_into().expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a time-out");
        let mut stream = StreamOwned::new(client, stream);
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // An open WebSocket stays open; a server need not say goodbye in TLS.
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ),
                "{error}"
            ),
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The address in the log's event "HTTP listens".
fn listening(log: impl BufRead) -> Option<SocketAddr> {
    log.lines().map_while(Result::ok).find_map(|line| {
        let event: serde_json::Value = serde_json::from_str(&line).ok()?;
        (event["message"] == "HTTP listens").then(|| event["address"].as_str()?.parse().ok())?
    })
}
