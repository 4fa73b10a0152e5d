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

/// A WebSocket's handshake with these headers besides.
fn handshake(headers: &str) -> String {
    format!(
        "GET /sip HTTP/1.1\r\nHost: phone.example\r\nOrigin: https://phone.example\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n{headers}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

#[test]
fn a_handshake_with_very_many_or_very_long_headers_is_refused_and_others_are_welcome() {
    let gateway = Gateway::start();
    let many = gateway.ask(&handshake(&"X-Padding: x\r\n".repeat(200)));
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    let long = gateway.ask(&handshake(&format!("X-Padding: {}\r\n", "x".repeat(256 * 1024))));
    // What it had sent by then may make the system reset the connection.
    assert!(long.is_empty() || long.starts_with("HTTP/1.1 431"), "{long}");
    let welcomed = gateway.ask(&handshake(&"X-Padding: x\r\n".repeat(50)));
    assert!(welcomed.starts_with("HTTP/1.1 101"), "{welcomed}");
}

#[test]
fn nothing_older_than_tls_1_2_is_spoken_and_nothing_is_compressed() {
    let gateway = Gateway::start();
    let mut old = TcpStream::connect(gateway.address).expect("it listens");
    old.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    old.write_all(&hello_of_tls_1_1()).expect("it reads");
    let mut answer = [0; 7];
    old.read_exact(&mut answer).expect("an answer");
    assert_eq!((answer[0], answer[5]), (21, 2), "a fatal alert (RFC 5246 7.2): {answer:?}");

    let page =
        "GET / HTTP/1.1\r\nHost: phone.example\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n\r\n";
    let page = gateway.ask(page).to_ascii_lowercase();
    assert!(page.starts_with("http/1.1 ") && !page.contains("content-encoding:"), "{page}");
    let welcomed = gateway.ask(&handshake("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    assert!(welcomed.starts_with("HTTP/1.1 101"), "{welcomed}");
    assert!(!welcomed.to_ascii_lowercase().contains("sec-websocket-extensions"), "{welcomed}");
}

/// A ClientHello of who knows nothing newer (RFC 4346 7.4.1.2).
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session, two suites that were good then, no compression.
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    let length = |of: &[u8]| u8::try_from(of.len()).expect("it is short");
    let mut handshake = vec![1, 0, 0, length(&hello)];
    handshake.extend(hello);
    let mut record = vec![22, 3, 1, 0, length(&handshake)];
    record.extend(handshake);
    record
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
        // Who is refused early is not read to the end.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            // An open WebSocket stays open; a server need not say goodbye in TLS.
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::WouldBlock
                        | ErrorKind::UnexpectedEof
                        | ErrorKind::ConnectionReset
                        | ErrorKind::BrokenPipe
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
