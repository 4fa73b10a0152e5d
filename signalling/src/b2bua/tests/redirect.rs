//! Redirections: the dial plan says whether, by the rights of who placed the call.

use super::*;
use crate::routing::{Decision, Menu, Refusal};

/// A callee sends the call on, and is a trunk's unless it is a user.
fn redirect(bench: &mut Bench, leg: LegId, places: &[&str], by_trunk: bool) -> Vec<String> {
    if let Some(callee) = bench.call.party_mut(leg).filter(|_| by_trunk) {
        callee.origin = Origin::Trunk("pstn".into());
    }
    let places = places.iter().map(|place| (*place).to_owned()).collect();
    assert!(bench.signal(Event::Redirected { leg, places }).is_empty(), "its end comes next");
    bench.signal(Event::Ended { leg, cause: EndCause::Unavailable })
}

fn routed(bench: &mut Bench, decision: Decision) -> Vec<String> {
    bench.call.handle_input(Input::Routed(decision), &World, bench.now);
    bench.effects()
}

fn run(steps: Vec<Step>) -> Decision {
    Decision::Run(Plan { rule: Arc::from("test"), steps })
}

fn bridge_to(target: BridgeTarget) -> Step {
    Step::Bridge(bridge(target))
}

/// Whoever is called is called, and has no time.
fn busy(bench: &mut Bench) -> Vec<String> {
    let leg = bench.dial_all()[0];
    bench.signal(Event::Ended { leg, cause: EndCause::Busy })
}

/// A way for where the one before it failed of itself.
fn where_it_failed() -> Step {
    Step::Bridge(Bridge { only_after: Some(Arc::from([EndCause::GatewayFailure])), ..bridge(user()) })
}

fn refuse() -> Decision {
    Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule }
}

#[test]
fn a_call_goes_where_a_trunk_sends_it_by_the_rights_of_the_caller() {
    let mut bench = Bench::calling(trunk());
    let callee = bench.dial_all()[0];
    let words = redirect(&mut bench, callee, &["200", "201"], true);
    assert_eq!(words, ["remove callee", "route User(\"alice\") to 200"]);
    assert_eq!(routed(&mut bench, refuse()), ["route User(\"alice\") to 201"]);
    assert_eq!(routed(&mut bench, run(vec![bridge_to(user())])), ["add callee", "offer callee"]);
    let leg = bench.call.callees[0].leg;
    bench.media(CallEvent::OfferReady { leg, description: description() });
    bench.answer(leg);
    assert_eq!(bench.agreed(leg, Direction::SendRecv), ["make answer for caller"]);
}

#[test]
fn who_may_not_send_calls_on_is_unavailable() {
    let mut bench = Bench::calling(user());
    let callee = bench.dial_all()[0];
    let words = redirect(&mut bench, callee, &["200"], false);
    assert_eq!(words, ["remove callee", "hang up caller Unavailable"]);
}

/// A callee that may have the caller told sends it on.
fn tell_to_call(bench: &mut Bench, leg: LegId, places: &[&str]) -> Vec<String> {
    bench.call.party_mut(leg).expect("it rings").origin = Origin::User("mover".into());
    redirect(bench, leg, places, false)
}

#[test]
fn a_caller_is_told_where_to_call_when_the_plan_is_over_and_nobody_declined() {
    let mut bench = Bench::calling_then(user(), vec![bridge_to(user())]);
    let callee = bench.dial_all()[0];
    let words = tell_to_call(&mut bench, callee, &["200", "201"]);
    assert_eq!(words, ["remove callee", "add callee", "offer callee"], "the plan goes on first");
    let callee = bench.dial_all()[0];
    let words = bench.signal(Event::Ended { leg: callee, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "send caller on to [\"200\", \"201\"]"]);
    let mut bench = Bench::calling_then(user(), vec![bridge_to(user())]);
    let callee = bench.dial_all()[0];
    tell_to_call(&mut bench, callee, &["200"]);
    let callee = bench.dial_all()[0];
    let words = bench.signal(Event::Ended { leg: callee, cause: EndCause::Declined });
    assert_eq!(words, ["remove callee", "hang up caller Declined"]);
}

#[test]
fn the_old_plan_goes_on_behind_places_that_nobody_is_at_and_not_behind_one_that_serves() {
    let mut bench = Bench::calling_then(trunk(), vec![bridge_to(user())]);
    let callee = bench.dial_all()[0];
    redirect(&mut bench, callee, &["200"], true);
    assert_eq!(routed(&mut bench, refuse()), ["add callee", "offer callee"], "the next of the old plan");
    let mut bench = Bench::calling_then(trunk(), vec![bridge_to(user())]);
    let callee = bench.dial_all()[0];
    redirect(&mut bench, callee, &["200"], true);
    let words = routed(&mut bench, run(vec![Step::Answer, play(1, false)]));
    assert_eq!(words, ["make answer for caller"]);
    let leg = bench.caller;
    bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(bench.media(finished(leg, 1)), ["hang up caller Hangup"]);
}

