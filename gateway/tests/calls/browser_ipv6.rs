//! A page that has no IPv4.

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::machine::Machine;
use crate::support::page::{Library, LineConfig, Microphone};

const HZ: f64 = 1020.0;
const GATEWAY: &str = "fd00:99::1";

#[test]
fn a_page_without_ipv4_hears_the_echo() {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("office", &["fd00:99::1/64"], &outside, &["fd00:99::2/64"]);
    outside.ip("route add default via fd00:99::1");
    let Some(browser) = outside.run(Browser::start) else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = inside.run(|| Gateway::start_at(Host::machine(GATEWAY), &config));
    for library in [Library::Jssip, Library::Sipjs] {
        let alice = browser.open();
        let microphone = Microphone::Tone { hz: HZ, peak: 0.25 };
        alice.register(&gateway, "alice", &LineConfig { library, microphone, ..LineConfig::default() });
        alice.call_through("9196");
        alice.await_tone(HZ);
        alice.assert_hears(HZ, 0.25, 0.3);
        assert_eq!(alice.selected("remoteCandidateId")["address"], GATEWAY);
        alice.hangup();
        alice.next("ended");
    }
    inside.run(|| gateway.assert_all_is_over(2));
}
