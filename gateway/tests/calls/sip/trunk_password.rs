//! A trunk that asks for a password: it gets the configured one, and the call goes on.

use super::sipp::Sipp;
use super::tones::Tones;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::tools;

const PASSWORD: &str = "open sesame";

/// A gateway whose carrier is given this password, with the hosts of the office and of the carrier.
fn stage(password: &str) -> Option<(Gateway, Host, Host)> {
    tools::command("sipp")?;
    let [office, carrier] = [Host::new(), Host::new()];
    let credentials = format!("[trunks.credentials]\nuser = 'webtrunk'\npassword = '{password}'");
    let config = GatewayConfig::default()
        .trunk("office", &office, &["PCMU"])
        .trunk("carrier", &carrier, &["PCMU"])
        .last_trunk(&credentials)
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
        );
    Some((Gateway::start(&config), office, carrier))
}

#[test]
fn the_right_one_lets_the_call_through() {
    let Some((gateway, office, carrier)) = stage(PASSWORD) else { return };
    let mut tones = Tones::at([&office, &carrier]);
    let callee = Sipp::callee(&carrier, "callee_challenges", &[("PASSWORD", PASSWORD)]);
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "9100", &[]);
    tones.exchange((&caller, gateway.sip()), (&callee, gateway.sip()));
    let invites = callee.received("INVITE");
    assert_eq!(invites.len(), 2);
    assert!(invites[0].header("Authorization").is_none(), "told without being asked");
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(1);
}

/// Asked once, answered once: a wrong password is not tried again and again, and the caller is refused.
#[test]
fn a_wrong_one_refuses_the_caller() {
    let Some((gateway, office, carrier)) = stage("a guess") else { return };
    let callee = Sipp::callee(&carrier, "callee_challenges", &[("PASSWORD", PASSWORD)]);
    Sipp::caller(&office, "caller_refused", gateway.sip(), "9100", &[("STATUS", "403")]).finish();
    assert_eq!(callee.received("INVITE").len(), 2);
    gateway.assert_all_is_over(1);
}
