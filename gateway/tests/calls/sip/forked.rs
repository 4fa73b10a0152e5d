//! A call that rings at two phones of a user: the one that lost the race is told so, and lists no missed call.

use webtrunk_codecs::g711::Law;

use super::devices::{CALLEE_HZ, CALLER_HZ, register, stage};
use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::host::Host;

#[test]
fn a_phone_that_did_not_answer_is_told_that_another_did() {
    let Some((gateway, office)) = stage() else { return };
    let [desk, mobile] = [Host::new(), Host::new()];
    for host in [&desk, &mobile] {
        register(&gateway, host, "");
    }
    let [mut caller_rtp, mut callee_rtp] = [&office, &mobile].map(|host| RtpPeer::new(host, 7000));
    let rings = Sipp::callee(&desk, "callee_rings", &[]);
    let lifts = Sipp::callee(&mobile, "callee_talks", &[]);
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "alice", &[]);
    let cancel = rings.wait_for("CANCEL");
    assert_eq!(cancel.header("Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    let [callee_port, caller_port] =
        [lifts.wait_for("INVITE"), caller.wait_for("200")].map(|seen| seen.audio_port().expect("audio"));
    caller_rtp.say((gateway.sip().ip(), caller_port).into(), Law::Mu, CALLER_HZ);
    callee_rtp.say((gateway.sip().ip(), callee_port).into(), Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    rings.finish();
    caller.go_on();
    caller.finish();
    lifts.finish();
    gateway.assert_all_is_over(1);
}
