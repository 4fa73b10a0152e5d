//! What is said of parties' recordings, against what the plan says and parties ask for.

use super::*;
use crate::adapter::RecordWish;
use crate::routing::Decision;

/// Alice, of whom this is said, talks to one whom she calls after these steps; that one's leg, and what the answer brought.
fn talking(caller: RecordingPolicy, mut steps: Vec<Step>, callee: &str) -> (Bench, LegId, Vec<String>) {
    steps.push(Step::Bridge(bridge(BridgeTarget::User(callee.into()))));
    let mut bench = Bench::new(steps, true);
    bench.call.caller.recording = caller;
    let (callee, words) = bench.talk();
    (bench, callee, words)
}

fn planned(format: RecordingFormat) -> Step {
    Step::Record(record(format))
}

fn on_demand() -> Step {
    Step::Record(Record { is_on_demand: true, takes_requests: true, ..record(RecordingFormat::Wav) })
}

/// Alice brings one whom she talks with in another call, up to where that one is called.
fn bring(bench: &mut Bench) -> LegId {
    let leg = bench.caller;
    bench.signal(Event::MergeAsked { leg, with: LegId::next(), peer: "carol".into() });
    bench.call.callees.last().expect("the tie calls").leg
}

fn bind(bench: &mut Bench, leg: LegId, policy: RecordingPolicy) -> Vec<String> {
    bench.signal(Event::RecordingBound { leg, policy })
}

#[test]
fn who_is_always_recorded_is_whatever_the_plan_says_and_who_is_never_recorded_is_not() {
    for (caller, steps, callee, expected) in [
        (RecordingPolicy::ByRule, vec![], "bob", &["answer caller"][..]),
        (RecordingPolicy::ByRule, vec![], "kept", &["record caller as Wav", "answer caller"]),
        (RecordingPolicy::Always, vec![], "bob", &["record caller as Wav", "answer caller"]),
        (
            RecordingPolicy::Always,
            vec![planned(RecordingFormat::Ogg)],
            "bob",
            &["record caller as Ogg", "answer caller"],
        ),
        (
            RecordingPolicy::ByRule,
            vec![planned(RecordingFormat::Wav), Step::StopRecording],
            "kept",
            &["record caller as Wav", "answer caller"],
        ),
        (RecordingPolicy::ByRule, vec![planned(RecordingFormat::Ogg)], "private", &["answer caller"]),
        (RecordingPolicy::Never, vec![planned(RecordingFormat::Ogg)], "bob", &["answer caller"]),
        (RecordingPolicy::Always, vec![], "private", &["answer caller"]),
    ] {
        let (_, _, words) = talking(caller, steps, callee);
        assert_eq!(words, expected, "{caller:?} {callee}");
    }
}

#[test]
fn who_rings_decides_nothing_and_who_lifts_does() {
    let steps = vec![Step::Answer, planned(RecordingFormat::Wav), Step::Bridge(bridge_to("private"))];
    let mut bench = Bench::new(steps, true);
    bench.effects();
    let leg = bench.caller;
    let words = bench.media(CallEvent::AnswerReady { leg, description: description() });
    assert!(words.contains(&"record caller as Wav".to_owned()), "{words:?}");
    let callee = bench.dial_all()[0];
    let rings = Event::Progress { leg: callee, is_ringing: true, description: None, signalled_from: FROM };
    assert!(!bench.signal(rings).contains(&"stop recording".to_owned()));
    assert!(bench.answer(callee).contains(&"stop recording".to_owned()));
}

fn bridge_to(callee: &str) -> Bridge {
    bridge(BridgeTarget::User(callee.into()))
}

#[test]
fn nobody_gets_less_than_is_always_recorded_nor_anything_of_who_is_never_recorded() {
    let ask = |bench: &mut Bench, wish| {
        let leg = bench.caller;
        bench.signal(Event::RecordAsked { leg, wish })
    };
    let (mut bench, _, words) = talking(RecordingPolicy::Always, vec![on_demand()], "bob");
    assert_eq!(words, ["record caller as Wav", "answer caller"]);
    for (wish, is_done) in [(RecordWish::Off, false), (RecordWish::Pause, false), (RecordWish::On, true)] {
        assert_eq!(ask(&mut bench, wish), [format!("record of caller {is_done}")], "{wish:?}");
    }
    assert!(ask(&mut bench, RecordWish::Off).contains(&"record of caller false".to_owned()));

    let (mut bench, _, _) = talking(RecordingPolicy::Never, vec![on_demand()], "bob");
    for (wish, is_done) in [(RecordWish::On, false), (RecordWish::Pause, false), (RecordWish::Off, true)] {
        assert_eq!(ask(&mut bench, wish), [format!("record of caller {is_done}")], "{wish:?}");
    }
}

