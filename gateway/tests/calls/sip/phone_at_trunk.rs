//! A user's phone at the address of a trunk: behind the same NAT, say.

use webtrunk_codecs::g711::Law;
use webtrunk_signalling::auth::digest::Algorithm;

use super::raw_phone::RawPhone;
use super::rtp_peer::RtpPeer;
use super::sipp::{PORT, Sipp};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

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

    let (mut caller_rtp, mut callee_rtp) = (RtpPeer::new(&shared, 7000), RtpPeer::new(&carrier, 7000));
    let callee = Sipp::callee(&carrier, "callee_talks", &[]);
    let values = &[("CALLER", "alice"), ("PASSWORD", &*password)];
    let caller = Sipp::caller(&shared, "caller_user", gateway.sip(), "9100", values);
    let at = |port| (gateway.sip().ip(), port).into();
    let callee_port = callee.wait_for("INVITE").audio_port().expect("an offer");
    let caller_port = caller.wait_for("200").audio_port().expect("an answer");
    caller_rtp.say(at(caller_port), Law::Mu, CALLER_HZ);
    callee_rtp.say(at(callee_port), Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    assert_eq!(caller.received("401").len(), 1, "it had to prove who it is");
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(1);
}
