//! What goes along with a call, and who was rung before.

use super::*;
use crate::adapter::{DiversionReason, Header};
use crate::routing::Decision;

fn bridge_to(target: BridgeTarget) -> Step {
    Step::Bridge(bridge(target))
}

/// Who was called before, by the calls that are placed now: `user reason`.
fn diversions(bench: &mut Bench) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(effect) = bench.call.poll_effect() {
        if let Effect::Signal { command: Command::Dial(dial), .. } = effect {
            let one = dial.passed.diversions.iter();
            told.extend(one.map(|diversion| format!("{} {:?}", diversion.user, diversion.reason)));
            told.push(format!("{} headers", dial.passed.headers.len()));
        }
    }
    told
}

/// The engine made the offers of those who are called now.
fn offers(bench: &mut Bench) {
    let legs: Vec<_> = bench.call.callees.iter().map(|callee| callee.leg).collect();
    for leg in legs {
        let event = CallEvent::OfferReady { leg, description: description() };
        bench.call.handle_input(Input::Media(event), &World, bench.now);
    }
}

#[test]
fn who_is_called_next_is_told_who_was_called_before_and_why_not_reached() {
    let provider = BridgeTarget::Trunk { trunk: "provider".into(), number: "030".into() };
    let steps = ["bob", "carol"].map(|name| bridge_to(BridgeTarget::User(name.into())));
    let mut bench = Bench::new(steps.into_iter().chain([bridge_to(provider)]).collect(), true);
    bench.call.passed.headers.push(Header { name: "X-Tenant".into(), value: "acme".into() });
    bench.effects();
    offers(&mut bench);
    assert_eq!(diversions(&mut bench), ["0 headers"], "bob was called before there was one");
    for (cause, expected) in [
        (EndCause::NoAnswer, &["bob NoAnswer", "1 headers"][..]),
        (EndCause::Busy, &["bob NoAnswer", "carol Busy", "1 headers"]),
    ] {
        let leg = bench.call.callees[0].leg;
        bench.call.handle_input(Input::Signal(Event::Ended { leg, cause }), &World, bench.now);
        offers(&mut bench);
        assert_eq!(diversions(&mut bench), expected);
    }
}

#[test]
fn who_transfers_sends_the_call_on_and_nothing_of_the_first_call_goes_along() {
    let (mut bench, _) = Bench::talking(BridgeTarget::User("bob".into()));
    bench.call.passed.headers.push(Header { name: "X-Tenant".into(), value: "acme".into() });
    let leg = bench.caller;
    bench.signal(Event::TransferAsked { leg, destination: "carol".into(), replaces: None });
    let steps = vec![bridge_to(BridgeTarget::User("carol".into()))];
    let plan = Plan { rule: Arc::from("test"), steps };
    bench.call.handle_input(Input::Routed(Decision::Run(plan)), &World, bench.now);
    let rung = bench.call.callees.last().expect("carol is called").leg;
    let event = CallEvent::OfferReady { leg: rung, description: description() };
    bench.call.handle_input(Input::Media(event), &World, bench.now);
    assert_eq!(
        diversions(&mut bench),
        [format!("alice {:?}", DiversionReason::Deflection), "0 headers".into()]
    );
}

#[test]
fn the_same_number_by_the_next_trunk_is_nobody_else() {
    let steps = ["one", "other"]
        .map(|trunk| bridge_to(BridgeTarget::Trunk { trunk: trunk.into(), number: "030".into() }));
    let mut bench = Bench::new(steps.into(), true);
    bench.effects();
    offers(&mut bench);
    assert_eq!(diversions(&mut bench), ["0 headers"]);
    let leg = bench.call.callees[0].leg;
    let ended = Event::Ended { leg, cause: EndCause::GatewayFailure };
    bench.call.handle_input(Input::Signal(ended), &World, bench.now);
    offers(&mut bench);
    assert_eq!(diversions(&mut bench), ["0 headers"]);
}