/// To the first lead two ways, which are tried before the second.
#[test]
fn places_are_called_one_after_the_other_each_by_all_its_plan() {
    let mut bench = Bench::calling_then(trunk(), vec![Step::Answer]);
    let callee = bench.dial_all()[0];
    let words = redirect(&mut bench, callee, &["200", "201"], true);
    assert_eq!(words, ["remove callee", "route User(\"alice\") to 200"]);
    let words = routed(&mut bench, run(vec![bridge_to(user()), bridge_to(user())]));
    assert_eq!(words, ["add callee", "offer callee"]);
    assert_eq!(busy(&mut bench), ["remove callee", "add callee", "offer callee"]);
    assert_eq!(busy(&mut bench), ["remove callee", "route User(\"alice\") to 201"]);
    assert_eq!(routed(&mut bench, run(vec![bridge_to(user())])), ["add callee", "offer callee"]);
    assert_eq!(busy(&mut bench), ["remove callee", "make answer for caller"], "the old plan goes on");
}

#[test]
fn the_next_place_is_called_where_further_ways_to_the_one_before_are_for_other_failures() {
    let mut bench = Bench::calling_then(trunk(), vec![Step::Answer]);
    let callee = bench.dial_all()[0];
    redirect(&mut bench, callee, &["200", "201"], true);
    routed(&mut bench, run(vec![bridge_to(user()), where_it_failed()]));
    assert_eq!(busy(&mut bench), ["remove callee", "route User(\"alice\") to 201"]);

    let (mut bench, callee) = Bench::talking(user());
    bench.call.callees[0].origin = Origin::User("bob".into());
    bench.signal(Event::TransferAsked { leg: callee, destination: "carol".into(), replaces: None });
    routed(&mut bench, run(vec![bridge_to(user())]));
    let called = |bench: &mut Bench| {
        let leg = bench.call.callees[1].leg;
        bench.media(CallEvent::OfferReady { leg, description: description() });
        leg
    };
    let target = called(&mut bench);
    redirect(&mut bench, target, &["200", "201"], true);
    routed(&mut bench, run(vec![bridge_to(user()), where_it_failed()]));
    let leg = called(&mut bench);
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "route User(\"bob\") to 201"]);
}

#[test]
fn where_a_place_sends_the_call_on_to_comes_before_its_further_ways_and_the_next_place() {
    let mut bench = Bench::calling_then(trunk(), vec![Step::Answer]);
    let callee = bench.dial_all()[0];
    redirect(&mut bench, callee, &["200", "201"], true);
    routed(&mut bench, run(vec![bridge_to(trunk()), bridge_to(trunk())]));
    let callee = bench.dial_all()[0];
    let words = redirect(&mut bench, callee, &["300"], true);
    assert_eq!(words, ["remove callee", "route User(\"alice\") to 300"]);
    assert_eq!(routed(&mut bench, refuse()), ["add callee", "offer callee"], "the second way to the first");
    let callee = bench.dial_all()[0];
    let words = redirect(&mut bench, callee, &["301"], true);
    assert_eq!(words, ["remove callee", "route User(\"alice\") to 301"]);
    assert_eq!(routed(&mut bench, refuse()), ["route User(\"alice\") to 201"]);
    assert_eq!(routed(&mut bench, refuse()), ["make answer for caller"], "the old plan goes on");
}

#[test]
fn a_place_whose_plan_records_has_served_nobody_and_one_with_a_menu_has() {
    let mut bench = Bench::calling_then(trunk(), vec![Step::Answer]);
    let callee = bench.dial_all()[0];
    redirect(&mut bench, callee, &["200", "201"], true);
    routed(&mut bench, run(vec![Step::Record(record(RecordingFormat::Wav)), bridge_to(user())]));
    assert_eq!(busy(&mut bench), ["remove callee", "route User(\"alice\") to 201"]);

    let mut bench = Bench::calling_then(trunk(), vec![Step::Answer]);
    let callee = bench.dial_all()[0];
    redirect(&mut bench, callee, &["200", "201"], true);
    let choices = vec![(Digit::parse('1').expect("a key"), vec![bridge_to(user())])];
    let (prompts, timeout) = (vec![Arc::from("hello")], Duration::from_secs(5));
    let menu = Menu { prompts, wrong: Vec::new(), choices, timeout, repeats: 0 };
    assert_eq!(routed(&mut bench, run(vec![Step::Menu(menu)])), ["caller hears prompt"]);
    assert_eq!(bench.press('1'), ["caller hears nothing", "add callee", "offer callee"]);
    assert_eq!(busy(&mut bench), ["remove callee", "hang up caller Busy"], "nothing of the old plan");
}

