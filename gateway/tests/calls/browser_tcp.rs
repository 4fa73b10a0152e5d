//! A page that reaches the gateway's media by TCP alone, at the port of the page (ICE-TCP).

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{LineConfig, Microphone, Page};

const HZ: f64 = 1020.0;

fn start(browser: &Browser, media: &str) -> (Gateway, Page) {
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .media(media)
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let gateway = Gateway::start(&config);
    let alice = browser.open();
    let microphone = Microphone::Tone { hz: HZ, peak: 0.25 };
    alice.register(&gateway, "alice", &LineConfig { microphone, ..LineConfig::default() });
    (gateway, alice)
}

#[test]
fn a_page_without_udp_hears_the_echo() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, alice) = start(&browser, "tcp = true");
    for is_restarted in [false, true] {
        alice.hide_udp();
        alice.call_through("9196");
        alice.await_tone(HZ);
        if is_restarted {
            alice.restart_ice();
            alice.await_tone(HZ);
        }
        alice.assert_hears(HZ, 0.25, 0.3);
        assert_eq!(alice.selected_protocol(), "tcp");
        alice.hangup();
        alice.next("ended");
    }
    gateway.assert_all_is_over(2);
    gateway.stop();
}

#[test]
fn a_page_with_both_takes_udp() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, alice) = start(&browser, "tcp = true");
    alice.call_through("9196");
    alice.await_tone(HZ);
    alice.assert_hears(HZ, 0.25, 0.3);
    assert_eq!(alice.selected_protocol(), "udp");
    alice.hangup();
    alice.next("ended");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
