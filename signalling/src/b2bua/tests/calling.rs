//! A call from its first ring to its answer, and the ways in which it fails.

use super::*;

fn early_media_of(leg: LegId) -> Event {
    Event::Progress { leg, is_ringing: false, description: Some(description()), signalled_from: FROM }
}

#[test]
fn a_call_is_rung_answered_and_hung_up() {
    let mut bench = Bench::calling(trunk());
    let callee = bench.dial_all()[0];
    let ringing = Event::Progress { leg: callee, is_ringing: true, description: None, signalled_from: FROM };
    assert_eq!(bench.signal(ringing), ["ring caller"]);
    assert_eq!(bench.answer(callee), ["answered by callee", "caller hears callee", "callee hears caller"]);
    assert_eq!(bench.agreed(callee, Direction::SendRecv), ["make answer for caller"]);
    let leg = bench.caller;
    assert_eq!(bench.media(CallEvent::AnswerReady { leg, description: description() }), ["answer caller"]);
    let words = bench.signal(Event::Ended { leg: callee, cause: EndCause::Hangup });
    assert_eq!(words, ["remove callee", "hang up caller Hangup"]);
    bench.signal(Event::Ended { leg, cause: EndCause::Hangup });
    assert!(bench.call.is_over());
}

#[test]
fn early_media_is_heard_and_its_description_repeated_in_the_answer() {
    let mut bench = Bench::calling(trunk());
    let callee = bench.dial_all()[0];
    assert_eq!(
        bench.signal(early_media_of(callee)),
        ["answered by callee", "caller hears callee", "callee hears caller"]
    );
    assert_eq!(bench.agreed(callee, Direction::SendRecv), ["make answer for caller"]);
    let leg = bench.caller;
    assert_eq!(
        bench.media(CallEvent::AnswerReady { leg, description: description() }),
        ["ring caller early"]
    );
    let answered = Event::Answered { leg: callee, description: None, signalled_from: FROM };
    assert_eq!(bench.signal(answered).last().map(String::as_str), Some("answer caller"));
}

#[test]
fn media_of_a_callee_is_latched_by_where_its_signalling_came_from() {
    for is_early in [true, false] {
        let mut bench = Bench::calling(trunk());
        let leg = bench.dial_all()[0];
        let (description, signalled_from) = (Some(description()), FROM);
        let event = match is_early {
            true => Event::Progress { leg, is_ringing: false, description, signalled_from },
            false => Event::Answered { leg, description, signalled_from },
        };
        bench.call.handle_input(Input::Signal(event), &World, bench.now);
        let told = std::iter::from_fn(|| bench.call.poll_effect()).find_map(|effect| match effect {
            Effect::Media(CallCommand::ReceiveAnswer { signalled_from, .. }) => signalled_from,
            _ => None,
        });
        assert_eq!(told, Some(FROM), "early: {is_early}");
    }
}

#[test]
fn the_call_moves_to_another_device_than_the_one_whose_early_media_was_heard() {
    let mut bench = Bench::calling(trunk());
    let callee = bench.dial_all()[0];
    bench.signal(early_media_of(callee));
    bench.agreed(callee, Direction::SendRecv);
    let leg = bench.caller;
    bench.media(CallEvent::AnswerReady { leg, description: description() });
    let words = bench.answer(callee);
    assert_eq!(words, ["answered by callee", "caller hears callee", "callee hears caller"]);
    assert_eq!(bench.agreed(callee, Direction::SendRecv), ["answer caller"]);
}

#[test]
fn an_answer_that_overtakes_the_early_description_is_not_lost() {
    let mut bench = Bench::calling(trunk());
    let callee = bench.dial_all()[0];
    bench.signal(early_media_of(callee));
    bench.agreed(callee, Direction::SendRecv);
    bench.answer(callee);
    let leg = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(words, ["ring caller early", "answer caller"]);
}

#[test]
fn a_caller_that_gives_up_cancels_everyone() {
    let mut bench = Bench::calling(BridgeTarget::User("two".into()));
    let callees = bench.dial_all();
    let leg = bench.caller;
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Cancelled });
    assert_eq!(words, ["remove caller", "hang up callee Cancelled", "hang up callee Cancelled"]);
    for leg in callees {
        assert!(!bench.call.is_over());
        bench.signal(Event::Ended { leg, cause: EndCause::Cancelled });
    }
    assert!(bench.call.is_over());
}

