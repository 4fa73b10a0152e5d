//! Where the gateway has to say no, or to end what nobody else ends.

use std::net::UdpSocket;
use std::time::Duration;

use super::raw_phone::{RawPhone, header};
use super::sipp::Sipp;
use super::stage::Stage;
use crate::support::gateway::GatewayConfig;

/// How long ports rest.
const REST: Duration = Duration::from_secs(10);

/// How long those rest to which nobody sent anything.
const SHORT_REST: Duration = Duration::from_secs(3);

/// A gateway with ports for the two legs of one call.
fn with_ports_for_one_call() -> GatewayConfig {
    GatewayConfig::default().media("shards = 1").rtp_ports(20_000, 20_003)
}

/// A stage of this configuration, on which a call is up.
fn talking(config: GatewayConfig) -> Option<(Stage, Sipp, Sipp)> {
    let stage = Stage::with(&["PCMU"], config)?;
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "9100", &[]);
    callee.wait_for("ACK");
    caller.wait_for_sent("ACK");
    Some((stage, caller, callee))
}

/// One more call than there may be is refused, and the one that is up does not notice. Gives the refusal, and the figures then.
fn one_call_too_many(config: GatewayConfig) -> Option<(String, String)> {
    let (stage, caller, callee) = talking(config)?;
    let held = stage.gateway.status();
    let mut another = RawPhone::new(&stage.caller, &stage.gateway, "2002");
    let refused = another.ask("INVITE", "sip:9101@webtrunk.test", "");
    assert!(refused.starts_with("SIP/2.0 503 "), "{refused}");
    another.acknowledge(&refused);
    stage.gateway.wait_for_status(&held);
    let figures = stage.gateway.metrics();
    caller.go_on();
    caller.finish();
    callee.finish();
    Some((refused, figures))
}

#[test]
fn more_calls_than_configured() {
    let config = GatewayConfig::default().media("calls_max = 1");
    let Some((refused, figures)) = one_call_too_many(config) else { return };
    let seconds = header(&refused, "Retry-After").parse::<u32>().expect("when to come again");
    assert!((1..=10).contains(&seconds), "{refused}");
    assert!(figures.contains("webtrunk_calls_without_room_total{why=\"calls\"} 1\n"), "{figures}");
}

#[test]
fn more_legs_than_ports() {
    one_call_too_many(with_ports_for_one_call());
}

/// The callee's leg finds no port: its caller's goes back.
#[test]
fn one_port_for_two_legs() {
    let config = GatewayConfig::default().media("shards = 1").rtp_ports(20_000, 20_001);
    let Some(stage) = Stage::with(&["PCMU"], config) else { return };
    stage.call("caller_refused", "9100", &[("STATUS", "503")]).finish();
    stage.gateway.assert_all_is_over(1);
}

/// What a phone still sends when its call is over must not be heard in the next one: its port rests.
#[test]
fn ports_rest_after_a_call() {
    let Some((stage, caller, callee)) = talking(with_ports_for_one_call()) else { return };
    let sender = UdpSocket::bind((stage.caller.ip(), 0)).expect("the host is ours");
    for port in [20_000, 20_002] {
        sender.send_to(b"something", (stage.gateway.sip().ip(), port)).expect("loopback takes it");
    }
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
    std::thread::sleep(SHORT_REST + Duration::from_secs(1));
    let mut another = RawPhone::new(&stage.caller, &stage.gateway, "2002");
    let refused = another.ask("INVITE", "sip:9101@webtrunk.test", "");
    assert!(refused.starts_with("SIP/2.0 503 "), "{refused}");
    another.acknowledge(&refused);
    std::thread::sleep(REST.saturating_sub(SHORT_REST));
    stage.call_through();
}

/// Calls that are refused, or not answered, use up no ports for long.
#[test]
fn ports_to_which_nobody_sent_anything_rest_for_less() {
    let Some((stage, caller, callee)) = talking(with_ports_for_one_call()) else { return };
    caller.go_on();
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
    std::thread::sleep(SHORT_REST);
    stage.call_through();
}

/// Both phones are there and say nothing, as after a power cut: the call does not last for ever.
#[test]
fn a_call_without_media() {
    let Some((stage, caller, callee)) = talking(GatewayConfig::default().media("media_timeout_s = 1")) else {
        return;
    };
    for phone in [caller, callee] {
        let bye = phone.wait_for("BYE");
        assert_eq!(bye.header("Reason"), Some("Q.850;cause=41;text=\"Media timeout\""));
        phone.finish();
    }
    stage.gateway.assert_all_is_over(1);
    assert!(stage.gateway.log().count(&["no packet within media_timeout"]) > 0, "the log says why");
}
