//! Calls whose offer is left to who answers.

use super::*;

/// A call without an offer to a trunk that makes its own, or does not.
fn calling(trunk: &'static str) -> Bench {
    let target = BridgeTarget::Trunk { trunk: trunk.into(), number: "100".into() };
    Bench::new(vec![Step::Bridge(bridge(target))], false)
}

#[test]
fn a_trunk_that_makes_late_offers_is_called_without_one_and_answered_before_the_caller_is() {
    let mut bench = calling("late");
    assert_eq!(bench.effects(), ["add caller", "add callee", "dial callee"]);
    let leg = bench.call.callees[0].leg;
    let words = bench.answer(leg);
    assert_eq!(
        words,
        [
            "offered by callee from 192.0.2.9",
            "make answer for callee",
            "caller hears callee",
            "callee hears caller"
        ]
    );
    assert_eq!(bench.media(CallEvent::AnswerReady { leg, description: description() }), ["answer callee"]);
    assert_eq!(bench.agreed(leg, Direction::SendRecv), ["offer caller"]);
    let caller = bench.caller;
    let words = bench.media(CallEvent::OfferReady { leg: caller, description: description() });
    assert_eq!(words, ["answer caller"]);
}

#[test]
fn whoever_else_is_called_without_an_offer_gets_ours() {
    assert_eq!(calling("pstn").effects(), ["add caller", "add callee", "offer callee"]);
    let target = BridgeTarget::Trunk { trunk: "late".into(), number: "100".into() };
    assert_eq!(Bench::calling(target).effects().last().map(String::as_str), Some("offer callee"));
}

#[test]
fn a_late_offer_that_cannot_be_met_ends_the_call() {
    let mut bench = calling("late");
    bench.effects();
    let leg = bench.call.callees[0].leg;
    bench.answer(leg);
    let error = Box::new(webtrunk_engine::sdp::NegotiationError::NoCommonCodec.into());
    let words = bench.media(CallEvent::DescriptionRefused { leg, error });
    assert_eq!(words, ["hang up callee NotAcceptable", "hang up caller NotAcceptable"]);
}
