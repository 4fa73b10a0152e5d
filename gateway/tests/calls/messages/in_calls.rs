//! What the two ends of a call write to each other while they talk.

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::page::{Library, LineConfig, Microphone};

const ALICE_HZ: f64 = 1000.0;
const BOB_HZ: f64 = 1400.0;

#[test]
fn who_talk_write_to_each_other_and_send_what_is_configured() {
    let Some(browser) = Browser::shared() else { return };
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .user("alice")
        .user("bob")
        .messages("info_types = ['application/x-whiteboard']")
        .rule("destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]");
    let gateway = Gateway::start(&config);
    let [alice, bob] = [("alice", ALICE_HZ), ("bob", BOB_HZ)].map(|(user, hz)| {
        let page = browser.open();
        let microphone = Microphone::Tone { hz, peak: 0.25 };
        page.register(
            &gateway,
            user,
            &LineConfig { library: Library::Sipjs, microphone, ..LineConfig::default() },
        );
        page
    });
    alice.call("bob");
    bob.next("incoming");
    bob.answer();
    alice.next("accepted");
    alice.await_tone(BOB_HZ);
    bob.await_tone(ALICE_HZ);
    for (writer, name, reader) in [(&alice, "alice", &bob), (&bob, "bob", &alice)] {
        writer.write_in_call("see https://webtrunk.test");
        let message = reader.next("message in call");
        assert_eq!(message["text"], "see https://webtrunk.test", "{name}");
        assert_eq!(writer.next("message answered")["status"], 200);
        writer.send_info("application/x-whiteboard", "line 0 0 1 1");
        let info = reader.next("info");
        assert_eq!(
            (info["type"].as_str(), info["body"].as_str()),
            (Some("application/x-whiteboard"), Some("line 0 0 1 1"))
        );
        assert_eq!(writer.next("info answered")["status"], 200);
        writer.send_info("application/x-unknown", "?");
        assert_eq!(writer.next("info answered")["status"], 415);
    }
    alice.await_tone(BOB_HZ);
    bob.await_tone(ALICE_HZ);
    alice.hangup();
    bob.next("ended");
    gateway.assert_all_is_over(1);
}
