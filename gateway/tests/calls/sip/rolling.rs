//! Two gateways behind one name, each in its turn replaced by another process at the same address: no call is lost.

use std::time::Duration;

use nix::sys::signal::Signal;
use webtrunk_codecs::g711::Law;

use super::hops::call;
use super::rtp_peer::RtpPeer;
use super::sipp::Sipp;
use crate::support::dns::{Dns, Zone};
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::tools;

const CALLER_HZ: f64 = 850.0;
const CALLEE_HZ: f64 = 440.0;

/// As long as that the one that drains may ask to be left alone (docs/OPERATION.md), and a moment.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(31);

/// One of the two, which passes on what the switch in front of both sends it.
fn edge(own: Host, switch: &Host) -> (Gateway, Host) {
    let network = Host::new();
    let config = GatewayConfig::default()
        .drain_timeout(600)
        .trunk("switch", switch, &["PCMU"])
        .trunk("network", &network, &["PCMU"])
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'switch'\n\
             actions = [{ bridge = { trunk = 'network', number = '100' } }]",
        );
    (Gateway::start_at(own, &config), network)
}

/// Fails when a process that drains takes a call, or refuses one in a way after which the other is not asked; when it ends a call
/// that it has; and when its successor is not called.
#[test]
fn two_gateways_are_replaced_one_after_the_other_and_no_call_is_lost() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [names, office, branch, own, first, second] = std::array::from_fn(|_| Host::new());
    let zone = Zone::default()
        .srv("_sip._udp.edge.test", [10, 0, 5060], "first.edge.test")
        .srv("_sip._udp.edge.test", [20, 0, 5060], "second.edge.test")
        .address("first.edge.test", first.ip())
        .address("second.edge.test", second.ip());
    let dns = Dns::serve(&names, zone);
    let (mut first, first_network) = edge(first, &own);
    let (mut second, second_network) = edge(second, &own);
    let config = GatewayConfig::default()
        .sip(&dns.line())
        .trunk("office", &office, &["PCMU"])
        .trunk("branch", &branch, &["PCMU"])
        .trunk_lines("name = 'edge'\nhost = 'edge.test'\ntransport = 'udp'\ncodecs = ['PCMU']")
        .rule(
            "destination = '9\\d+'\nfrom_trunk = 'office|branch'\n\
             actions = [{ bridge = { trunk = 'edge', number = '$0' } }]",
        );
    let switch = Gateway::start_at(own, &config);

    let (mut caller_rtp, mut callee_rtp) = (RtpPeer::new(&office, 7000), RtpPeer::new(&first_network, 7000));
    let callee = Sipp::callee(&first_network, "callee_talks", &[]);
    let caller = Sipp::caller(&office, "caller_talks", switch.sip(), "9100", &[]);
    let answer = caller.wait_for("200").audio_port().expect("an answer");
    let offer = callee.wait_for("INVITE").audio_port().expect("an offer");
    caller_rtp.say((switch.sip().ip(), answer).into(), Law::Mu, CALLER_HZ);
    callee_rtp.say((first.sip().ip(), offer).into(), Law::Mu, CALLEE_HZ);
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);

    first.process.signal(Signal::SIGTERM);
    first.log().wait_for(&["no new calls are taken"], PATIENCE);
    call(&switch, &branch, "9101", (&second_network, &second));
    callee_rtp.assert_hears(Law::Mu, CALLER_HZ);
    caller_rtp.assert_hears(Law::Mu, CALLEE_HZ);
    caller.go_on();
    caller.finish();
    callee.finish();
    drop((caller_rtp, callee_rtp));
    // It ends by itself, with its last call.
    first.start_after_kill();
    std::thread::sleep(RETRY_AFTER_MAX);
    // Nothing goes on there: it ends at once, and is still away when the next call comes.
    second.process.signal(Signal::SIGTERM);
    second.process.wait(PATIENCE).expect("it has no calls");
    call(&switch, &branch, "9102", (&first_network, &first));
    second.start_after_kill();
    switch.assert_all_is_over(3);
}
