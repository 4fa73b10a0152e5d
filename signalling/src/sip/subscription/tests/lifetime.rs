//! How long a subscription lives, and what it ends by.

use super::*;
use crate::sip::dialog::DialogId;

#[test]
fn a_refresh_is_told_all_and_goes_on_counting() {
    let mut bench = Bench::new();
    let (first, answer) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, true);
    let leg = LegId::next();
    bench.pass(Duration::from_secs(2));
    bench.call("bob", leg, Some(Stage::Confirmed));
    let told = bench.next();
    bench.heard(told.id, true);
    let mut refresh = bench.refresh(&first, &answer);
    let id = DialogId::of_request(&refresh).expect("is whole").expect("it has a tag");
    let id = bench.notifier.of_dialog(&id).expect("it is the subscription's");
    let answer = bench.notifier.resubscribe(id, &refresh, flow(1), bench.now);
    assert_eq!(answer.map(|response| response.headers.expires()), Ok(Ok(Some(300))));
    bench.collect();
    let again = bench.next();
    assert_eq!((dialogs(&again).as_str(), state(&again)), ("2 full confirmed", "active;expires=300"));

    let mut other = refresh.clone();
    other.headers.set(HeaderName::Event, "presence");
    assert_eq!(status(bench.notifier.resubscribe(id, &other, flow(1), bench.now)), 489);
    let mut old = refresh.clone();
    old.headers.set(HeaderName::CSeq, "1 SUBSCRIBE");
    assert_eq!(status(bench.notifier.resubscribe(id, &old, flow(1), bench.now)), 500);
    refresh.headers.set(HeaderName::Expires, "0");
    refresh.headers.set(HeaderName::CSeq, "99 SUBSCRIBE");
    assert_eq!(status(bench.notifier.resubscribe(id, &refresh, flow(1), bench.now)), 200);
    bench.collect();
    let last = bench.next();
    assert_eq!((dialogs(&last).as_str(), state(&last)), ("3 full confirmed", "terminated;reason=timeout"));
    assert!(bench.notifier.is_clean());
    assert_eq!(status(bench.notifier.resubscribe(id, &refresh, flow(1), bench.now)), 481);
}

#[test]
fn who_may_not_watch_any_more_does_so_to_the_end_of_its_time_alone() {
    let mut bench = Bench::new();
    let (first, answer) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, true);
    let config = SubscriptionConfig { rights: WatchRights::default(), ..bench.notifier.config().clone() };
    bench.notifier.take_up(config);
    let mut refresh = bench.refresh(&first, &answer);
    assert_eq!(status(bench.notifier.resubscribe(first.id, &refresh, flow(1), bench.now)), 403);
    assert_eq!(bench.notifier.len(), 1, "its time is not over");
    refresh.headers.set(HeaderName::Expires, "0");
    refresh.headers.set(HeaderName::CSeq, "99 SUBSCRIBE");
    assert_eq!(status(bench.notifier.resubscribe(first.id, &refresh, flow(1), bench.now)), 200);
    assert!(bench.notifier.is_clean());
}

#[test]
fn a_subscription_that_is_not_refreshed_ends_with_a_word() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "presence");
    bench.heard(first.id, true);
    bench.pass(Duration::from_secs(599));
    assert!(bench.told.is_empty());
    bench.pass(Duration::from_secs(1));
    assert_eq!(state(&bench.next()), "terminated;reason=timeout");
    assert!(bench.notifier.is_clean());
}

#[test]
fn who_asks_once_is_told_once() {
    let mut bench = Bench::new();
    let answer = bench.subscribe("ann", "bob", "Event: presence\r\nExpires: 0\r\n");
    assert_eq!(status(answer), 200);
    let only = bench.next();
    assert_eq!(state(&only), "terminated;reason=timeout");
    assert!(body(&only).contains("<basic>closed</basic>"));
    assert!(bench.notifier.is_clean());
}

#[test]
fn a_watcher_that_does_not_answer_is_told_no_more() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, false);
    assert!(bench.notifier.is_clean());
    bench.call("bob", LegId::next(), Some(Stage::Early));
    assert!(bench.told.is_empty());
}

#[test]
fn a_watcher_moves_with_its_flow_and_dies_with_it() {
    let mut bench = Bench::new();
    let (first, _) = bench.watch("ann", "bob", "dialog");
    bench.heard(first.id, true);
    bench.notifier.moved("dave", &[flow(1)], flow(3));
    bench.notifier.moved("ann", &[flow(1)], flow(2));
    bench.notifier.flow_closed(ConnectionId(1));
    bench.pass(Duration::from_secs(1));
    bench.call("bob", LegId::next(), Some(Stage::Early));
    assert_eq!(bench.next().way.0, flow(2));
    bench.notifier.flow_closed(ConnectionId(2));
    assert!(bench.notifier.is_clean());
}

#[test]
fn everybody_is_told_that_we_go_down() {
    let mut bench = Bench::new();
    bench.watch("ann", "bob", "dialog");
    bench.watch("bob", "ann", "presence");
    bench.notifier.drain();
    bench.collect();
    let states: Vec<_> = bench.told.iter().map(state).collect();
    assert_eq!(states, ["terminated;reason=deactivated"; 2]);
    assert!(bench.notifier.is_clean());
}
