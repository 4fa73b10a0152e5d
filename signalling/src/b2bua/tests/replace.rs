//! Replacements: whose place a leg may take, when it does, and what becomes of who had it.

use webtrunk_engine::sdp::NegotiationError;

use super::*;
use crate::b2bua::party::PartyState;

fn incoming(of: LegId, origin: Origin, has_offer: bool) -> Incoming {
    Incoming {
        leg: LegId::next(),
        origin,
        caller: Party { user: "eve".into(), display_name: String::new() },
        destination: String::new(),
        device: None,
        profile: MediaProfile::Rtp,
        offer: has_offer.then(description),
        signalled_from: FROM,
        listener: "test".into(),
        headers: Vec::new(),
        recording: RecordingPolicy::ByRule,
        hops: HOPS_MAX,
        passed: crate::adapter::Passage::default(),
        replaces: Some(of),
        span: Span::none(),
    }
}

/// A leg that wants the place of one, by the rights of a user, and what comes of it.
fn replace(bench: &mut Bench, of: LegId, user: &str, has_offer: bool) -> (LegId, Vec<String>) {
    let incoming = incoming(of, Origin::User(user.into()), has_offer);
    let leg = incoming.leg;
    let input = Input::Incoming { adapter: "sip", incoming: Box::new(incoming) };
    bench.call.handle_input(input, &World, bench.now);
    (leg, bench.effects())
}

fn described(bench: &mut Bench, leg: LegId) -> Vec<String> {
    bench.media(CallEvent::AnswerReady { leg, description: description() })
}

fn ended(bench: &mut Bench, leg: LegId) -> Vec<String> {
    bench.signal(Event::Ended { leg, cause: EndCause::Hangup })
}

#[test]
fn whichever_side_is_replaced_the_other_talks_to_the_new_leg_and_keeps_its_own() {
    for is_caller in [true, false] {
        let (mut bench, callee) = Bench::talking(user());
        let caller = bench.caller;
        let (of, user, stays) = if is_caller { (caller, "alice", callee) } else { (callee, "bob", caller) };
        let (leg, words) = replace(&mut bench, of, user, true);
        assert_eq!(words, ["add callee", "offered by callee", "make answer for callee"]);
        let name = |leg| if leg == caller { "caller" } else { "callee" };
        assert_eq!(
            described(&mut bench, leg),
            [
                "answer callee".to_owned(),
                format!("hang up {} Hangup", name(of)),
                format!("{} hears callee", name(stays)),
                format!("callee hears {}", name(stays)),
            ]
        );
        assert!(bench.agreed(leg, Direction::SendRecv).is_empty());
        assert_eq!((bench.call.caller.leg, bench.call.partner), (stays, Some(leg)));
        assert_eq!(ended(&mut bench, of), [format!("remove {}", name(of))]);
        let words = ended(&mut bench, leg);
        assert_eq!(words, ["remove callee".to_owned(), format!("hang up {} Hangup", name(stays))]);
        ended(&mut bench, stays);
        assert!(bench.call.is_over());
    }
}

#[test]
fn who_takes_the_place_of_one_that_is_held_is_told_so() {
    let (mut bench, callee) = Bench::talking(user());
    bench.call.settings.tells_hold_by_offer = Some("sip");
    bench.agreed(bench.caller, Direction::RecvOnly);
    let (leg, _) = replace(&mut bench, callee, "bob", true);
    let words = described(&mut bench, leg);
    assert_eq!(words.last().map(String::as_str), Some("offer callee"), "{words:?}");
}

#[test]
fn only_by_the_rights_of_who_is_there_and_in_a_call_that_can_go_on() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    assert_eq!(replace(&mut bench, callee, "alice", true).1, ["refuse callee Forbidden"]);
    assert_eq!(replace(&mut bench, caller, "bob", true).1, ["refuse callee Forbidden"]);
    assert_eq!(replace(&mut bench, LegId::next(), "bob", true).1, ["refuse callee NotFound"]);
    let (first, _) = replace(&mut bench, callee, "bob", true);
    assert_eq!(replace(&mut bench, callee, "bob", true).1, ["refuse callee Glare"], "one at a time");
    described(&mut bench, first);
    assert_eq!(replace(&mut bench, callee, "bob", true).1, ["refuse callee Declined"], "it is leaving");
    bench.call.callees.iter_mut().for_each(|callee| callee.origin = Origin::Trunk("pstn".into()));
    let by_trunk = incoming(first, Origin::Trunk("pstn".into()), true);
    let input = Input::Incoming { adapter: "sip", incoming: Box::new(by_trunk) };
    bench.call.handle_input(input, &World, bench.now);
    assert_eq!(bench.effects(), ["refuse callee Forbidden"], "its trunk may not");
    let mut echo = Bench::new(vec![Step::Answer, Step::Echo], true);
    echo.effects();
    let leg = echo.caller;
    echo.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(replace(&mut echo, leg, "alice", true).1, ["refuse callee Declined"]);
}

