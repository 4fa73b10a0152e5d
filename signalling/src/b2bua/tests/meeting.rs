//! More than two in a call: a party of another call, and supervisors. And a party that is away.

use webtrunk_engine::media::quality::AudioState;

use super::*;
use crate::adapter::{Supervising, SupervisorMode};

/// Two that talk, of whom alice brings whom she talks with elsewhere; that one's leg.
fn merged() -> (Bench, LegId, LegId) {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    let asked = Event::MergeAsked { leg: caller, with: LegId::next(), peer: "carol".into() };
    assert_eq!(bench.signal(asked), ["tell caller Began", "add callee", "offer callee"]);
    let guest = bench.call.callees.last().expect("the tie calls").leg;
    assert_eq!(
        bench.media(CallEvent::OfferReady { leg: guest, description: description() }),
        ["dial callee"]
    );
    assert_eq!(bench.answer(guest), ["answered by callee"]);
    assert_eq!(
        bench.agreed(guest, Direction::SendRecv),
        [
            "tell caller Done",
            "caller joins as alice Party",
            "callee joins as bob Party",
            "callee joins as carol Party",
        ]
    );
    (bench, callee, guest)
}

fn ended(bench: &mut Bench, leg: LegId) -> Vec<String> {
    bench.signal(Event::Ended { leg, cause: EndCause::Hangup })
}

/// Somebody wants to supervise a leg; its own, and what comes of it.
fn supervise(bench: &mut Bench, of: LegId, who: &str) -> (LegId, Vec<String>) {
    let leg = LegId::next();
    let incoming = Incoming {
        leg,
        origin: Origin::User(who.into()),
        caller: Party { user: who.into(), display_name: String::new() },
        destination: String::new(),
        device: None,
        profile: MediaProfile::Webrtc,
        offer: Some(description()),
        signalled_from: FROM,
        listener: "test".into(),
        headers: Vec::new(),
        recording: RecordingPolicy::ByRule,
        hops: HOPS_MAX,
        passed: crate::adapter::Passage::default(),
        replaces: None,
        span: Span::none(),
    };
    let asked = Box::new(Supervising { incoming, user: "bob".into(), mode: SupervisorMode::Listen });
    bench.call.handle_input(Input::Supervisor { adapter: "sip", asked, of }, &World, bench.now);
    (leg, bench.effects())
}

/// The same of one who may, up to where it listens.
fn supervised() -> (Bench, LegId, LegId) {
    let (mut bench, callee) = Bench::talking(user());
    let (leg, words) = supervise(&mut bench, callee, "boss");
    assert_eq!(words, ["add callee", "offered by callee", "make answer for callee"]);
    assert_eq!(
        bench.media(CallEvent::AnswerReady { leg, description: description() }),
        [
            "answer callee",
            "caller joins as alice Party",
            "callee joins as bob Party",
            "callee joins as boss Listen",
        ]
    );
    (bench, callee, leg)
}

#[test]
fn whoever_of_three_leaves_the_others_talk_on() {
    for leaver in 0..3 {
        let (mut bench, callee, guest) = merged();
        let legs = [bench.caller, callee, guest];
        let words = ended(&mut bench, legs[leaver]);
        let hears = words.iter().filter(|word| word.contains(" hears ")).count();
        assert_eq!((words[0].starts_with("remove "), hears), (true, 2), "{words:?}");
        let [one, other] = [bench.call.caller.leg, bench.call.partner.expect("another")];
        assert!(one != other && [one, other].iter().all(|leg| legs.contains(leg) && *leg != legs[leaver]));
        let words = ended(&mut bench, one);
        assert!(words.iter().any(|word| word.starts_with("hang up ")), "{words:?}");
        ended(&mut bench, other);
        assert!(bench.call.is_over());
    }
}

#[test]
fn one_whose_media_fails_leaves_the_others_together_and_a_hold_among_three_changes_nothing() {
    let (mut bench, callee, guest) = merged();
    assert!(bench.agreed(callee, Direction::Inactive).is_empty(), "who holds is not heard");
    let muted = bench.signal(Event::MuteAsked { leg: guest, is_muted: true });
    assert_eq!(muted, ["callee is Party at 0 dB, muted true"]);
    let failed = CallEvent::LegFailed { leg: guest, reason: "lost".into(), cause: EndCause::MediaFailed };
    let words = bench.media(failed);
    assert_eq!(words[0], "hang up callee MediaFailed");
    assert!(!bench.call.is_over() && !words.contains(&"hang up caller MediaFailed".to_owned()));
    ended(&mut bench, guest);
    let words = ended(&mut bench, callee);
    assert!(words.contains(&"hang up caller Hangup".to_owned()), "{words:?}");
}