#[test]
fn a_recording_that_ends_by_itself_is_begun_again_where_a_party_asks_for_it_alone() {
    let (mut bench, _, _) = talking(RecordingPolicy::Always, vec![on_demand()], "bob");
    let full = CallEvent::RecordingStopped { file: None, end: RecordingEnd::DiskFull };
    assert!(bench.media(full).is_empty(), "the disk is as full as before");
    let leg = bench.caller;
    let words = bench.signal(Event::RecordAsked { leg, wish: RecordWish::On });
    assert_eq!(words, ["record caller as Wav", "record of caller true"]);
}

#[test]
fn a_call_is_recorded_without_one_who_came_and_is_never_recorded() {
    let (mut bench, _, words) = talking(RecordingPolicy::ByRule, vec![planned(RecordingFormat::Wav)], "bob");
    assert_eq!(words, ["record caller as Wav", "answer caller"]);
    let guest = bring(&mut bench);
    bench.media(CallEvent::OfferReady { leg: guest, description: description() });
    assert!(bind(&mut bench, guest, RecordingPolicy::Never).is_empty(), "it is not there");
    assert!(bench.answer(guest).contains(&"stop recording".to_owned()));
    bench.agreed(guest, Direction::SendRecv);
    assert_eq!(bind(&mut bench, guest, RecordingPolicy::ByRule), ["record caller as Wav"]);
    assert!(bind(&mut bench, guest, RecordingPolicy::Always).is_empty(), "it is recorded");
    assert_eq!(bind(&mut bench, guest, RecordingPolicy::Never), ["stop recording"]);
    let words = bench.signal(Event::Ended { leg: guest, cause: EndCause::Hangup });
    assert!(words.contains(&"record caller as Wav".to_owned()), "{words:?}");
}

#[test]
fn what_credentials_say_of_a_party_counts_where_nothing_is_said_of_its_customer() {
    let plan = || vec![planned(RecordingFormat::Wav)];
    let (mut bench, callee, _) = talking(RecordingPolicy::ByRule, plan(), "bob");
    assert_eq!(bind(&mut bench, callee, RecordingPolicy::Never), ["stop recording"]);
    let (mut bench, callee, _) = talking(RecordingPolicy::ByRule, vec![], "bob");
    assert_eq!(bind(&mut bench, callee, RecordingPolicy::Always), ["record caller as Wav"]);
    let (mut bench, callee, _) = talking(RecordingPolicy::ByRule, plan(), "kept");
    assert!(bind(&mut bench, callee, RecordingPolicy::Never).is_empty(), "it is always recorded");
    let (mut bench, callee, words) = talking(RecordingPolicy::ByRule, vec![], "private");
    assert_eq!(words, ["answer caller"]);
    assert!(bind(&mut bench, callee, RecordingPolicy::Always).is_empty(), "it is never recorded");
}

#[test]
fn the_other_end_of_a_tie_is_told_of_who_is_there() {
    let (mut bench, callee, _) = talking(RecordingPolicy::ByRule, vec![], "kept");
    let guest = bring(&mut bench);
    let words = bench.media(CallEvent::OfferReady { leg: guest, description: description() });
    assert_eq!(words, ["dial callee", "tell callee Recording(Always)"]);
    bench.answer(guest);
    bench.agreed(guest, Direction::SendRecv);
    assert!(
        bind(&mut bench, guest, RecordingPolicy::Always).is_empty(),
        "what is told of it is not told to it"
    );
    bind(&mut bench, guest, RecordingPolicy::ByRule);
    let words = bench.signal(Event::Ended { leg: callee, cause: EndCause::Hangup });
    let last = &words[words.len() - 2..];
    assert_eq!(last, ["tell callee Recording(ByRule)", "stop recording"], "{words:?}");
}

#[test]
fn where_who_has_it_recorded_hands_the_call_on_the_recording_ends_and_no_other_begins() {
    let (mut bench, _, _) = talking(RecordingPolicy::Always, vec![], "bob");
    let leg = bench.caller;
    bench.signal(Event::TransferAsked { leg, destination: "carol".into(), replaces: None });
    let plan = Plan { rule: Arc::from("test"), steps: vec![Step::Bridge(bridge_to("carol"))] };
    bench.call.handle_input(Input::Routed(Decision::Run(plan)), &World, bench.now);
    bench.effects();
    let target = bench.call.callees.last().expect("carol is called").leg;
    bench.media(CallEvent::OfferReady { leg: target, description: description() });
    bench.answer(target);
    let words = bench.agreed(target, Direction::SendRecv);
    let of_recording: Vec<_> = words.iter().filter(|word| word.contains("record")).collect();
    assert_eq!(of_recording, ["stop recording"], "{words:?}");
}