#[test]
fn a_new_leg_that_fails_leaves_the_call_as_it_was() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    let (leg, _) = replace(&mut bench, callee, "bob", true);
    let error = Box::new(NegotiationError::NoAddress.into());
    let words = bench.media(CallEvent::DescriptionRefused { leg, error });
    assert_eq!(words, ["hang up callee NotAcceptable"]);
    assert_eq!(ended(&mut bench, leg), ["remove callee"]);
    let (cancelled, _) = replace(&mut bench, callee, "bob", true);
    assert_eq!(ended(&mut bench, cancelled), ["remove callee"]);
    assert!(described(&mut bench, cancelled).is_empty());
    assert_eq!((bench.call.caller.leg, bench.call.partner), (caller, Some(callee)));
    let (last, _) = replace(&mut bench, callee, "bob", true);
    assert_eq!(described(&mut bench, last)[0], "answer callee");
}

#[test]
fn who_leaves_before_the_new_leg_is_described_is_replaced_all_the_same() {
    for is_caller in [true, false] {
        let (mut bench, callee) = Bench::talking(user());
        let caller = bench.caller;
        let (of, user, stays) = if is_caller { (caller, "alice", callee) } else { (callee, "bob", caller) };
        let (leg, _) = replace(&mut bench, of, user, true);
        let words = ended(&mut bench, of);
        assert!(
            !words.iter().any(|word| word.contains("hang up") && word.ends_with("Cancelled")),
            "{words:?}"
        );
        assert_eq!(described(&mut bench, leg), ["answer callee"]);
        assert_eq!((bench.call.caller.leg, bench.call.partner), (stays, Some(leg)));
    }
}

#[test]
fn a_leg_without_an_offer_is_offered_and_heard_once_it_confirms() {
    let (mut bench, callee) = Bench::talking(user());
    let (leg, words) = replace(&mut bench, callee, "bob", false);
    assert_eq!(words, ["add callee", "offer callee"]);
    let words = bench.media(CallEvent::OfferReady { leg, description: description() });
    assert_eq!(words[..2], ["answer callee", "hang up callee Hangup"]);
    let words = bench.signal(Event::Acknowledged { leg, description: Some(description()) });
    assert_eq!(words, ["answered by callee"]);
    assert!(bench.call.party(leg).is_some_and(|party| matches!(party.state, PartyState::Talking)));
}

#[test]
fn a_call_that_rings_is_picked_up_by_another_leg_of_who_is_called() {
    let mut bench = Bench::calling(BridgeTarget::User("two".into()));
    let callees = bench.dial_all();
    assert_eq!(replace(&mut bench, callees[0], "alice", true).1, ["refuse callee Forbidden"]);
    let (leg, words) = replace(&mut bench, callees[0], "bob", true);
    assert_eq!(words, ["add callee", "offered by callee", "make answer for callee"]);
    assert_eq!(
        described(&mut bench, leg),
        [
            "answer callee",
            "hang up callee AnsweredElsewhere",
            "hang up callee AnsweredElsewhere",
            "caller hears callee",
            "callee hears caller",
            "make answer for caller",
        ]
    );
    for callee in callees {
        assert_eq!(ended(&mut bench, callee), ["remove callee"]);
    }
    let caller = bench.caller;
    assert_eq!(described(&mut bench, caller), ["answer caller"]);
    assert_eq!(bench.call.partner, Some(leg));
}

#[test]
fn who_may_pick_up_what_rings_at_another_takes_no_place_of_who_talks() {
    let mut bench = Bench::calling(user());
    let callee = bench.dial_all()[0];
    let (stranger, words) = replace(&mut bench, callee, "stranger", true);
    assert_eq!(words, ["refuse callee Forbidden"], "{stranger}");
    let (leg, words) = replace(&mut bench, callee, "colleague", true);
    assert_eq!(words, ["add callee", "offered by callee", "make answer for callee"]);
    assert_eq!(described(&mut bench, leg)[0], "answer callee");
    assert_eq!(bench.call.partner, Some(leg));

    let (mut bench, callee) = Bench::talking(user());
    bench.call.callees[0].origin = Origin::User("bob".into());
    let (_, words) = replace(&mut bench, callee, "colleague", true);
    assert_eq!(words, ["refuse callee Forbidden"]);
}

#[test]
fn a_pick_up_that_comes_too_late_is_refused() {
    let mut bench = Bench::calling(user());
    let callee = bench.dial_all()[0];
    let (leg, _) = replace(&mut bench, callee, "bob", true);
    bench.answer(callee);
    assert_eq!(described(&mut bench, leg), ["hang up callee Declined"]);
    assert_eq!(ended(&mut bench, leg), ["remove callee"]);
    bench.agreed(callee, Direction::SendRecv);
    assert_eq!(bench.call.partner, Some(callee));
}

