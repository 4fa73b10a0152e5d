//! Pages in networks that let no UDP through: they talk by TCP, at the port of page and WebSocket.

use tempfile::TempDir;

use super::stage::{Call, CallConfig};
use crate::support::browser::Browser;
use crate::support::certificate::pair;
use crate::support::gateway_config::HTTP_PORT;
use crate::support::machine::Machine;

const GATEWAY: &str = "10.99.0.1";

/// Between the gateway's machine and the page's UDP is dropped on its way in: who sends is told nothing of it.
fn machines() -> [Machine; 2] {
    let [inside, outside] = [Machine::new(), Machine::new()];
    inside.lay_cable("office", &["10.99.0.1/24"], &outside, &["10.99.0.2/24"]);
    outside.ip("route add default via 10.99.0.1");
    for machine in [&inside, &outside] {
        machine.iptables("-A INPUT -i office -p udp -j DROP");
    }
    [inside, outside]
}

/// A page and a phone hear each other, with the page's media at the port of the HTTP server.
fn talk_by_tcp(browser: &Browser, config: &CallConfig<'_>) {
    let Some(mut call) = Call::begin_by(browser, "callee_talks", config) else { return };
    if config.tls.is_some() {
        browser.visit(&call.gateway.secure_page()).see("h1", "test phone");
    }
    call.talk();
    call.assert_hear_each_other();
    let gateway = call.alice.selected("remoteCandidateId");
    assert_eq!(
        (&gateway["protocol"], &gateway["address"], &gateway["port"]),
        (&"tcp".into(), &GATEWAY.into(), &HTTP_PORT.into())
    );
    call.end();
}

#[test]
fn a_page_whose_network_lets_no_udp_through_talks_by_tcp() {
    let [inside, outside] = machines();
    let Some(browser) = outside.run(Browser::start) else { return };
    let config = CallConfig { machine: Some(GATEWAY), media: "tcp = true", ..CallConfig::default() };
    inside.run(|| talk_by_tcp(&browser, &config));
}

#[test]
fn it_talks_by_tcp_at_the_port_that_serves_the_page_over_tls_too() {
    let [inside, outside] = machines();
    let Some(browser) = outside.run(Browser::start) else { return };
    let folder = TempDir::new().expect("a folder for the test");
    let certificate = pair(&folder, "gateway", GATEWAY.parse().expect("an address"));
    let config = CallConfig {
        machine: Some(GATEWAY),
        media: "tcp = true",
        tls: Some(&certificate),
        ..CallConfig::default()
    };
    inside.run(|| talk_by_tcp(&browser, &config));
}
