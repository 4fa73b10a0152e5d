//! Lamps: who watches a user's calls is told how far they are.

use serde_json::Value;

use super::watcher::{Watcher, body};
use crate::sip::raw_phone::header;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{Library, LineConfig, Microphone, Page};

const DIALOG_INFO: &str = "application/dialog-info+xml";
const ALICE_HZ: f64 = 1000.0;
const BOB_HZ: f64 = 1400.0;

/// Alice, bob, carol and erin are of a group, dave of none.
pub(super) fn config() -> GatewayConfig {
    let users = ["alice", "bob", "carol", "dave", "erin"];
    let config = users.iter().fold(GatewayConfig::default(), |config, user| config.user(user));
    let members = ["alice", "bob", "carol", "erin"];
    let config = members.iter().fold(config, |config, user| config.group(user, "sales"));
    config.rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]")
}

/// What a document says: full or partial, and each call's direction and state.
pub(super) fn read(document: &str) -> String {
    let between = |text: &str, from: &str, to: &str| {
        text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(value, _)| value.to_owned())
    };
    let mut words = vec![between(document, " state=\"", "\"").unwrap_or_default()];
    for dialog in document.split("<dialog ").skip(1) {
        words.push(between(dialog, "direction=\"", "\"").unwrap_or_default());
        words.push(between(dialog, "<state>", "<").unwrap_or_default());
    }
    words.join(" ")
}

fn told(event: &Value) -> String {
    read(event["body"].as_str().unwrap_or_default())
}

/// Waits until a watcher is told this; what was told together with it before is passed over.
fn await_told(page: &Page, expected: &str) {
    let last = (0..10).map(|_| told(&page.next("notified"))).find(|told| told == expected);
    assert!(last.is_some(), "{expected} is never told");
}

#[test]
fn pages_see_that_another_is_called_talks_and_is_free_again() {
    let Some(browser) = Browser::shared() else { return };
    let gateway = Gateway::start(&config().origin(browser.origin()));
    let pages = [("alice", Library::Jssip, ALICE_HZ), ("bob", Library::Sipjs, BOB_HZ)];
    let [alice, bob] = pages.map(|(user, library, hz)| {
        let page = browser.open();
        let microphone = Microphone::Tone { hz, peak: 0.25 };
        page.register(&gateway, user, &LineConfig { library, microphone, ..LineConfig::default() });
        page
    });
    // Each library watches one end of the call.
    let watched =
        [("carol", Library::Jssip, "bob", "recipient"), ("erin", Library::Sipjs, "alice", "initiator")];
    let watchers = watched.map(|(user, library, target, direction)| {
        let page = browser.open();
        page.register(&gateway, user, &LineConfig { library, ..LineConfig::default() });
        page.watch(target, "dialog", DIALOG_INFO);
        assert_eq!(told(&page.next("notified")), "full", "{user}");
        (page, direction)
    });
    alice.call("bob");
    bob.next("incoming");
    for (page, direction) in &watchers {
        await_told(page, &format!("partial {direction} early"));
    }
    bob.answer();
    alice.next("accepted");
    for (page, direction) in &watchers {
        await_told(page, &format!("partial {direction} confirmed"));
    }
    alice.await_tone(BOB_HZ);
    bob.await_tone(ALICE_HZ);
    alice.hangup();
    bob.next("ended");
    for (page, direction) in &watchers {
        await_told(page, &format!("partial {direction} terminated"));
        page.unwatch();
        page.next("watch ended");
    }
    gateway.assert_all_is_over(1);
}

#[test]
fn who_may_not_watch_and_what_cannot_be_watched_is_refused() {
    let gateway = Gateway::start(&config());
    let mut dave = Watcher::new(&gateway, "dave");
    let mut alice = Watcher::new(&gateway, "alice");
    for (lines, status) in
        [("Event: dialog\r\n", 403), ("Event: presence\r\n", 403), ("", 489), ("Event: x\r\n", 489)]
    {
        let refused = dave.subscribe("alice", lines);
        assert!(refused.starts_with(&format!("SIP/2.0 {status} ")), "{lines}{refused}");
        if status == 489 {
            assert_eq!(header(&refused, "Allow-Events"), "dialog, presence");
        }
    }
    let brief = alice.subscribe("bob", "Event: dialog\r\nExpires: 5\r\n");
    assert!(brief.starts_with("SIP/2.0 423 ") && header(&brief, "Min-Expires") == "60", "{brief}");
    let unknown = alice.subscribe("nobody", "Event: dialog\r\n");
    assert!(unknown.starts_with("SIP/2.0 403 "), "{unknown}");
}

#[test]
fn a_watcher_that_knows_nothing_of_its_subscription_is_told_no_more() {
    let gateway = Gateway::start(&config());
    let mut alice = Watcher::new(&gateway, "alice");
    let accepted = alice.subscribe("alice", "Event: dialog\r\nExpires: 300\r\n");
    assert!(accepted.starts_with("SIP/2.0 200 ") && header(&accepted, "Expires") == "300", "{accepted}");
    let notify = alice.told("481 Subscription Does Not Exist");
    assert_eq!(
        (read(body(&notify)).as_str(), header(&notify, "Subscription-State")),
        ("full", "active;expires=300")
    );
    gateway.log().wait_for(&["watcher is gone"], crate::support::gateway::PATIENCE);
    let accepted = alice.subscribe("alice", "Event: dialog;id=2\r\n");
    assert_eq!(header(&accepted, "Expires"), "3600");
    assert_eq!(header(&alice.told("200 OK"), "Event"), "dialog;id=2");
}

#[test]
fn a_gateway_that_stops_tells_its_watchers_to_come_again() {
    let gateway = Gateway::start(&config());
    let mut alice = Watcher::new(&gateway, "alice");
    alice.subscribe("bob", "Event: dialog\r\n");
    alice.told("200 OK");
    let stopped = std::thread::spawn(move || gateway.stop());
    let last = alice.told("200 OK");
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=deactivated");
    stopped.join().expect("it stops in order");
}
