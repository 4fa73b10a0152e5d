//! Two phones over IPv6, by address and by name, or one of them.

use std::net::SocketAddr;

use webtrunk_codecs::g711::Law;

use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::dns::{Dns, Zone};
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;
use crate::support::machine::Machine;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

const RULE: &str = "destination = '9100'\nfrom_trunk = 'office'\n\
                    actions = [{ bridge = { trunk = 'carrier', number = '$0' } }]";

/// A machine with the addresses of three hosts.
fn machine() -> Option<Machine> {
    tools::command("sipp")?;
    let machine = Machine::new();
    for host in 1..=3 {
        machine.ip(&format!("address add fd00:99::{host}/128 dev lo nodad"));
    }
    Some(machine)
}

/// On that machine: the gateway's, the caller's and the callee's.
fn hosts() -> [Host; 3] {
    [1, 2, 3].map(|host| Host::among_others(&format!("fd00:99::{host}")))
}

/// The caller calls, the callee answers, and both hear each other.
fn assert_talk(gateway: &Gateway, sip: SocketAddr, caller_host: &Host, callee_host: &Host) {
    let [mut caller_rtp, mut callee_rtp] = [caller_host, callee_host].map(|host| RtpPeer::new(host, 7000));
    let callee = Sipp::callee(callee_host, "callee_talks", &[]);
    let caller = Sipp::caller(caller_host, "caller_talks", sip, "9100", &[]);
    let at = |ip, port: Option<u16>| (ip, port.expect("audio is described")).into();
    caller_rtp.say(at(sip.ip(), caller.wait_for("200").audio_port()), Law::Mu, CALLER_HZ);
    callee_rtp.say(at(gateway.sip().ip(), callee.wait_for("INVITE").audio_port()), Law::Mu, CALLEE_HZ);
    caller_rtp.await_tone(Law::Mu, CALLEE_HZ);
    callee_rtp.await_tone(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    gateway.assert_all_is_over(1);
}

#[test]
fn two_phones_hear_each_other() {
    let Some(machine) = machine() else { return };
    machine.run(|| {
        let [own, caller, callee] = hosts();
        let config = GatewayConfig::default()
            .trunk("office", &caller, &["PCMU"])
            .trunk("carrier", &callee, &["PCMU"])
            .rule(RULE);
        let gateway = Gateway::start_at(own, &config);
        assert_talk(&gateway, gateway.sip(), &caller, &callee);
    });
}

/// Its SRV record names a host that has an AAAA record alone.
#[test]
fn a_trunk_that_is_a_name_is_called_over_ipv6() {
    let Some(machine) = machine() else { return };
    machine.run(|| {
        let ([own, caller, callee], names) = (hosts(), Host::new());
        let zone = Zone::default()
            .srv("_sip._udp.carrier.test", [10, 0, 5060], "edge.carrier.test")
            .address("edge.carrier.test", callee.ip());
        let dns = Dns::serve(&names, zone);
        let config = GatewayConfig::default()
            .sip(&dns.line())
            .trunk("office", &caller, &["PCMU"])
            .trunk_lines("name = 'carrier'\nhost = 'carrier.test'\ntransport = 'udp'\ncodecs = ['PCMU']")
            .rule(RULE);
        let gateway = Gateway::start_at(own, &config);
        assert_talk(&gateway, gateway.sip(), &caller, &callee);
        assert_eq!(gateway.log().count(&["trunk found", "fd00:99::3"]), 1);
    });
}

/// Plain RTP is bound to all addresses of both families, whatever the system says of such sockets.
#[test]
fn a_phone_with_ipv4_and_one_with_ipv6_hear_each_other() {
    let Some(machine) = machine() else { return };
    machine.run(|| {
        std::fs::write("/proc/sys/net/ipv6/bindv6only", "1").expect("the machine is ours");
        let [own, callee_host, _] = hosts();
        let [own_ipv4, caller_host] = [Host::new(), Host::new()];
        let sip = own_ipv4.at(SIP_PORT);
        let config = GatewayConfig::default()
            .rtp_address("::")
            .sip(&format!("[[sip.listeners]]\ntransport = \"udp\"\nbind = \"{sip}\""))
            .trunk("office", &caller_host, &["PCMU"])
            .trunk("carrier", &callee_host, &["PCMU"])
            .rule(RULE);
        let gateway = Gateway::start_at(own, &config);
        assert_talk(&gateway, sip, &caller_host, &callee_host);
    });
}
