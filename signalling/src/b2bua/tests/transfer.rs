//! Transfers: what a party asks for, what the dial plan says, who is left.

use super::*;
use crate::adapter::TransferProgress;
use crate::b2bua::{Control, Wish};
use crate::routing::{Decision, FeatureKeys, Refusal};

/// The words of a party that asks to be replaced by somebody.
fn ask(bench: &mut Bench, leg: LegId) -> Vec<String> {
    bench.signal(Event::TransferAsked { leg, destination: "carol".into(), replaces: None })
}

fn routed(bench: &mut Bench, decision: Decision) -> Vec<String> {
    bench.call.handle_input(Input::Routed(decision), &World, bench.now);
    bench.effects()
}

fn bridge_to(target: BridgeTarget) -> Step {
    Step::Bridge(bridge(target))
}

fn run(steps: Vec<Step>) -> Decision {
    Decision::Run(Plan { rule: Arc::from("test"), steps })
}

/// A transfer that calls these; the legs that ring.
fn ringing(bench: &mut Bench, by: LegId, target: BridgeTarget) -> Vec<LegId> {
    let before: Vec<_> = bench.call.callees.iter().map(|callee| callee.leg).collect();
    ask(bench, by);
    assert_eq!(routed(bench, run(vec![bridge_to(target)]))[0], format!("tell {} Began", name(bench, by)));
    let legs: Vec<_> = bench.call.callees.iter().map(|callee| callee.leg).collect();
    let new: Vec<_> = legs.into_iter().filter(|leg| !before.contains(leg)).collect();
    for leg in &new {
        let words = bench.media(CallEvent::OfferReady { leg: *leg, description: description() });
        assert_eq!(words, ["dial callee"]);
    }
    new
}

fn name(bench: &Bench, leg: LegId) -> &'static str {
    if leg == bench.caller { "caller" } else { "callee" }
}

#[test]
fn the_dial_plan_is_asked_by_the_rights_of_who_asks() {
    let (mut bench, callee) = Bench::talking(user());
    assert_eq!(ask(&mut bench, callee), ["route User(\"bob\") to carol"]);
    let refusal = Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule };
    assert_eq!(routed(&mut bench, refusal), ["tell callee Failed(NotFound)"]);
    let leg = bench.caller;
    assert_eq!(ask(&mut bench, leg), ["route User(\"alice\") to carol"]);
    assert_eq!(ask(&mut bench, callee), ["tell callee Failed(Glare)"], "one at a time");
    assert_eq!(routed(&mut bench, run(vec![Step::Reject(EndCause::Busy)]))[1], "tell caller Failed(Busy)");
}

#[test]
fn who_may_not_transfer_or_talks_to_nobody_is_refused() {
    let (mut bench, callee) = Bench::talking(trunk());
    bench.call.callees[0].origin = Origin::Trunk("pstn".into());
    assert_eq!(ask(&mut bench, callee), ["tell callee Failed(Forbidden)"]);
    let mut alone = Bench::new(vec![Step::Answer, Step::Echo], true);
    alone.effects();
    let leg = alone.caller;
    alone.media(CallEvent::AnswerReady { leg, description: description() });
    assert_eq!(ask(&mut alone, leg), ["tell caller Failed(NotAcceptable)"]);
    let mut waiting = Bench::calling(user());
    let leg = waiting.caller;
    waiting.dial_all();
    assert_eq!(ask(&mut waiting, leg), ["tell caller Failed(NotAcceptable)"]);
}

#[test]
fn whichever_side_asks_the_other_talks_to_who_answers_and_keeps_its_leg() {
    for is_by_caller in [true, false] {
        let (mut bench, callee) = Bench::talking(user());
        let caller = bench.caller;
        let (by, stays) = if is_by_caller { (caller, callee) } else { (callee, caller) };
        let target = ringing(&mut bench, by, user())[0];
        let rings =
            Event::Progress { leg: target, is_ringing: true, description: None, signalled_from: FROM };
        assert_eq!(bench.signal(rings), [format!("tell {} Ringing", name(&bench, by))]);
        assert_eq!(bench.answer(target), ["answered by callee"]);
        let words = bench.agreed(target, Direction::SendRecv);
        let (by_name, stays_name) = (name(&bench, by), name(&bench, stays));
        assert_eq!(
            words,
            [
                format!("tell {by_name} Done"),
                format!("hang up {by_name} Hangup"),
                format!("{stays_name} hears callee"),
                format!("callee hears {stays_name}"),
            ]
        );
        assert_eq!((bench.call.caller.leg, bench.call.partner), (stays, Some(target)));
        assert_eq!(
            bench.signal(Event::Ended { leg: by, cause: EndCause::Hangup }),
            [format!("remove {by_name}")]
        );
        let words = bench.signal(Event::Ended { leg: target, cause: EndCause::Hangup });
        assert_eq!(words, ["remove callee".to_owned(), format!("hang up {stays_name} Hangup")]);
        bench.signal(Event::Ended { leg: stays, cause: EndCause::Hangup });
        assert!(bench.call.is_over());
    }
}

