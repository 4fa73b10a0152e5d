//! How long digits take, to a phone and back from it.

use webtrunk_loadtest::report::{Distribution, Report};
use webtrunk_loadtest::verdict::FindingKind;

use crate::faulty::{Fault, FaultyGateway};
use crate::stage::{TWO_CALLS, free_address, play, scenario_text};
use crate::verdicts::assert_named;

/// Two calls in which the caller presses three digits, which the phone returns where it is to.
async fn with_digits(fault: Fault, does: &str, thresholds: &str) -> Report {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, fault).await;
    let traffic =
        format!("{TWO_CALLS}\nsteps = [{{ after = 1.0, digits = \"12#\" }}]\n[thresholds]\n{thresholds}\n");
    let text = scenario_text(gateway.address(), phone, &traffic, "");
    let bind = format!("bind = \"{phone}\"");
    play(&text.replacen(&bind, &format!("{bind}\ndigits = \"{does}\""), 1)).await
}

fn times(report: &Report) -> [Option<Distribution>; 2] {
    [report.summary.digit_way_ms, report.summary.digit_round_trip_ms]
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_that_the_phone_returns_are_timed_there_and_back() {
    let report = with_digits(Fault::None, "return", "digit_way_p95_ms_max = 1000.0").await;
    assert_named(&report, &[]);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        assert_eq!((answerer.digits.as_str(), verdict.to_caller.digits.as_str()), ("12#", "12#"));
        assert_eq!(verdict.to_caller.digit_trips, [], "what was returned was not pressed");
        let keys: String = answerer.digit_trips.iter().map(|it| it.digit).collect();
        assert_eq!(keys, "12#");
        for trip in &answerer.digit_trips {
            let (way, back) = trip.way_ms.zip(trip.round_trip_ms).unwrap_or_else(|| panic!("{trip:?}"));
            assert!(way >= 0.0 && back >= way, "{trip:?}");
        }
    }
    let [Some(way), Some(back)] = times(&report) else { panic!("{:?}", report.summary) };
    assert_eq!((way.count, back.count, report.summary.digits), (6, 6, 6));
    // Half of them are not late, even where the machine is.
    assert!(way.p50 < 100.0 && back.p50 < 200.0, "{way:?} {back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_delays_by_200_ms_takes_400_ms_more_to_return_a_digit() {
    let limit = "digit_round_trip_p95_ms_max = 350.0\nfaulty_percent_max = 100.0";
    let quick = with_digits(Fault::None, "return", limit).await;
    let slow = with_digits(Fault::DelaysBy200Ms, "return", limit).await;
    assert_named(&slow, &[FindingKind::Late]);
    let [[Some(quick_way), Some(quick_back)], [Some(way), Some(back)]] = [times(&quick), times(&slow)] else {
        panic!("{:?} {:?}", quick.summary, slow.summary)
    };
    assert_eq!((way.count, back.count), (6, 6));
    assert!(way.min >= 199.0 && back.min >= 398.0, "{way:?} {back:?}");
    let more = [way.p50 - quick_way.p50, back.p50 - quick_back.p50];
    assert!((150.0..300.0).contains(&more[0]) && (330.0..550.0).contains(&more[1]), "{more:?}");
    let broken: Vec<_> = slow.breaches.iter().map(|it| it.threshold.as_str()).collect();
    assert_eq!(broken, ["digit_round_trip_p95_ms_max"]);
    assert!(slow.summary.digits_told().is_some_and(|it| it.contains("6 came back")), "{:?}", slow.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_that_nobody_returns_are_timed_there_alone() {
    let report = with_digits(Fault::None, "hear", "").await;
    assert_named(&report, &[]);
    let [Some(way), None] = times(&report) else { panic!("{:?}", report.summary) };
    assert_eq!(way.count, 6);
    let lost = with_digits(Fault::LosesDigits, "return", "").await;
    assert_named(&lost, &[FindingKind::Lossy, FindingKind::DigitsLost]);
    assert_eq!((lost.summary.digits, times(&lost)), (6, [None, None]));
}
