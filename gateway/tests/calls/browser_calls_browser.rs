//! A browser calls a browser: both speak Opus, and nothing is decoded on the way.

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{LineConfig, Microphone};
use crate::support::turn::Turn;

#[test]
fn two_browsers_hear_each_other_without_transcoding() {
    let _turn = Turn::take();
    let Some(browser) = Browser::shared() else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .user("bob")
        .rule("destination = \"alice|bob\"\nactions = [{ bridge = { user = \"$0\" } }]");
    let gateway = Gateway::start(&config);
    let [alice, bob] = [("alice", 1020.0), ("bob", 1400.0)].map(|(user, hz)| {
        let page = browser.open();
        let microphone = Microphone::Tone { hz, peak: 0.25 };
        page.register(&gateway, user, &LineConfig { microphone, ..LineConfig::default() });
        page
    });

    alice.call("bob");
    assert_eq!(bob.next("incoming")["from"], "alice");
    assert_eq!(alice.next("progress")["status"], 180);
    bob.answer();
    alice.next("accepted");
    alice.await_tone(1400.0);
    bob.await_tone(1020.0);
    let (at_alice, at_bob) = (alice.begin_to_listen(2.0), bob.begin_to_listen(2.0));
    at_alice.wait().assert_tone(1400.0, 0.25, 0.3);
    at_bob.wait().assert_tone(1020.0, 0.25, 0.3);
    for page in [&alice, &bob] {
        assert_eq!(page.codecs(), ["audio/opus", "audio/opus"]);
    }
    assert_eq!(gateway.log().count(&["\"path opened\"", "\"transcoded\":false"]), 2);
    assert_eq!(gateway.log().count(&["\"path opened\"", "\"transcoded\":true"]), 0);

    bob.hangup();
    assert_eq!(alice.next("ended")["by"], "remote");
    gateway.assert_all_is_over(1);
    gateway.stop();
}
