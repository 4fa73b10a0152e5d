//! What the gateway itself gives to a browser: echo, tone, announcement.

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{LineConfig, Microphone};
use crate::support::turn::Turn;

#[test]
fn a_browser_hears_itself_from_the_echo() {
    let _turn = Turn::take();
    let Some(browser) = Browser::shared() else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .rule("destination = \"9196\"\nactions = [\"answer\", \"echo\"]");
    let gateway = Gateway::start(&config);
    let alice = browser.open();
    let tone = Microphone::Tone { hz: 1000.0, peak: 0.25 };
    alice.register(&gateway, "alice", &LineConfig { microphone: tone, ..LineConfig::default() });
    alice.call_through("9196");
    alice.await_tone(1000.0);
    alice.listen(2.0).assert_tone(1000.0, 0.25, 0.3);
    assert_eq!(alice.codecs(), ["audio/opus", "audio/opus"]);
    alice.hangup();
    alice.next("ended");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