#[test]
fn the_first_to_answer_gets_the_call_and_the_others_stop_ringing() {
    let mut bench = Bench::calling(BridgeTarget::User("two".into()));
    let callees = bench.dial_all();
    let words = bench.answer(callees[1]);
    assert!(words.contains(&"hang up callee AnsweredElsewhere".to_owned()), "{words:?}");
    assert_eq!(bench.call.partner, Some(callees[1]));
}

#[test]
fn the_caller_gets_the_most_telling_cause_when_all_fail() {
    let mut bench = Bench::calling(BridgeTarget::User("two".into()));
    let callees = bench.dial_all();
    bench.signal(Event::Ended { leg: callees[0], cause: EndCause::Busy });
    let words = bench.signal(Event::Ended { leg: callees[1], cause: EndCause::Unavailable });
    assert_eq!(words, ["remove callee", "hang up caller Busy"]);
}

#[test]
fn a_user_without_contacts_is_unavailable_and_the_plan_goes_on() {
    let mut bench = Bench::calling(BridgeTarget::User("nobody".into()));
    assert_eq!(bench.effects().last().map(String::as_str), Some("hang up caller Unavailable"));
    let mut bench =
        Bench::calling_then(BridgeTarget::User("nobody".into()), vec![Step::Reject(EndCause::Busy)]);
    assert_eq!(bench.effects().last().map(String::as_str), Some("hang up caller Busy"));
}

#[test]
fn who_is_no_user_is_not_found_unless_somebody_else_is_meant_too() {
    let stranger = || BridgeTarget::User("stranger".into());
    let mut bench = Bench::calling(stranger());
    assert_eq!(bench.effects().last().map(String::as_str), Some("hang up caller NotFound"));
    let nobody = bridge(BridgeTarget::User("nobody".into())).callees;
    let mut both = bridge(stranger());
    both.callees.extend(nobody);
    let mut bench = Bench::new(vec![Step::Bridge(both)], true);
    assert_eq!(bench.effects().last().map(String::as_str), Some("hang up caller Unavailable"));
}

#[test]
fn a_call_that_is_passed_on_has_one_hop_less_and_none_without_hops() {
    for (hops, expected) in [(HOPS_MAX, Some(HOPS_MAX - 1)), (1, Some(0)), (0, None)] {
        let bridge = bridge(trunk());
        let mut bench = Bench::with_hops(vec![Step::Bridge(bridge)], true, hops);
        let callee = bench.call.callees.first().map(|callee| callee.leg);
        if let Some(leg) = callee {
            let ready = CallEvent::OfferReady { leg, description: description() };
            bench.call.handle_input(Input::Media(ready), &World, bench.now);
        }
        let mut dialled = None;
        let mut refused = None;
        while let Some(effect) = bench.call.poll_effect() {
            match effect {
                Effect::Signal { command: Command::Dial(dial), .. } => dialled = Some(dial.hops),
                Effect::Signal { command: Command::Hangup { cause, .. }, .. } => refused = Some(cause),
                _ => {}
            }
        }
        assert_eq!(dialled, expected, "{hops} hops");
        assert_eq!(refused, expected.is_none().then_some(EndCause::TooManyHops), "{hops} hops");
    }
}

#[test]
fn a_fork_that_lost_the_call_may_fail_without_ending_it() {
    let mut bench = Bench::calling(BridgeTarget::User("two".into()));
    let callees = bench.dial_all();
    bench.answer(callees[1]);
    let leg = callees[0];
    let failed = CallEvent::LegFailed { leg, reason: "no path".into(), cause: EndCause::MediaFailed };
    assert!(bench.media(failed).is_empty());
    assert!(bench.media(CallEvent::LegClosed { leg }).is_empty());
    bench.now += Duration::from_secs(2);
    bench.call.handle_timeout(&World, bench.now);
    assert!(bench.effects().is_empty());
}
