//! A browser calls a browser: both speak Opus, and nothing is decoded on the way.

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{LineConfig, Microphone, Page};

const ALICE_HZ: f64 = 1020.0;
const BOB_HZ: f64 = 1400.0;

fn start(browser: &Browser) -> (Gateway, [Page; 2]) {
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .user("bob")
        .rule("destination = 'alice|bob'\nactions = [{ bridge = { user = '$0' } }]");
    let gateway = Gateway::start(&config);
    let pages = [("alice", ALICE_HZ), ("bob", BOB_HZ)].map(|(user, hz)| {
        let page = browser.open();
        let microphone = Microphone::Tone { hz, peak: 0.25 };
        page.register(&gateway, user, &LineConfig { microphone, ..LineConfig::default() });
        page
    });
    (gateway, pages)
}

#[test]
fn two_browsers_hear_each_other_without_transcoding() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, [alice, bob]) = start(&browser);
    alice.call("bob");
    assert_eq!(bob.next("incoming")["from"], "alice");
    assert_eq!(alice.next("progress")["status"], 180);
    bob.answer();
    alice.next("accepted");
    alice.await_tone(BOB_HZ);
    bob.await_tone(ALICE_HZ);
    alice.assert_hears(BOB_HZ, 0.25, 0.3);
    bob.assert_hears(ALICE_HZ, 0.25, 0.3);
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

#[test]
fn who_rejects_is_reported_busy_and_who_is_not_there_unavailable() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, [alice, bob]) = start(&browser);
    alice.call("bob");
    bob.next("incoming");
    bob.reject(486);
    assert_eq!(alice.next("ended")["status"], 486);
    bob.unregister();
    bob.next("unregistered");
    alice.call("bob");
    assert_eq!(alice.next("ended")["status"], 480);
    gateway.assert_all_is_over(2);
    gateway.stop();
}

#[test]
fn a_browser_with_a_wrong_password_is_not_registered() {
    let Some(browser) = Browser::shared() else { return };
    let (gateway, _pages) = start(&browser);
    let mallory = browser.open();
    mallory.begin_registration(&gateway, "alice", "a guess", &LineConfig::default());
    assert_eq!(mallory.next("registration failed")["status"], 401);
    assert_eq!(gateway.status()["registered_users"], 2);
    gateway.stop();
}
