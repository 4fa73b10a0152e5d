//! Who may not watch, and what is too much.

use super::*;
use crate::sip::message::StatusCode;

#[test]
fn what_may_not_be_watched_is_refused_and_nothing_is_kept_of_it() {
    let mut bench = Bench::new();
    for (watcher, target, lines, expected) in [
        ("ann", "bob", "", 489),
        ("ann", "bob", "Event: refer\r\n", 489),
        ("ann", "bob", "Event: dialog\r\nEvent: dialog\r\n", 489),
        ("ann", "bob", "Event: dialog\r\nAccept: text/plain\r\n", 406),
        ("ann", "bob", "Event: dialog\r\nExpires: 59\r\n", 423),
        ("ann", "dave", "Event: dialog\r\n", 403),
        ("dave", "ann", "Event: presence\r\n", 403),
        ("ann", "nobody", "Event: dialog\r\n", 403),
    ] {
        assert_eq!(status(bench.subscribe(watcher, target, lines)), expected, "{watcher} {target} {lines}");
    }
    let reject = bench.subscribe("ann", "bob", "Event: x\r\n").expect_err("it is unknown");
    let allowed = Some("dialog, presence, message-summary");
    assert_eq!(reject.headers.get(&HeaderName::AllowEvents), allowed);
    let brief = bench.subscribe("ann", "bob", "Event: dialog\r\nExpires: 1\r\n").expect_err("it is brief");
    assert_eq!(brief.headers.get(&HeaderName::MinExpires), Some("60"));
    let mut without = bench.request("ann", "bob", "Event: dialog\r\n");
    without.headers.remove(&HeaderName::Contact);
    assert_eq!(status(bench.take("ann", &without)), 400);
    assert!(bench.notifier.is_clean() && bench.told.is_empty());
    let lines =
        "Event: dialog\r\nExpires: 99999999\r\nAccept: Application/Dialog-Info+XML;q=1, text/plain\r\n";
    let answer = bench.subscribe("ann", "bob", lines).expect("it is allowed");
    assert_eq!(answer.headers.expires(), Ok(Some(3600)));
}

#[test]
fn there_are_as_many_subscriptions_as_there_may_be() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(status(bench.subscribe("ann", "bob", "Event: dialog\r\n")), 200);
    }
    assert_eq!(status(bench.subscribe("ann", "bob", "Event: dialog\r\n")), 503, "ann has three");
    assert_eq!(status(bench.subscribe("bob", "ann", "Event: dialog\r\n")), 200);
    let reject = bench.subscribe("carol", "ann", "Event: dialog\r\n").expect_err("there are four");
    assert!(reject.status == StatusCode::SERVICE_UNAVAILABLE && reject.headers.has(&HeaderName::RetryAfter));
    let gone = bench.told.remove(0).id;
    bench.heard(gone, false);
    assert_eq!(status(bench.subscribe("carol", "ann", "Event: dialog\r\n")), 200);
}
