//! A caller that changes by keys what it is in a conference.

use super::*;
use crate::routing::{Feature, PartyFeature};

const HELD: Duration = Duration::from_millis(100);

/// A supervisor in a conference, with a key for everything.
fn meeting() -> (Bench, LegId) {
    let keys = [
        ("*6", PartyFeature::Mute),
        ("*4", PartyFeature::Softer),
        ("*7", PartyFeature::Louder),
        ("*1", PartyFeature::Listen),
        ("*2", PartyFeature::Whisper),
        ("*3", PartyFeature::Barge),
    ];
    let keys = FeatureKeys::new(keys.map(|(keys, feature)| (keys, Feature::Party(feature)))).expect("sound");
    let (room, role, target) = (Arc::from("42"), ConferenceRole::Listen, Some(Arc::from("bob")));
    let conference = Conference { room, role, target, gain_db: 6.0, is_muted: false, keys };
    let mut bench = Bench::new(vec![Step::Answer, Step::Conference(conference), play(1, false)], true);
    let leg = bench.caller;
    bench.media(CallEvent::AnswerReady { leg, description: description() });
    (bench, leg)
}

fn press(bench: &mut Bench, leg: LegId, keys: &str) -> Vec<String> {
    let press = |key| bench.signal(Event::DigitPressed { leg, digit: key, duration: HELD });
    keys.chars().flat_map(press).collect()
}

#[test]
fn keys_change_what_the_caller_is_in_its_conference() {
    let (mut bench, leg) = meeting();
    assert!(press(&mut bench, leg, "*6").is_empty(), "it is not in yet");
    bench.media(CallEvent::ConferenceJoined { leg, parties: 2 });
    for (keys, expected) in [
        ("*6", "caller is Listen at 6 dB, muted true"),
        ("*6", "caller is Listen at 6 dB, muted false"),
        ("*2", "caller is Whisper { to: \"bob\" } at 6 dB, muted false"),
        ("*3", "caller is Barge at 6 dB, muted false"),
        ("*7", "caller is Barge at 9 dB, muted false"),
        ("*7", "caller is Barge at 12 dB, muted false"),
        ("*7", "caller is Barge at 12 dB, muted false"),
        ("*4", "caller is Barge at 9 dB, muted false"),
        ("*1", "caller is Listen at 9 dB, muted false"),
    ] {
        assert_eq!(press(&mut bench, leg, keys), [expected], "{keys}");
    }
    assert!(press(&mut bench, leg, "5*8").is_empty(), "nobody hears keys in a conference");
}

#[test]
fn keys_of_a_conference_that_is_full_do_nothing() {
    let (mut bench, leg) = meeting();
    bench.media(CallEvent::ConferenceRefused { leg });
    assert!(press(&mut bench, leg, "*6").is_empty());
}
