//! What a rule changes of the headers that go along with a call.

use super::sipp::Sipp;
use super::tones::Tones;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

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
    let mut tones = Tones::at([&office, &carrier]);
    let callee = Sipp::callee(&carrier, "callee_talks", &[]);
    let more = "\nX-Tenant: theirs\nX-Gone: yes\nX-Kept: yes";
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "9100", &[("MORE", more)]);
    let invite = callee.wait_for("INVITE");
    assert_eq!(invite.headers("X-Tenant"), ["ours"]);
    assert_eq!((invite.header("X-Gone"), invite.header("X-Kept")), (None, Some("yes")));
    tones.exchange((&caller, gateway.sip()), (&callee, gateway.sip()));
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(1);
}