#[test]
fn who_waits_is_replaced_at_once_and_those_who_ring_go_on() {
    let mut bench = Bench::calling(user());
    let callee = bench.dial_all()[0];
    let caller = bench.caller;
    let (leg, words) = replace(&mut bench, caller, "alice", true);
    let expected = ["hang up caller AnsweredElsewhere", "add callee", "offered by callee", "ring callee"];
    assert_eq!(words, expected);
    assert_eq!(ended(&mut bench, caller), ["remove caller"]);
    assert_eq!(bench.call.caller.leg, leg);
    bench.answer(callee);
    assert_eq!(bench.agreed(callee, Direction::SendRecv), ["make answer for callee"]);
    assert_eq!(described(&mut bench, leg), ["answer callee"]);
    assert_eq!(bench.call.partner, Some(callee));

    let mut busy = Bench::calling(user());
    let callee = busy.dial_all()[0];
    let caller = busy.caller;
    let (leg, _) = replace(&mut busy, caller, "alice", true);
    ended(&mut busy, caller);
    let words = busy.signal(Event::Ended { leg: callee, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "hang up callee Busy"]);
    ended(&mut busy, leg);
    assert!(busy.call.is_over());
}

#[test]
fn a_party_that_talks_in_another_call_is_put_through_to_it() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    let consulted = LegId::next();
    let ask =
        |leg, replaces| Event::TransferAsked { leg, destination: "carol".into(), replaces: Some(replaces) };
    assert_eq!(bench.signal(ask(caller, callee)), ["tell caller Failed(NotAcceptable)"]);
    let words = bench.signal(ask(caller, consulted));
    assert_eq!(words, ["tell caller Began", "add callee", "offer callee"], "the dial plan is not asked");
    let leg = bench.call.callees[1].leg;
    let ready = CallEvent::OfferReady { leg, description: description() };
    bench.call.handle_input(Input::Media(ready), &World, bench.now);
    let Some(Effect::Signal { adapter, command: Command::Dial(dial) }) = bench.call.poll_effect() else {
        panic!("nobody is dialled");
    };
    let origin = Origin::User("alice".into());
    assert_eq!(dial.target, Target::Party { leg: consulted, origin, user: "carol".into() });
    assert_eq!((adapter, dial.hops), ("tie", HOPS_MAX - 1));
    assert_eq!(replace(&mut bench, callee, "bob", true).1, ["refuse callee Glare"]);
    bench.answer(leg);
    let words = bench.agreed(leg, Direction::SendRecv);
    assert_eq!(words[..2], ["tell caller Done", "hang up caller Hangup"]);
    assert_eq!((bench.call.caller.leg, bench.call.partner), (callee, Some(leg)));
}

#[test]
fn who_cannot_be_put_through_has_its_call_back() {
    let (mut bench, callee) = Bench::talking(user());
    let consulted = LegId::next();
    bench.signal(Event::TransferAsked { leg: callee, destination: String::new(), replaces: Some(consulted) });
    let leg = bench.call.callees[1].leg;
    bench.media(CallEvent::OfferReady { leg, description: description() });
    let words = bench.signal(Event::Ended { leg, cause: EndCause::NotFound });
    assert_eq!(words, ["remove callee", "tell callee Failed(NotFound)"]);
    assert_eq!(bench.call.partner, Some(callee));
}

#[test]
fn whose_place_in_a_conference_is_taken_is_hung_up_and_the_other_joins() {
    let conference = {
        let (room, role) = (Arc::from("42"), ConferenceRole::Barge);
        Conference { room, role, target: None, gain_db: 3.0, is_muted: false, keys: FeatureKeys::default() }
    };
    for leaves_before in [false, true] {
        let mut bench = Bench::new(vec![Step::Answer, Step::Conference(conference.clone())], true);
        bench.effects();
        let caller = bench.caller;
        described(&mut bench, caller);
        bench.media(CallEvent::ConferenceJoined { leg: caller, parties: 2 });
        let (leg, words) = replace(&mut bench, caller, "alice", true);
        assert_eq!(words, ["add callee", "offered by callee", "make answer for callee"]);
        let taken = ["caller hears nothing", "hang up caller Hangup", "callee joins as eve Barge"];
        if leaves_before {
            assert_eq!(ended(&mut bench, caller)[1..], taken);
            assert_eq!(described(&mut bench, leg), ["answer callee"]);
        } else {
            let words = described(&mut bench, leg);
            assert_eq!((&*words[0], &words[1..]), ("answer callee", &taken.map(str::to_owned)[..]));
            assert_eq!(ended(&mut bench, caller), ["remove caller"]);
        }
        assert_eq!(bench.call.caller.leg, leg);
        ended(&mut bench, leg);
        assert!(bench.call.is_over());
    }
}