#[test]
fn a_target_that_is_busy_leaves_the_call_as_it_was() {
    let (mut bench, callee) = Bench::talking(user());
    let target = ringing(&mut bench, callee, user())[0];
    let words = bench.signal(Event::Ended { leg: target, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "tell callee Failed(Busy)"]);
    assert_eq!(bench.call.partner, Some(callee));
    let again = ringing(&mut bench, callee, user())[0];
    bench.answer(again);
    assert!(bench.agreed(again, Direction::SendRecv).contains(&"tell callee Done".to_owned()));
}

#[test]
fn the_first_of_several_to_answer_gets_the_call() {
    let (mut bench, callee) = Bench::talking(user());
    let targets = ringing(&mut bench, callee, BridgeTarget::User("two".into()));
    let words = bench.answer(targets[1]);
    assert_eq!(words, ["answered by callee", "hang up callee AnsweredElsewhere"]);
    bench.signal(Event::Ended { leg: targets[0], cause: EndCause::AnsweredElsewhere });
    bench.agreed(targets[1], Direction::SendRecv);
    assert_eq!(bench.call.partner, Some(targets[1]));
}

#[test]
fn early_media_that_is_the_answer_too_is_kept_until_then() {
    let (mut bench, callee) = Bench::talking(user());
    let leg = ringing(&mut bench, callee, trunk())[0];
    let description = Some(description());
    let early = Event::Progress { leg, is_ringing: false, description, signalled_from: FROM };
    assert_eq!(bench.signal(early), ["answered by callee"]);
    assert!(bench.agreed(leg, Direction::SendRecv).is_empty(), "nobody hears it yet");
    let words = bench.signal(Event::Answered { leg, description: None, signalled_from: FROM });
    assert_eq!(words[0], "tell callee Done");
}

#[test]
fn who_asks_and_leaves_lets_the_other_wait_like_a_caller() {
    for is_by_caller in [true, false] {
        let (mut bench, callee) = Bench::talking(user());
        let caller = bench.caller;
        let (by, stays) = if is_by_caller { (caller, callee) } else { (callee, caller) };
        let target = ringing(&mut bench, by, user())[0];
        // A page closes its media first.
        bench.media(CallEvent::LegClosed { leg: by });
        let words = bench.signal(Event::Ended { leg: by, cause: EndCause::Hangup });
        assert_eq!(
            words,
            [format!("remove {}", name(&bench, by)), format!("{} hears silence", name(&bench, stays))]
        );
        bench.now += Duration::from_secs(5);
        bench.call.handle_timeout(&World, bench.now);
        assert!(bench.effects().is_empty(), "nobody else has gone");
        let words = bench.answer(target);
        assert!(words.contains(&format!("{} hears callee", name(&bench, stays))), "{words:?}");
        assert!(bench.agreed(target, Direction::SendRecv).is_empty());
        assert_eq!((bench.call.caller.leg, bench.call.partner), (stays, Some(target)));
    }
    let (mut bench, callee) = Bench::talking(user());
    let target = ringing(&mut bench, callee, user())[0];
    bench.signal(Event::Ended { leg: callee, cause: EndCause::Hangup });
    let words = bench.signal(Event::Ended { leg: target, cause: EndCause::Busy });
    assert_eq!(words, ["remove callee", "hang up caller Busy"], "there is no call to come back to");
}

#[test]
fn when_the_other_hangs_up_those_who_ring_are_told() {
    let (mut bench, callee) = Bench::talking(user());
    ringing(&mut bench, callee, user());
    let leg = bench.caller;
    let words = bench.signal(Event::Ended { leg, cause: EndCause::Hangup });
    let expected =
        ["remove caller", "hang up callee Cancelled", "tell callee Failed(Hangup)", "hang up callee Hangup"];
    assert_eq!(words, expected);
}

