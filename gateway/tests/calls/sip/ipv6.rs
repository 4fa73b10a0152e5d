//! Two phones over IPv6.

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::machine::Machine;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

#[test]
fn two_phones_hear_each_other() {
    if tools::command("sipp").is_none() {
        return;
    }
    let machine = Machine::new();
    for host in 1..=3 {
        machine.ip(&format!("address add fd00:99::{host}/128 dev lo nodad"));
    }
    machine.run(|| {
        let [own, caller_host, callee_host] =
            [1, 2, 3].map(|host| Host::among_others(&format!("fd00:99::{host}")));
        let config = GatewayConfig::default()
            .trunk("office", &caller_host, &["PCMU"])
            .trunk("carrier", &callee_host, &["PCMU"])
            .rule(
                "destination = '9100'\nfrom_trunk = 'office'\n\
                 actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]",
            );
        let gateway = Gateway::start_at(own, &config);
        let [mut caller_rtp, mut callee_rtp] =
            [&caller_host, &callee_host].map(|host| RtpPeer::new(host, 7000));
        let callee = Sipp::callee(&callee_host, "callee_talks", &[]);
        let caller = Sipp::caller(&caller_host, "caller_talks", gateway.sip(), "9100", &[]);
        let at = |port: Option<u16>| (gateway.sip().ip(), port.expect("audio is described")).into();
        caller_rtp.say(at(caller.wait_for("200").audio_port()), Law::Mu, CALLER_HZ);
        callee_rtp.say(at(callee.wait_for("INVITE").audio_port()), Law::Mu, CALLEE_HZ);
        caller_rtp.await_tone(Law::Mu, CALLEE_HZ);
        callee_rtp.await_tone(Law::Mu, CALLER_HZ);
        caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
        callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
        caller.go_on();
        caller.finish();
        callee.finish();
        gateway.assert_all_is_over(1);
    });
}
