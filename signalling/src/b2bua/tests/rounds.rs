//! Callees of whom one is called after another.

use super::*;

/// A call to one trunk, to the next where that fails or is silent for a second, and then refused.
fn at_group() -> (Bench, LegId) {
    let first = Bridge { progress_timeout: Some(Duration::from_secs(1)), ..bridge(trunk()) };
    let failover = Arc::from([EndCause::GatewayFailure, EndCause::Overloaded]);
    let second = Bridge { only_after: Some(failover), ..bridge(trunk()) };
    let steps = vec![Step::Bridge(first), Step::Bridge(second.clone()), Step::Bridge(second)];
    let mut bench = Bench::new(steps, true);
    let callee = bench.dial_all()[0];
    (bench, callee)
}

#[test]
fn the_next_trunk_is_called_where_one_fails_and_not_where_the_callee_does_not_want() {
    let (mut bench, leg) = at_group();
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Overloaded });
    assert_eq!(words, ["remove callee", "add callee", "offer callee"]);
    let leg = bench.call.callees[0].leg;
    bench.media(CallEvent::OfferReady { leg, description: description() });
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "hang up caller Busy"], "the third is not called");

    let (mut bench, leg) = at_group();
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Declined });
    assert_eq!(words, ["remove callee", "hang up caller Declined"]);
}

#[test]
fn what_ends_late_of_the_last_round_says_nothing_of_the_present_one() {
    let (mut bench, silent) = at_group();
    bench.pass(Duration::from_secs(1));
    let leg = bench.call.callees[1].leg;
    bench.media(CallEvent::OfferReady { leg, description: description() });
    assert_eq!(bench.signal(Event::Ended { leg: silent, cause: EndCause::Cancelled }), ["remove callee"]);
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Overloaded });
    assert_eq!(words, ["remove callee", "add callee", "offer callee"], "the third is called");
}

#[test]
fn users_ring_one_after_another_each_for_its_time() {
    let rounds = ["bob", "nobody", "carol"].map(|name| {
        let (target, ring_timeout) = (BridgeTarget::User(name.into()), Duration::from_secs(10));
        Step::Bridge(Bridge::new(vec![Callee { target, ring_timeout }]))
    });
    let mut bench = Bench::new(rounds.into(), true);
    let leg = bench.dial_all()[0];
    let words = bench.signal(Event::Ended { leg, cause: EndCause::NoAnswer });
    assert_eq!(words, ["remove callee", "add callee", "offer callee"], "who is nowhere is passed over");
    let leg = bench.call.callees[0].leg;
    bench.media(CallEvent::OfferReady { leg, description: description() });
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Declined });
    assert_eq!(words, ["remove callee", "hang up caller Declined"], "what says most");
}

#[test]
fn a_silent_trunk_is_given_up_for_the_next_and_one_that_rings_is_not() {
    let (mut bench, silent) = at_group();
    let words = bench.pass(Duration::from_secs(1));
    assert_eq!(words, ["hang up callee Cancelled", "add callee", "offer callee"]);
    assert_eq!(bench.answer(silent), [""; 0], "too late");
    bench.signal(Event::Ended { leg: silent, cause: EndCause::Cancelled });
    let leg = bench.call.callees[0].leg;
    bench.media(CallEvent::OfferReady { leg, description: description() });
    assert_eq!(bench.answer(leg).first().map(String::as_str), Some("answered by callee"));

    let (mut bench, leg) = at_group();
    bench.signal(Event::Progress { leg, is_ringing: true, description: None, signalled_from: FROM });
    assert_eq!(bench.pass(Duration::from_secs(60)), [""; 0]);
}