#[test]
fn a_service_takes_who_stays_at_once_and_a_room_on_another_thread_does_not() {
    let (mut bench, callee) = Bench::talking(user());
    ask(&mut bench, callee);
    let words = routed(&mut bench, run(vec![Step::Answer, play(1, false)]));
    let expected = ["tell callee Began", "tell callee Done", "hang up callee Hangup", "caller hears prompt"];
    assert_eq!(words, expected);
    let (mut bench, callee) = Bench::talking(user());
    ask(&mut bench, callee);
    let (room, role) = (Arc::from("42"), ConferenceRole::Party);
    let conference = Step::Conference(Conference {
        room,
        role,
        target: None,
        gain_db: 0.0,
        is_muted: false,
        keys: FeatureKeys::default(),
    });
    let words = routed(&mut bench, run(vec![Step::Answer, conference]));
    assert_eq!(words, ["tell callee Failed(NotAcceptable)"]);
}

#[test]
fn each_transfer_takes_a_hop_so_that_they_come_to_an_end() {
    let (mut bench, callee) = Bench::talking(user());
    bench.call.hops = 1;
    ask(&mut bench, callee);
    let words = routed(&mut bench, run(vec![bridge_to(user())]));
    assert_eq!(words, ["tell callee Began", "tell callee Failed(TooManyHops)"]);
    ask(&mut bench, callee);
    let words = routed(&mut bench, run(vec![bridge_to(user())]));
    assert_eq!(words, ["tell callee Failed(TooManyHops)"]);
}

#[test]
fn the_target_is_told_who_calls_and_who_transfers() {
    let (mut bench, callee) = Bench::talking(user());
    ask(&mut bench, callee);
    routed(&mut bench, run(vec![bridge_to(trunk())]));
    let leg = bench.call.callees[1].leg;
    let ready = CallEvent::OfferReady { leg, description: description() };
    bench.call.handle_input(Input::Media(ready), &World, bench.now);
    let Some(Effect::Signal { command: Command::Dial(dial), .. }) = bench.call.poll_effect() else {
        panic!("nobody is dialled");
    };
    assert_eq!(dial.caller.user, "alice");
    assert_eq!(dial.transferred_by.map(|party| party.user).as_deref(), Some("bob"));
    assert_eq!(
        bench.signal(Event::Ended { leg, cause: EndCause::Busy })[1],
        told(TransferProgress::Failed(EndCause::Busy))
    );
}

#[test]
fn the_recording_goes_on_in_a_new_file_with_who_stays() {
    let steps = vec![Step::Record(record(RecordingFormat::Wav)), bridge_to(user())];
    let mut bench = Bench::new(steps, true);
    bench.talk();
    let caller = bench.caller;
    let target = ringing(&mut bench, caller, user())[0];
    bench.answer(target);
    let words = bench.agreed(target, Direction::SendRecv);
    assert!(words.contains(&"stop recording".to_owned()), "{words:?}");
    assert!(words.contains(&"record callee as Wav".to_owned()), "{words:?}");
}

fn told(progress: TransferProgress) -> String {
    format!("tell callee {progress:?}")
}

/// Somebody outside asks: no party is told how it goes, for it asked for nothing.
#[test]
fn a_transfer_that_somebody_outside_asks_for_is_told_no_party_and_noted() {
    let (mut bench, callee) = Bench::talking(user());
    let leg = bench.caller;
    let wish = Wish::Transfer("carol".into());
    bench.call.handle_input(Input::Control(Control { leg, wish: wish.clone() }), &World, bench.now);
    assert_eq!(bench.effects(), ["route User(\"alice\") to carol"]);
    assert_eq!(ask(&mut bench, callee), ["tell callee Failed(Glare)"], "who asks itself is told");
    let refusal = Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule };
    assert_eq!(routed(&mut bench, refusal), ["note of caller Failed(NotFound)"]);
    assert_eq!(ask(&mut bench, leg), ["route User(\"alice\") to carol"]);
    bench.call.handle_input(Input::Control(Control { leg: callee, wish }), &World, bench.now);
    assert_eq!(bench.effects(), ["note of callee Failed(Glare)"], "one at a time, whoever asks");
    let refusal = Decision::Refuse { cause: EndCause::NotFound, reason: Refusal::NoRule };
    assert_eq!(routed(&mut bench, refusal), ["tell caller Failed(NotFound)"]);
}
