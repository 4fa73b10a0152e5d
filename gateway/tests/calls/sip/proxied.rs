//! Calls whose signalling is not as plain as a datagram from the phone's own address: a stream, NAT, a proxy,
//! an extension that we do not have.

use super::sipp::Sipp;
use super::stage::Stage;

#[test]
fn over_tcp() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let caller = Sipp::tcp_caller(&stage.caller, "caller_talks", stage.gateway.sip(), "9100");
    callee.wait_for("ACK");
    let contact = caller.wait_for("200").header("Contact").map(str::to_owned).expect("a contact");
    assert!(contact.contains(";transport=tcp"), "{contact}");
    callee.go_on();
    caller.wait_for("BYE");
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// Via and Contact name an address that nobody here can reach.
#[test]
fn from_behind_nat() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let caller = stage.call("caller_talks", "9100", &[("SHOWN", "10.255.255.254:5060")]);
    callee.wait_for("ACK");
    caller.wait_for_sent("ACK");
    callee.go_on();
    let bye = caller.wait_for("BYE");
    assert!(bye.is_to("sip:2001@10.255.255.254:5060"), "{bye:?}");
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

/// A proxy that wants to see all of the dialog gets our requests first (RFC 3261 12.2.1.1).
#[test]
fn through_a_proxy() {
    let Some(stage) = Stage::new() else { return };
    let callee = stage.answer("callee_talks", &[]);
    let record = "\nRecord-Route: <sip:[local_ip]:[local_port];lr;hop=2>\nRecord-Route: <sip:192.0.2.9;lr>";
    let caller = stage.call("caller_talks", "9100", &[("MORE", record)]);
    callee.wait_for("ACK");
    let (ip, answer) = (stage.caller.ip(), caller.wait_for("200"));
    assert_eq!(
        answer.headers("Record-Route"),
        [format!("<sip:{ip}:5060;lr;hop=2>"), "<sip:192.0.2.9;lr>".to_owned()]
    );
    callee.go_on();
    let bye = caller.wait_for("BYE");
    assert_eq!(bye.headers("Route").join(", "), format!("<sip:{ip}:5060;lr;hop=2>, <sip:192.0.2.9;lr>"));
    assert!(bye.is_to(&format!("sip:2001@{ip}:5060")), "{bye:?}");
    caller.finish();
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[test]
fn with_an_extension_that_we_lack() {
    let Some(stage) = Stage::new() else { return };
    let require = &[("STATUS", "420"), ("MORE", "\nRequire: precondition, teleport")];
    let seen = stage.call("caller_refused", "9100", require).finish();
    let refusal = seen.iter().find(|seen| !seen.is_sent && seen.is("420")).expect("it was expected");
    assert_eq!(refusal.headers("Unsupported").join(", "), "precondition, teleport");
    stage.gateway.assert_all_is_over(0);
}
