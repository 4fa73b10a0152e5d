//! Presence: whether somebody can be reached, and talks.

use crate::support::baresip::Baresip;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::page::{Library, LineConfig};

const PIDF: &str = "application/pidf+xml";

#[test]
fn a_page_and_a_phone_see_that_another_comes_talks_and_goes() {
    let Some(browser) = Browser::shared() else { return };
    let users = ["alice", "bob", "carol"];
    let config = users.iter().fold(GatewayConfig::default().md5_only(), |config, user| config.user(user));
    let config = users.iter().fold(config, |config, user| config.group(user, "sales"));
    let tone = "{ tone = { frequency_hz = 440, level_dbm0 = -10 } }";
    let gateway = Gateway::start(
        &config.origin(browser.origin()).rule(&format!("destination = '9197'\nactions = ['answer', {tone}]")),
    );
    let Some(phone) = Baresip::watching("carol", gateway.sip(), "alice") else { return };
    let bob = browser.open();
    bob.register(&gateway, "bob", &LineConfig { library: Library::Sipjs, ..LineConfig::default() });
    bob.watch("alice", "presence", PIDF);
    let sees = |expected: &str, is_talking: bool| {
        let told = bob.next("notified");
        let body = told["body"].as_str().expect("a document");
        assert!(body.contains(&format!("<basic>{expected}</basic>")), "{body}");
        assert_eq!(body.contains("on-the-phone"), is_talking, "{body}");
    };
    sees("closed", false);
    // The phone says what changes, and not what it is told first.
    gateway.log().wait_for(&["subscribed", "carol"], PATIENCE);
    let alice = browser.open();
    alice.register(&gateway, "alice", &LineConfig::default());
    sees("open", false);
    phone.wait_for_status("Online");
    alice.call_through("9197");
    alice.await_tone(440.0);
    sees("open", true);
    phone.wait_for_status("Busy");
    alice.hangup();
    sees("open", false);
    alice.unregister();
    sees("closed", false);
    phone.wait_for_status("Offline");
    gateway.assert_all_is_over(1);
}
