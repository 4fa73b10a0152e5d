//! Answered calls that one side ends: the other learns it at once, and why.

use super::sipp::Sipp;
use super::stage::Stage;

/// A call that is up, with both of its phones.
fn talking(stage: &Stage) -> (Sipp, Sipp) {
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "9100", &[]);
    callee.wait_for("ACK");
    caller.wait_for_sent("ACK");
    let status = stage.gateway.status();
    assert_eq!((&status["calls"], &status["rtp_ports_in_use"]), (&1.into(), &2.into()), "{status}");
    (caller, callee)
}

#[test]
fn by_the_caller() {
    let Some(stage) = Stage::new() else { return };
    let (caller, callee) = talking(&stage);
    caller.go_on();
    caller.finish();
    let bye = callee.wait_for("BYE");
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn by_the_callee() {
    let Some(stage) = Stage::new() else { return };
    let (caller, callee) = talking(&stage);
    callee.go_on();
    callee.finish();
    let bye = caller.wait_for("BYE");
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

/// What the one side says of why, the other side is told.
#[test]
fn by_the_caller_for_a_reason() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let reason = "\nReason: Q.850;cause=102;text=\"Recovery on timer expiry\"";
    let caller = stage.call("caller_talks", "9100", &[("REASON", reason)]);
    caller.wait_for_sent("ACK");
    callee.wait_for("ACK");
    caller.go_on();
    caller.finish();
    let bye = callee.wait_for("BYE");
    assert_eq!(bye.header("Reason"), Some("SIP;cause=408;text=\"Signalling lost\""));
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// SIGTERM while a call is up: both sides are told, and the process ends in order.
#[test]
fn by_the_gateway_that_stops() {
    let Some(stage) = Stage::new() else { return };
    let (caller, callee) = talking(&stage);
    stage.gateway.stop();
    for phone in [caller, callee] {
        let bye = phone.wait_for("BYE");
        assert_eq!(bye.header("Reason"), Some("SIP;cause=503;text=\"Shutting down\""));
        phone.finish();
    }
}

/// SIGTERM while it rings: the callee stops ringing, the caller may call again elsewhere.
#[test]
fn by_the_gateway_that_stops_while_it_rings() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_rings", &[]);
    let caller = stage.call("caller_refused", "9100", &[("STATUS", "503")]);
    caller.wait_for("180");
    stage.gateway.stop();
    caller.finish();
    callee.finish();
}
