//! Messages of a page with our own SDK, and of one by SIP.

use super::out_of_calls::config;
use crate::support::browser::Browser;
use crate::support::gateway::Gateway;
use crate::support::page::{Library, LineConfig};

#[test]
fn a_page_with_the_sdk_and_one_by_sip_write_to_each_other_and_it_is_told_what_does_not_arrive() {
    let Some(browser) = Browser::shared() else { return };
    let json = format!("[json]\npasswords = true\norigins = [{:?}]", browser.origin());
    let gateway = Gateway::start(&config().origin(browser.origin()).sections(&json));
    let [alice, bob] = [("alice", Library::Webtrunk), ("bob", Library::Jssip)].map(|(user, library)| {
        let page = browser.open();
        page.register(&gateway, user, &LineConfig { library, ..LineConfig::default() });
        page
    });
    for (writer, name, reader, to) in [(&alice, "alice", &bob, "bob"), (&bob, "bob", &alice, "alice")] {
        writer.write(to, "Grüße 👋");
        let message = reader.next("message");
        assert_eq!((message["from"].as_str(), message["text"].as_str()), (Some(name), Some("Grüße 👋")));
        assert_eq!(writer.next("message answered")["status"], 200);
    }
    for nobody in ["carol", "nobody"] {
        alice.write(nobody, "are you there?");
        assert_eq!(alice.next("message answered")["fault"], "notDelivered", "{nobody}");
    }
    gateway.assert_all_is_over(0);
}
