//! Copies of messages at a collector: all of them, in order, without a secret.

use std::net::SocketAddr;
use std::time::SystemTime;

use webtrunk_codecs::CodecId;
use webtrunk_signalling::auth::digest::Algorithm;

use super::sighted::{OF_CALLEE, OF_CALLER, Sighted, heard_talk, secrets_of};
use super::stage::{Stage, phone, webrtc};
use crate::sip::raw_phone::{RawPhone, header};
use crate::support::collector::{Collector, Copy};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::process::wait_until;

fn copying(collector: SocketAddr) -> GatewayConfig {
    let lines = format!("[hep]\ncollector = \"{collector}\"\ncapture_id = 7\npassword = \"collectors\"\n");
    GatewayConfig::default().sections(&lines)
}

/// The Call-IDs of the INVITEs, in the order in which they came.
fn call_ids(collector: &Collector) -> Vec<String> {
    let mut found = Vec::new();
    for copy in collector.copies().into_iter().filter(|copy| copy.what() == "INVITE") {
        if !found.contains(&copy.correlation_id) {
            found.push(copy.correlation_id);
        }
    }
    found
}

fn what(copies: &[Copy]) -> Vec<&str> {
    copies.iter().map(Copy::what).collect()
}

/// A page calls over secure WebSocket, the phone is called over UDP with keys in the descriptions, and another one has
/// registered.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_all_messages_of_both_legs_in_order_and_no_secret() {
    let collector = Collector::start(Host::new());
    let sighted = Sighted::start(copying(collector.address()));
    let Sighted { gateway, office, carrier, .. } = &sighted;

    let mut bob = RawPhone::new(office, gateway, "bob");
    let challenged = bob.ask("REGISTER", "sip:webtrunk.test", "");
    let proof =
        bob.authorization(&challenged, Algorithm::Md5, &password("bob"), ("REGISTER", "sip:webtrunk.test"));
    let token = "X-Token: a-token-of-bob\r\n";
    let registered = bob.ask("REGISTER", "sip:webtrunk.test", &format!("{token}{proof}"));
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");

    let (alice, callee) = (sighted.alice().await, sighted.callee().await);
    let (call, lifted) = heard_talk(&alice, &callee).await;
    let secrets: Vec<_> = [&call, &lifted].into_iter().flat_map(secrets_of).collect();
    assert!(secrets.len() >= 2, "{secrets:?}");
    call.hang_up().await.expect("confirmed");
    gateway.assert_all_is_over(1);

    let ids = call_ids(&collector);
    let [of_caller, of_callee] = [(&ids[0], OF_CALLER.len()), (&ids[1], OF_CALLEE.len())]
        .map(|(call_id, count)| collector.of(call_id, count));
    assert_eq!((what(&of_caller), what(&of_callee)), (OF_CALLER.to_vec(), OF_CALLEE.to_vec()));
    for (copies, peer, protocol) in [(&of_caller, None, 6), (&of_callee, Some(carrier.at(SIP_PORT)), 17)] {
        for copy in copies {
            let is_from_peer = ["INVITE", "ACK", "BYE"].contains(&copy.what()) == (protocol == 6);
            let (own, other) = if is_from_peer { (copy.to, copy.from) } else { (copy.from, copy.to) };
            assert_eq!((own.ip(), copy.protocol), (gateway.sip().ip(), protocol), "{copy:?}");
            assert!(peer.is_none_or(|peer| other == peer), "{copy:?}");
            assert_eq!((copy.agent, copy.password.as_str()), (7, "collectors"));
        }
    }
    let copies = collector.copies();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_micros();
    assert!(copies.iter().all(|copy| now.saturating_sub(copy.at_us.into()) < 120_000_000));
    let registration = collector.of(header(&registered, "Call-ID"), 4);
    assert_eq!(what(&registration), ["REGISTER", "401", "REGISTER", "200"]);

    // What was secret in them stands in no copy, nor in the log.
    let quoted = proof.split('"').skip(1).step_by(2).filter(|value| value.len() >= 16);
    let nonce = challenged.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
    let named = [nonce.expect("a challenge"), "a-token-of-bob"];
    let all: Vec<_> = secrets
        .iter()
        .map(String::as_str)
        .chain(quoted.filter(|value| !value.contains(':')))
        .chain(named)
        .collect();
    assert!(all.len() >= 6, "{all:?}");
    for secret in all {
        assert!(!copies.iter().any(|copy| copy.message.contains(secret)), "{secret} was copied");
        assert_eq!(gateway.log().count(&[secret]), 0, "{secret} was logged");
    }
    assert!(copies.iter().any(|copy| copy.message.contains("a=ice-pwd:****")));
    assert!(copies.iter().any(|copy| copy.message.contains("inline:****")));
    assert!(copies.iter().any(|copy| copy.message.contains("response=\"****")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_found_over_ipv6_and_calls_go_on_without_one() {
    let collector = Collector::start(Host::ipv6());
    let nobody: SocketAddr = Host::new().at(9060);
    for (address, is_there) in [(collector.address(), true), (nobody, false)] {
        let stage = Stage::with(&["PCMU"], copying(address));
        let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
        for _ in 0..2 {
            let (call, lifted) = heard_talk(&alice, &callee).await;
            call.hang_up().await.expect("confirmed");
            lifted.ended(PATIENCE).await.expect("hung up");
        }
        stage.gateway.assert_all_is_over(2);
        if is_there {
            assert!(wait_until(PATIENCE, || call_ids(&collector).len() == 4), "{:?}", call_ids(&collector));
            let first = call_ids(&collector).remove(0);
            assert_eq!(what(&collector.of(&first, OF_CALLER.len())), OF_CALLER);
        }
    }
}