#[test]
fn a_merge_that_nobody_takes_part_in_leaves_the_call_as_it_was() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    let merge = |leg, with| Event::MergeAsked { leg, with, peer: "carol".into() };
    assert_eq!(bench.signal(merge(caller, callee)), ["tell caller Failed(NotAcceptable)"], "they are in it");
    bench.signal(merge(caller, LegId::next()));
    assert_eq!(bench.signal(merge(caller, LegId::next())), ["tell caller Failed(Glare)"]);
    let guest = bench.call.callees.last().expect("the tie calls").leg;
    bench.media(CallEvent::OfferReady { leg: guest, description: description() });
    let words = bench.signal(Event::Ended { leg: guest, cause: EndCause::Forbidden });
    assert_eq!(words, ["remove callee", "tell caller Failed(Forbidden)"]);
    assert_eq!((bench.call.caller.leg, bench.call.partner), (caller, Some(callee)));
}

#[test]
fn a_supervisor_is_what_it_asks_to_be_and_leaves_as_it_came() {
    let (mut bench, _, leg) = supervised();
    for (mode, role) in [
        (SupervisorMode::Whisper, "Whisper { to: \"bob\" }"),
        (SupervisorMode::Barge, "Barge"),
        (SupervisorMode::Listen, "Listen"),
    ] {
        let words = bench.signal(Event::ModeAsked { leg, mode });
        assert_eq!(words, [format!("callee is {role} at 0 dB, muted false")]);
    }
    let words = ended(&mut bench, leg);
    assert_eq!(words, ["remove callee", "caller hears callee", "callee hears caller"]);
}

#[test]
fn where_one_of_the_two_leaves_the_supervisor_has_nobody_to_listen_to() {
    let (mut bench, callee, leg) = supervised();
    let words = ended(&mut bench, callee);
    assert_eq!(words, ["remove callee", "hang up callee Hangup", "hang up caller Hangup"]);
    let caller = bench.caller;
    for leg in [leg, caller] {
        ended(&mut bench, leg);
    }
    assert!(bench.call.is_over());
}

#[test]
fn only_who_may_supervises_and_only_who_talks_is_supervised() {
    let (mut bench, callee) = Bench::talking(user());
    let caller = bench.caller;
    assert_eq!(supervise(&mut bench, callee, "eve").1, ["refuse callee Forbidden"]);
    assert_eq!(supervise(&mut bench, caller, "boss").1, ["refuse callee Forbidden"]);
    assert_eq!(supervise(&mut bench, LegId::next(), "boss").1, ["refuse callee NotFound"]);
    let mut bench = Bench::calling(user());
    let callee = bench.dial_all()[0];
    assert_eq!(supervise(&mut bench, callee, "boss").1, ["refuse callee NotAcceptable"], "it rings");
}

#[test]
fn while_a_page_is_away_and_not_heard_the_other_hears_something_else() {
    let (mut bench, callee) = Bench::talking(user());
    let heard = |leg, before, now| CallEvent::AudioChanged { leg, before, now };
    let (speech, nothing) = (AudioState::Speech, AudioState::NoRtp);
    assert!(bench.media(heard(callee, speech, nothing)).is_empty(), "a burst of loss");
    assert!(bench.media(heard(callee, nothing, speech)).is_empty());
    assert!(bench.signal(Event::AwayTold { leg: callee, is_away: true }).is_empty(), "it is heard");
    assert_eq!(bench.media(heard(callee, speech, nothing)), ["caller hears silence"], "there is no music");
    assert_eq!(bench.media(heard(callee, nothing, speech)), ["caller hears callee"]);
    bench.media(heard(callee, speech, nothing));
    assert_eq!(bench.signal(Event::AwayTold { leg: callee, is_away: false }), ["caller hears callee"]);
}
