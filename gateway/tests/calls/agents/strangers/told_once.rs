//! Strangers that do the same wrong again and again: the log tells of it once, by one line.

use std::net::Ipv4Addr;

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Credentials, JsonPage, PhoneConfig, PhoneTransport, Trust};

use super::super::doors::Talk;
use super::super::stage::{Stage, phone};
use crate::support::gateway::{GatewayConfig, password};

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
