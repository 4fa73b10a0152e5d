//! Who talks when: a silence that was to be is no fault, and one that was not is found beside it.

use webtrunk_loadtest::verdict::FindingKind;

use crate::faulty::Fault;
use crate::stage::{TWO_CALLS, report_of};
use crate::verdicts::assert_named;

/// Two calls at a time, in which each talks for a second and a half, and then the other.
fn in_turns(silence: &str) -> String {
    let talk = "talk = { turns = { fixed = 1.5 } }";
    format!("arrival = {{ constant = 10 }}\nlength = {{ fixed = 8 }}\n{talk}\nsilence = \"{silence}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn in_turns_the_silence_of_either_end_is_no_gap_however_it_is_sent() {
    for silence in ["sent", "unsent", "noise"] {
        let report = report_of(Fault::None, &in_turns(silence)).await;
        assert_named(&report, &[]);
        for call in &report.calls {
            let verdict = call.verdict.as_ref().expect("it was up");
            let answerer = verdict.to_answerer.as_ref().expect("the phone");
            for direction in [&verdict.to_caller, answerer] {
                assert!((3000.0..6000.0).contains(&direction.silent_ms), "{silence}: {direction:?}");
                assert!(direction.is_heard && direction.mos.is_some(), "{silence}: {direction:?}");
                assert!(direction.mouth_to_ear_ms.is_some(), "the beeps of speech are heard: {direction:?}");
                assert!(direction.gain_db.is_some_and(|gain| gain.abs() < 1.5), "{silence}: {direction:?}");
            }
        }
    }
}

/// Of eight seconds each is silent in three or so, when it likes.
#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_and_pauses_by_itself_is_heard_and_not_missed() {
    let spells =
        "spurts = { uniform = { min = 1.2, max = 1.8 } }, pauses = { uniform = { min = 0.8, max = 1.2 } }";
    let talk = format!("talk = {{ each = {{ {spells} }} }}\nsilence = \"unsent\"");
    let traffic = format!("arrival = {{ constant = 10 }}\nlength = {{ fixed = 8 }}\n{talk}");
    let report = report_of(Fault::None, &traffic).await;
    assert_named(&report, &[]);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        for direction in [&verdict.to_caller, answerer] {
            assert!(direction.is_heard && direction.mos.is_some(), "{direction:?}");
            assert!((1500.0..5000.0).contains(&direction.silent_ms), "{direction:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_to_say_nothing_is_not_missed() {
    for silence in ["sent", "unsent"] {
        let traffic = format!("{TWO_CALLS}\ntalk = \"caller\"\nsilence = \"{silence}\"");
        let report = report_of(Fault::None, &traffic).await;
        assert_named(&report, &[]);
        for call in &report.calls {
            let verdict = call.verdict.as_ref().expect("it was up");
            let answerer = verdict.to_answerer.as_ref().expect("the phone");
            assert!(answerer.is_heard && !verdict.to_caller.is_heard, "{silence}: {verdict:?}");
            assert_eq!((verdict.to_caller.sent == 0, answerer.silent_ms), (silence == "unsent", 0.0));
        }
    }
}

/// Also where nobody speaks to who is muted.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_to_speak_alone_and_is_not_heard_is_missed() {
    let traffic = format!("{TWO_CALLS}\ntalk = \"answerer\"");
    let report = report_of(Fault::MutesTheAnswerer, &traffic).await;
    assert_named(&report, &[FindingKind::OneWay, FindingKind::Silent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cuts_the_first_words_of_each_spurt_has_gaps_beside_the_silence() {
    let report = report_of(Fault::ClipsSpurts, &in_turns("unsent")).await;
    assert_named(&report, &[FindingKind::Gaps, FindingKind::Lossy]);
    let verdict = report.calls[0].verdict.as_ref().expect("it was up");
    let answerer = verdict.to_answerer.as_ref().expect("the phone");
    for direction in [&verdict.to_caller, answerer] {
        assert!((200.0..450.0).contains(&direction.longest_gap_ms), "{direction:?}");
    }
}
