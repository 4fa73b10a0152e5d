//! What a rule changes of the headers that go along with a call.

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

#[test]
fn a_rule_takes_out_a_header_that_would_go_along_and_replaces_another() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [office, carrier] = [Host::new(), Host::new()];
    let allow = "headers_allow = ['X-*']";
    let config = GatewayConfig::default()
        .trunk("office", &office, &["PCMU"])
        .last_trunk(allow)
        .trunk("carrier", &carrier, &["PCMU"])
        .last_trunk(allow)
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'carrier', number = '$0', \
             headers = { set = { X-Tenant = 'ours' }, remove = ['X-Gone'] } } }]",
        );
    let gateway = Gateway::start(&config);
    let [mut caller_rtp, mut callee_rtp] = [&office, &carrier].map(|host| RtpPeer::new(host, 7000));
    let callee = Sipp::callee(&carrier, "callee_talks", &[]);
    let more = "\nX-Tenant: theirs\nX-Gone: yes\nX-Kept: yes";
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "9100", &[("MORE", more)]);
    let invite = callee.wait_for("INVITE");
    assert_eq!(invite.headers("X-Tenant"), ["ours"]);
    assert_eq!((invite.header("X-Gone"), invite.header("X-Kept")), (None, Some("yes")));
    let at = |port: Option<u16>| (gateway.sip().ip(), port.expect("audio is described")).into();
    caller_rtp.say(at(caller.wait_for("200").audio_port()), Law::Mu, CALLER_HZ);
    callee_rtp.say(at(invite.audio_port()), Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(1);
}
