//! Parties that change the recording while they talk: by keys, and in signalling.

use super::*;
use crate::adapter::RecordWish;
use crate::routing::{Feature, RecordingFeature};

const HELD: Duration = Duration::from_millis(100);

fn on_demand(is_for_trunks: bool) -> Step {
    let keys = [
        ("*1", Feature::Recording(RecordingFeature::Record)),
        ("*2", Feature::Recording(RecordingFeature::Pause)),
        ("*3", Feature::Recording(RecordingFeature::Mark)),
    ];
    let keys = FeatureKeys::new(keys).expect("sound");
    let plan = Record { is_on_demand: true, keys, takes_requests: true, ..record(RecordingFormat::Wav) };
    Step::Record(Record { is_for_trunks, ..plan })
}

/// A user that talks to a trunk's party, after this step.
fn talking(step: Step) -> (Bench, LegId, LegId) {
    let bridge = bridge(trunk());
    let mut bench = Bench::new(vec![step, Step::Bridge(bridge)], true);
    let (callee, words) = bench.talk();
    assert_eq!(words, ["answer caller"], "nobody has asked yet");
    let caller = bench.caller;
    bench.call.callees[0].origin = Origin::Trunk("provider".into());
    (bench, caller, callee)
}

/// A party presses keys, in signalling or in media.
fn press(bench: &mut Bench, leg: LegId, keys: &str, is_in_media: bool) -> Vec<String> {
    let mut words = Vec::new();
    for key in keys.chars() {
        if is_in_media {
            let digit = Digit::parse(key).expect("a key");
            words.extend(bench.media(CallEvent::DigitBegan { leg, digit }));
            words.extend(bench.media(CallEvent::DigitPressed { leg, digit, duration: HELD }));
        } else {
            words.extend(bench.signal(Event::DigitPressed { leg, digit: key, duration: HELD }));
        }
    }
    words
}

#[test]
fn keys_of_a_user_change_the_recording_and_nobody_else_hears_them() {
    for is_in_media in [false, true] {
        let (mut bench, caller, _) = talking(on_demand(false));
        for (keys, expected) in [
            ("*1", &["record caller as Wav"][..]),
            ("*2", &["pause recording"]),
            ("*2", &["resume recording"]),
            ("*3", &["mark recording"]),
            ("*2", &["pause recording"]),
            ("*1", &["stop recording"]),
            ("*2", &[]),
            ("*1", &["record caller as Wav"]),
        ] {
            assert_eq!(press(&mut bench, caller, keys, is_in_media), expected, "{keys}");
        }
    }
}

#[test]
fn keys_that_are_none_of_the_gateways_are_passed_on_late_but_in_their_order() {
    let (mut bench, caller, _) = talking(on_demand(false));
    assert_eq!(
        press(&mut bench, caller, "*5", true),
        ["send * to callee for 100ms", "begin 5 to callee", "end 5 to callee after 100ms"]
    );
    assert!(press(&mut bench, caller, "*", false).is_empty());
    let due_at = bench.call.poll_timeout().expect("a key is kept");
    assert_eq!(due_at, bench.now + Duration::from_secs(2));
    bench.call.handle_timeout(&World, due_at);
    assert_eq!(bench.effects(), ["send * to callee for 100ms"]);
    assert_ne!(bench.call.poll_timeout(), Some(due_at));
}

#[test]
fn a_trunks_party_changes_nothing_unless_the_plan_says_so() {
    let ask = |leg, wish| Event::RecordAsked { leg, wish };
    let (mut bench, caller, callee) = talking(on_demand(false));
    assert_eq!(
        press(&mut bench, callee, "*1", false),
        ["signal * to caller for 100ms", "signal 1 to caller for 100ms"]
    );
    assert_eq!(bench.signal(ask(callee, RecordWish::On)), ["record of callee false"]);
    assert_eq!(bench.signal(ask(caller, RecordWish::On)), ["record caller as Wav", "record of caller true"]);
    let (mut bench, _, callee) = talking(on_demand(true));
    assert_eq!(press(&mut bench, callee, "*1", false), ["record caller as Wav"]);
    assert_eq!(bench.signal(ask(callee, RecordWish::Off)), ["stop recording", "record of callee true"]);
}

#[test]
fn what_is_asked_in_signalling_is_done_where_it_makes_sense() {
    let (mut bench, leg, _) = talking(on_demand(false));
    for (wish, expected) in [
        (RecordWish::Pause, &["record of caller false"][..]),
        (RecordWish::Off, &["record of caller true"]),
        (RecordWish::On, &["record caller as Wav", "record of caller true"]),
        (RecordWish::On, &["record of caller true"]),
        (RecordWish::Pause, &["pause recording", "record of caller true"]),
        (RecordWish::Resume, &["resume recording", "record of caller true"]),
        (RecordWish::Off, &["stop recording", "record of caller true"]),
    ] {
        assert_eq!(bench.signal(Event::RecordAsked { leg, wish }), expected, "{wish:?}");
    }
    let silent =
        Step::Record(Record { takes_requests: false, is_on_demand: true, ..record(RecordingFormat::Wav) });
    let (mut bench, leg, _) = talking(silent);
    let asked = Event::RecordAsked { leg, wish: RecordWish::On };
    assert_eq!(bench.signal(asked), ["record of caller false"]);
}

#[test]
fn a_recording_whose_disk_is_full_can_be_begun_again_by_the_same_keys() {
    let (mut bench, caller, _) = talking(on_demand(false));
    press(&mut bench, caller, "*1", false);
    bench.media(CallEvent::RecordingStopped { file: None, end: RecordingEnd::DiskFull });
    assert_eq!(press(&mut bench, caller, "*1", false), ["record caller as Wav"]);
    press(&mut bench, caller, "*1", false);
    bench.media(CallEvent::RecordingStopped { file: None, end: RecordingEnd::Stopped });
    assert_eq!(press(&mut bench, caller, "*1", false), ["record caller as Wav"]);
}
