//! Strangers that do the same wrong again and again: the log tells of it once, by one line; and many that do it once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, JsonPage, PhoneConfig, PhoneTransport, Trust};

use super::super::doors::Talk;
use super::super::stage::{Stage, phone};
use crate::support::gateway::{GatewayConfig, password};
use crate::support::host::Host;

/// Fails when what is refused writes a line each time, or two.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_does_wrong_again_and_again_is_told_by_one_line() {
    let config =
        GatewayConfig::default().sections("[json]\npasswords = true\norigins = ['https://crm.example']");
    let stage = Stage::with(&["PCMU"], config.log_filter("info,webtrunk_signalling=debug"));
    let gateway = &stage.gateway;
    let talk = Talk::begin(&stage).await;
    let at = |path: &str| gateway.websocket().replace("/sip", path);
    for _ in 0..3 {
        let mut page = JsonPage::open(&at("/api/v1"), &Trust::default(), None).await.expect("it takes pages");
        let proof = json!({ "proof": { "kind": "token", "token": "stale" } });
        for _ in 0..3 {
            assert!(page.request("connect", proof.clone()).await.is_err());
        }
        for path in ["/api/v1", "/sip"] {
            let foreign = Some("https://evil.example");
            assert!(JsonPage::open(&at(path), &Trust::default(), foreign).await.is_err(), "{path}");
        }
        for (user, secret) in [("alice", "guess".to_owned()), ("eve", password("alice"))] {
            let config = PhoneConfig {
                bind: (Ipv4Addr::LOCALHOST, 0).into(),
                transport: PhoneTransport::Tcp,
                server: Some(gateway.sip()),
                user: user.to_owned(),
                credentials: Some(Credentials::new("alice", &secret)),
                codecs: vec![CodecId::Pcmu],
                ..PhoneConfig::default()
            };
            assert!(phone(config).await.register().await.is_err(), "{user}");
        }
    }
    let log = gateway.log();
    assert_eq!(log.count(&["page is not let in"]), 1);
    assert_eq!(log.count(&["WebSocket refused"]), 2, "one at each door");
    assert_eq!(log.count(&["wrong credentials"]), 1);
    assert_eq!(log.count(&["request in another name"]), 1);
    assert_eq!(log.count(&["request refused", "Not Your Address"]), 0, "it is told already");
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    gateway.assert_all_is_over(1);
}

/// What the log tells of all sources in a minute.
const TOLD_MAX: usize = 100;

/// A foreign page's handshake from there; whether it is refused.
async fn is_refused(source: IpAddr, door: SocketAddr) -> bool {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((source, 0).into()).expect("the host is ours");
    let mut stream = socket.connect(door).await.expect("it listens");
    let handshake = format!(
        "GET /sip HTTP/1.1\r\nHost: {door}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nOrigin: https://evil.example\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.expect("it is read");
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).await.expect("an answer");
    answer.starts_with(b"HTTP/1.1 403 ")
}

/// Fails when each source has its line, however many there are.
#[tokio::test(flavor = "multi_thread")]
async fn what_very_many_sources_do_wrong_is_told_by_a_bounded_number_of_lines() {
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().log_filter("info"));
    let talk = Talk::begin(&stage).await;
    let door = stage.gateway.http_authority().parse().expect("an address");
    let hosts: Vec<_> = (0..TOLD_MAX + 50).map(|_| Host::new()).collect();
    for host in &hosts {
        assert!(is_refused(host.ip(), door).await);
    }
    let log = stage.gateway.log();
    assert_eq!(log.count(&["WebSocket refused"]), TOLD_MAX);
    assert_eq!(log.count(&["what many sources do wrong is told no more for a minute"]), 1);
    talk.assert_undisturbed().await;
    talk.hang_up().await;
    stage.gateway.assert_all_is_over(1);
}
