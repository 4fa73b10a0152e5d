//! A sample of the calls speaks, and is scored beside what was said.

use std::path::Path;

use webtrunk_loadtest::scenario::Scenario;
use webtrunk_loadtest::verdict::FindingKind;

use crate::faulty::Fault;
use crate::stage::{TWO_CALLS, found, report_of};

/// Both calls, with this part of them speaking.
pub(crate) fn speaking(every: usize) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/assets/announcement.wav");
    let file = file.to_str().expect("a path in UTF-8");
    format!("{TWO_CALLS}\n[speech]\nfile = {file:?}\nevery = {every}")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_of_two_speaks_and_is_scored_and_the_other_hums() {
    let report = report_of(Fault::None, &speaking(2)).await;
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    let scores = report.calls.iter().map(|call| {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        [&verdict.to_caller, answerer].map(|direction| {
            assert!(
                direction.is_heard && direction.gain_db.is_some_and(|gain| gain.abs() < 1.0),
                "{direction:?}"
            );
            direction.opinion
        })
    });
    let scores: Vec<_> = scores.collect();
    // The best that PCMU leaves is 4.05.
    assert!(scores[0].iter().all(|it| it.is_some_and(|score| score > 3.5)), "{scores:?}");
    assert_eq!(scores[1], [None, None]);
    assert_eq!(report.summary.opinion.map(|it| it.count), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_is_heard_in_speech_and_fails_the_run_by_its_threshold() {
    let text = format!("{}\n[verdict]\nloss_percent = 10\n[thresholds]\nopinion_p5_min = 3.9", speaking(1));
    let report = report_of(Fault::DropsFivePercent, &text).await;
    let scores = report.summary.opinion.expect("both spoke");
    assert!(scores.count == 4 && (1.5..3.7).contains(&scores.p50), "{scores:?}");
    assert!(report.breaches.iter().any(|it| it.threshold == "opinion_p5_min"), "{:?}", report.breaches);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_mutes_one_direction_is_found_by_speech_too() {
    let report = report_of(Fault::MutesTheAnswerer, &speaking(1)).await;
    for (call, kinds) in report.calls.iter().zip(found(&report)) {
        assert!(kinds.contains(&FindingKind::OneWay) && kinds.contains(&FindingKind::Silent), "{call:?}");
        assert_eq!(call.verdict.as_ref().and_then(|it| it.to_caller.opinion), None);
    }
}

#[test]
fn a_speech_that_cannot_be_is_told_by_its_line() {
    let text = crate::stage::scenario_text(
        ([127, 0, 0, 1], 5060).into(),
        ([127, 0, 0, 1], 5080).into(),
        &format!("{TWO_CALLS}\n[speech]\nfile = \"none.wav\"\nevery = 0"),
        "",
    );
    let told = Scenario::parse(Path::new("test.toml"), &text).expect_err("neither is right").to_string();
    for words in ["speech.every", "give 1 to 1000000", "speech.file", "none.wav", "3 to 60 s of speech"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
