//! A call that rings at two phones of a user: the one that lost the race is told so, and lists no missed call.

use super::devices::{register, stage};
use super::sipp::Sipp;
use super::tones::Tones;
use crate::support::host::Host;

#[test]
fn a_phone_that_did_not_answer_is_told_that_another_did() {
    let Some((gateway, office)) = stage() else { return };
    let [desk, mobile] = [Host::new(), Host::new()];
    for host in [&desk, &mobile] {
        register(&gateway, host, "");
    }
    let mut tones = Tones::at([&office, &mobile]);
    let rings = Sipp::callee(&desk, "callee_rings", &[]);
    let lifts = Sipp::callee(&mobile, "callee_talks", &[]);
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "alice", &[]);
    let cancel = rings.wait_for("CANCEL");
    assert_eq!(cancel.header("Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    tones.exchange((&caller, gateway.sip()), (&lifts, gateway.sip()));
    rings.finish();
    caller.go_on();
    caller.finish();
    lifts.finish();
    gateway.assert_all_is_over(1);
}
