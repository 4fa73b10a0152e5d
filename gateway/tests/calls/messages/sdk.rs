//! Messages of a page with our own SDK, and of one by SIP.

use super::out_of_calls::config;
use crate::support::gateway::Gateway;
use crate::support::page::{Library, LineConfig};
use crate::support::seat::{Seat, in_each_browser};

in_each_browser!(a_page_with_the_sdk_and_one_by_sip_write_to_each_other_and_it_is_told_what_does_not_arrive);

fn a_page_with_the_sdk_and_one_by_sip_write_to_each_other_and_it_is_told_what_does_not_arrive(seat: &Seat) {
    let config = config().origin(seat.browser().origin()).sections(&seat.json());
    let gateway = Gateway::start_at(seat.host(), &config);
    let [alice, bob] = [("alice", Library::Webtrunk), ("bob", Library::Jssip)]
        .map(|(user, library)| seat.open(&gateway, user, &LineConfig { library, ..LineConfig::default() }));
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
