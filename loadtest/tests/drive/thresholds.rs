//! Every threshold in a run: broken by a target that is worse than it says, kept by one that is not.

use webtrunk_loadtest::report::Report;

use crate::faulty::Fault;
use crate::registrar::Registrar;
use crate::stage::{TWO_CALLS, free_address, play, report_of, scenario_text};

/// The keys of those that were broken.
fn broken(report: &Report) -> Vec<&str> {
    report.breaches.iter().map(|it| it.threshold.as_str()).collect()
}

/// Two calls in which digits are pressed, through a gateway that loses five percent.
async fn lossy(thresholds: &str) -> Report {
    let steps = "steps = [{ after = 1.0, digits = \"12\" }]";
    report_of(Fault::DropsFivePercent, &format!("{TWO_CALLS}\n{steps}\n[thresholds]\n{thresholds}\n")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_threshold_is_broken_by_a_target_that_is_worse_and_kept_by_one_that_is_not() {
    let strict = lossy(
        "faulty_percent_max = 50.0\nsetup_p95_ms_max = 0.001\nmouth_to_ear_p95_ms_max = 1.0\n\
         digit_way_p95_ms_max = 0.0\nloss_percent_max = 2.0\nmos_p5_min = 4.45",
    )
    .await;
    assert_eq!((strict.summary.calls, strict.summary.failed), (2, 0), "{:?}", strict.summary.causes);
    let keys = [
        "faulty_percent_max",
        "setup_p95_ms_max",
        "mouth_to_ear_p95_ms_max",
        "digit_way_p95_ms_max",
        "loss_percent_max",
        "mos_p5_min",
    ];
    // A load tester that was late itself calls no call faulty for what it lost.
    let is_faulty = strict.summary.faulty == 2;
    let due: Vec<_> = keys.into_iter().filter(|it| is_faulty || *it != "faulty_percent_max").collect();
    assert_eq!(broken(&strict), due, "{:?}", strict.breaches);
    assert!(strict.breaches.iter().all(|it| it.measured.is_some()), "{:?}", strict.breaches);

    let patient = lossy(
        "failed_percent_max = 0.0\nfaulty_percent_max = 100.0\nsetup_p95_ms_max = 9000.0\n\
         mouth_to_ear_p95_ms_max = 2000.0\ndigit_way_p95_ms_max = 2000.0\nloss_percent_max = 50.0\nmos_p5_min = 1.0",
    )
    .await;
    assert_eq!(broken(&patient), [""; 0], "{:?}", patient.breaches);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_refused_break_the_threshold_of_those_that_fail() {
    let (registrar, phone) = (Registrar::start().await, free_address());
    for (most, expected) in [(99.0, &["failed_percent_max"][..]), (100.0, &[][..])] {
        let thresholds = format!("{TWO_CALLS}\n[thresholds]\nfailed_percent_max = {most:.1}");
        let report = play(&scenario_text(registrar.address(), phone, &thresholds, "")).await;
        assert_eq!((report.summary.calls, report.summary.failed), (2, 2), "{:?}", report.summary.causes);
        assert!(report.summary.causes.keys().all(|it| it.contains("480")), "{:?}", report.summary.causes);
        assert_eq!(broken(&report), expected, "{:?}", report.breaches);
    }
}