#[test]
fn one_that_was_given_up_sends_nobody_on() {
    let silent = Bridge { progress_timeout: Some(Duration::from_secs(1)), ..bridge(trunk()) };
    let mut bench = Bench::new(vec![Step::Bridge(silent), bridge_to(user())], true);
    let callee = bench.dial_all()[0];
    bench.pass(Duration::from_secs(1));
    assert_eq!(redirect(&mut bench, callee, &["200"], true), ["remove callee"]);
    assert_eq!(busy(&mut bench), ["remove callee", "hang up caller Busy"]);
}

/// Whose own announcement said that it had moved is not whom the caller hears any more.
#[test]
fn early_media_of_the_next_place_is_heard() {
    let mut bench = Bench::calling(trunk());
    let early = |leg| Event::Progress {
        leg,
        is_ringing: false,
        description: Some(description()),
        signalled_from: FROM,
    };
    let callee = bench.dial_all()[0];
    bench.signal(early(callee));
    redirect(&mut bench, callee, &["200"], true);
    routed(&mut bench, run(vec![bridge_to(user())]));
    let callee = bench.dial_all()[0];
    let words = bench.signal(early(callee));
    assert!(words.contains(&"caller hears callee".to_owned()), "{words:?}");
}

#[test]
fn a_circle_of_redirections_ends() {
    let mut bench = Bench::calling(trunk());
    let mut callee = bench.dial_all()[0];
    for _ in 0..5 {
        let words = redirect(&mut bench, callee, &["200"], true);
        assert_eq!(words, ["remove callee", "route User(\"alice\") to 200"]);
        routed(&mut bench, run(vec![bridge_to(trunk())]));
        callee = bench.call.callees[0].leg;
        bench.media(CallEvent::OfferReady { leg: callee, description: description() });
    }
    let words = redirect(&mut bench, callee, &["200"], true);
    assert_eq!(words, ["remove callee", "hang up caller Unavailable"]);
}

#[test]
fn others_that_ring_come_first_and_an_answer_forgets_where_it_was_sent() {
    let callees = [trunk(), user()].map(bridge).into_iter().flat_map(|bridge| bridge.callees).collect();
    let bridge = Bridge::new(callees);
    let mut bench = Bench::new(vec![Step::Bridge(bridge)], true);
    let callees = bench.dial_all();
    assert_eq!(redirect(&mut bench, callees[0], &["200"], true), ["remove callee"]);
    bench.answer(callees[1]);
    bench.agreed(callees[1], Direction::SendRecv);
    assert_eq!(bench.call.partner, Some(callees[1]));
    let caller = bench.caller;
    bench.media(CallEvent::AnswerReady { leg: caller, description: description() });
    bench.signal(Event::TransferAsked { leg: caller, destination: "carol".into(), replaces: None });
    routed(&mut bench, run(vec![bridge_to(user())]));
    let target = bench.call.callees[1].leg;
    bench.media(CallEvent::OfferReady { leg: target, description: description() });
    let words = bench.signal(Event::Ended { leg: target, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "tell caller Failed(Busy)"]);
}

#[test]
fn the_target_of_a_transfer_may_send_it_on_by_the_rights_of_who_asked() {
    let (mut bench, callee) = Bench::talking(user());
    bench.call.callees[0].origin = Origin::User("bob".into());
    bench.signal(Event::TransferAsked { leg: callee, destination: "carol".into(), replaces: None });
    routed(&mut bench, run(vec![bridge_to(user())]));
    let target = bench.call.callees[1].leg;
    bench.media(CallEvent::OfferReady { leg: target, description: description() });
    let words = redirect(&mut bench, target, &["200"], true);
    assert_eq!(words, ["remove callee", "route User(\"bob\") to 200"]);
    assert_eq!(routed(&mut bench, refuse()), ["tell callee Failed(NotFound)"]);
}

#[test]
fn who_answered_when_who_asked_was_gone_has_the_call_and_no_later_transfer_goes_where_another_sent_it() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    bench.call.callees[0].origin = Origin::User("bob".into());
    bench.signal(Event::TransferAsked { leg: callee, destination: "carol".into(), replaces: None });
    routed(&mut bench, run(vec![bridge_to(BridgeTarget::User("two".into()))]));
    let [moved, lifts] = [1, 2].map(|index| bench.call.callees[index].leg);
    for leg in [moved, lifts] {
        bench.media(CallEvent::OfferReady { leg, description: description() });
    }
    assert_eq!(redirect(&mut bench, moved, &["200"], true), ["remove callee"]);
    bench.answer(lifts);
    bench.signal(Event::Ended { leg: callee, cause: EndCause::Hangup });
    bench.agreed(lifts, Direction::SendRecv);
    assert_eq!(bench.call.partner, Some(lifts));

    bench.signal(Event::TransferAsked { leg: caller, destination: "dave".into(), replaces: None });
    routed(&mut bench, run(vec![bridge_to(user())]));
    let target = bench.call.callees[1].leg;
    bench.media(CallEvent::OfferReady { leg: target, description: description() });
    let words = bench.signal(Event::Ended { leg: target, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "tell caller Failed(Busy)"]);
}
