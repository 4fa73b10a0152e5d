//! The adapters' switches, and listeners of one transport that have names of their own.

use std::net::{TcpStream, UdpSocket};

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, PhoneConfig, Trust, Voice, WebrtcCaller, WebrtcConfig};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, phone, webrtc};
use crate::support::certificate::pair;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;

fn alice(gateway: &Gateway) -> WebrtcConfig {
    WebrtcConfig {
        media_address: Some(gateway.sip().ip()),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(&gateway.websocket(), "alice", &password("alice"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sip_that_is_switched_off_has_no_port_and_browsers_are_served() {
    let config = GatewayConfig::default()
        .user("alice")
        .sip("enabled = false")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start(&config);
    assert!(TcpStream::connect(gateway.sip()).is_err(), "it listens");
    assert!(UdpSocket::bind(gateway.sip()).is_ok(), "it has the port");
    let alice = webrtc(alice(&gateway)).await;
    alice.register().await.expect("the password is right");
    let call = alice.call("9196").await.expect("an answer");
    assert_hears(&call, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sip_over_websocket_that_is_switched_off_takes_nobody_and_phones_are_served() {
    let office = Host::new();
    let config = GatewayConfig::default()
        .user("alice")
        .sip_ws("enabled = false")
        .trunk("office", &office, &["PCMU"])
        .rule("destination = '9196'\nfrom_trunk = 'office'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start(&config);
    assert!(WebrtcCaller::new(alice(&gateway)).await.is_err(), "it takes WebSockets");
    let phone = phone(PhoneConfig {
        bind: office.at(0),
        server: Some(gateway.sip()),
        codecs: vec![CodecId::Pcmu],
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..PhoneConfig::default()
    })
    .await;
    let call = phone.call("9196").await.expect("an answer");
    assert_hears(&call, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_one_transport_are_told_apart_by_their_names() {
    let [own, office] = [Host::new(), Host::new()];
    let (inside, outside) = (own.at(5070), own.at(5080));
    let lines = [("inside", inside), ("outside", outside)]
        .map(|(name, at)| format!("[[sip.listeners]]\nname = '{name}'\ntransport = 'udp'\nbind = '{at}'\n"));
    let config = GatewayConfig::default().sip(&lines.concat()).trunk("office", &office, &["PCMU"]).rule(
        "destination = '700'\nfrom_trunk = 'office'\nfrom_listeners = ['outside']\n\
         actions = ['answer', { tone = { frequency_hz = 850, level_dbm0 = -10 } }]",
    );
    let gateway = Gateway::start_at(own, &config);
    for (server, is_taken) in [(outside, true), (inside, false), (gateway.sip(), false)] {
        let config = PhoneConfig {
            bind: office.at(0),
            server: Some(server),
            codecs: vec![CodecId::Pcmu],
            ..PhoneConfig::default()
        };
        let answered = phone(config).await.dial("700").await.expect("a number").answered(PATIENCE).await;
        if is_taken {
            let call = answered.expect("an answer");
            assert_hears(&call, CALLEE_HZ).await;
            call.hang_up().await.expect("confirmed");
        } else {
            assert_eq!(answered.err().as_ref().and_then(AgentError::status), Some(404), "{server}");
        }
    }
    gateway.assert_all_is_over(1);
}

/// Beside the one of the HTTP server, which is not written here and so is not there.
#[tokio::test(flavor = "multi_thread")]
async fn websocket_listeners_of_their_own_are_told_apart_by_their_names_and_one_is_secure() {
    let (own, folder) = (Host::new(), TempDir::new().expect("a folder for the test"));
    let (certificate, key) = pair(&folder, "own", own.ip());
    let listeners = [("inside", "ws", 8090), ("outside", "ws", 8091), ("guarded", "wss", 8443)];
    let mut config = GatewayConfig::default().user("alice").tls(&certificate, &key);
    for (name, transport, port) in listeners {
        config = config
            .sip_ws(&format!(
                "[[sip_ws.listeners]]\nname = '{name}'\ntransport = '{transport}'\nbind = '{}'",
                own.at(port)
            ))
            .rule(&format!(
                "destination = '{name}'\nfrom_listeners = ['{name}']\nactions = ['answer', 'echo']"
            ));
    }
    let gateway = Gateway::start_at(own, &config);
    let at = |url: &str| WebrtcConfig {
        trust: Trust::Authority(certificate.clone()),
        media_address: Some(gateway.sip().ip()),
        voice: Some(Voice::tone(CALLER_HZ, LEVEL_DBM0)),
        ..WebrtcConfig::new(url, "alice", &password("alice"))
    };
    for (name, transport, port) in listeners {
        let url = |transport| format!("{transport}://{}:{port}/", gateway.sip().ip());
        if transport == "wss" {
            assert!(WebrtcCaller::new(at(&url("ws"))).await.is_err(), "it is served without TLS");
        }
        let alice = webrtc(at(&url(transport))).await;
        alice.register().await.expect("the password is right");
        for (number, ..) in listeners {
            let answered = alice.dial(number).await.expect("a number").answered(PATIENCE).await;
            if number == name {
                let call = answered.expect("an answer");
                assert_hears(&call, CALLER_HZ).await;
                call.hang_up().await.expect("confirmed");
            } else {
                let refused = answered.err();
                assert_eq!(refused.as_ref().and_then(AgentError::status), Some(404), "{number} by {name}");
            }
        }
    }
    assert!(WebrtcCaller::new(at(&gateway.secure_websocket())).await.is_err(), "the HTTP server has one too");
    gateway.assert_all_is_over(listeners.len());
}
