//! A user's phone at the address of a trunk: behind the same NAT, say.

use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::sipp::{PORT, Sipp};
use super::tones::Tones;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::tools;

#[test]
fn a_phone_at_a_trunks_address_calls_as_its_user_once_it_has_registered_from_there() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [shared, carrier] = [Host::new(), Host::new()];
    let config = GatewayConfig::default()
        .md5_only()
        .user("alice")
        .trunk("office", &shared, &["PCMU"])
        .trunk("carrier", &carrier, &["PCMU"])
        .rule("destination = '9\\d+'\nactions = [{ bridge = { trunk = 'carrier', number = '$0' } }]");
    let gateway = Gateway::start(&config);
    let password = password("alice");

    let mut phone = RawPhone::at_port(&shared, PORT, &gateway, "alice");
    let refused = phone.ask("INVITE", "sip:9100@webtrunk.test", "");
    assert!(refused.starts_with("SIP/2.0 404 "), "no rule is for the trunk: {refused}");
    phone.acknowledge(&refused);
    gateway.log().wait_for(&["taken for the trunk by its address", "office", "alice"], PATIENCE);
    let registered = phone.register(Algorithm::Md5, &password, "");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    drop(phone);

    let mut tones = Tones::at([&shared, &carrier]);
    let callee = Sipp::callee(&carrier, "callee_talks", &[]);
    let values = &[("CALLER", "alice"), ("PASSWORD", &*password)];
    let caller = Sipp::caller(&shared, "caller_user", gateway.sip(), "9100", values);
    tones.exchange((&caller, gateway.sip()), (&callee, gateway.sip()));
    assert_eq!(caller.received("401").len(), 1, "it had to prove who it is");
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(1);
}
