//! What there is to watch besides calls: who is there, and mailboxes.

use super::*;
use crate::sip::message::StatusCode;

#[test]
fn presence_tells_who_can_be_reached_and_who_talks() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "presence");
    assert!(body(&first).contains("<basic>closed</basic>"));
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(5));
    bench.notifier.set_registered("bob", true, bench.now);
    bench.collect();
    let open = bench.next();
    assert!(body(&open).contains("<basic>open</basic>") && !body(&open).contains("on-the-phone"));
    bench.heard(first.id, true);
    bench.notifier.set_registered("bob", true, bench.now);
    bench.pass(Duration::from_secs(5));
    bench.call("bob", LegId::next(), Some(Stage::Early));
    assert!(bench.told.is_empty(), "nothing of it has changed");
    bench.call("bob", LegId::next(), Some(Stage::Confirmed));
    assert!(body(&bench.next()).contains("<rpid:on-the-phone/>"));
}

#[test]
fn a_mailbox_is_told_to_its_owner_alone() {
    let mut bench = Bench::new();
    assert_eq!(status(bench.subscribe("ann", "bob", "Event: message-summary\r\n")), 403);
    let (first, _) = bench.watch("bob", "bob", "message-summary");
    assert_eq!(body(&first), "Messages-Waiting: no\r\n");
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(1));
    let mailbox = Mailbox::parse(b"Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n").expect("sound");
    bench.notifier.set_mailbox("bob", mailbox, bench.now);
    bench.collect();
    assert_eq!(body(&bench.next()), "Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n");
}

#[test]
fn without_a_trunk_that_tells_of_mailboxes_there_is_no_such_package() {
    let mut bench = Bench::new();
    let config = SubscriptionConfig { mailbox_trunks: BTreeSet::new(), ..bench.notifier.config().clone() };
    bench.notifier = Notifier::new(config);
    let reject = bench.subscribe("bob", "bob", "Event: message-summary\r\n").expect_err("there is none");
    assert_eq!(reject.status, StatusCode::BAD_EVENT);
    assert_eq!(reject.headers.get(&HeaderName::AllowEvents), Some("dialog, presence"));
}
