//! Each fault is named, and nothing else is.

use webtrunk_loadtest::report::Report;
use webtrunk_loadtest::verdict::FindingKind;

use crate::faulty::Fault;
use crate::stage::{TWO_CALLS, found, report_of, report_over};

/// Both calls have these findings. What a busy machine adds is told apart: the load tester was late itself.
pub(crate) fn assert_named(report: &Report, expected: &[FindingKind]) {
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    for (call, kinds) in report.calls.iter().zip(found(report)) {
        let own = call.verdict.as_ref().map_or(0.0, |it| it.own_lateness_ms) > 40.0;
        let kinds: Vec<_> =
            kinds.into_iter().filter(|it| expected.contains(it) || !own || !it.may_be_own()).collect();
        assert_eq!(kinds, expected, "{:#?}", call.verdict);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_gateway_is_told_good_and_its_figures_are_right() {
    let steps = "steps = [{ after = 1.0, digits = \"12#\" }, { after = 2.0, hold = 0.5, by = \"answerer\" },\
                 { after = 3.5, refresh = true }, { after = 4.0, digits = \"7\", by = \"answerer\" }]";
    let report = report_of(Fault::None, &format!("{TWO_CALLS}\n{steps}")).await;
    assert_named(&report, &[]);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        assert_eq!((answerer.digits.as_str(), verdict.to_caller.digits.as_str()), ("12#", "7"));
        for direction in [&verdict.to_caller, answerer] {
            assert!(direction.received > 200 && direction.lost == 0, "{direction:?}");
            assert!(direction.gain_db.is_some_and(|gain| gain.abs() < 1.0), "{direction:?}");
            assert!(direction.mouth_to_ear_ms.is_some_and(|it| (15.0..60.0).contains(&it)), "{direction:?}");
            assert!(direction.mos.is_some_and(|mos| mos > 4.3), "{direction:?}");
        }
        assert!(call.setup_ms.is_some_and(|it| it < 2000.0) && call.talked_s > 5.9, "{call:?}");
        assert_eq!(call.codec.as_deref(), Some("PCMU"));
    }
    if report.fitness.is_fit {
        assert!(report.is_good(), "{}", report.sentence());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_drops_five_percent_is_lossy() {
    let report = report_of(Fault::DropsFivePercent, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::Lossy]);
    assert!((4.0..6.0).contains(&report.summary.loss_percent), "{}", report.summary.loss_percent);
    assert!(report.summary.mos.is_some_and(|mos| mos.p50 < 4.2), "{:?}", report.summary.mos);
    // Of a load tester that was late nothing is blamed on its target.
    assert!(!report.fitness.is_fit || !report.is_good());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_mutes_one_direction_has_one_way_audio() {
    let report = report_of(Fault::MutesTheAnswerer, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::OneWay, FindingKind::Silent]);
    let verdict = report.calls[0].verdict.as_ref().expect("it was up");
    assert_eq!(verdict.findings[0].detail, "the caller hears nothing");
    assert!(!verdict.to_caller.is_heard && verdict.to_answerer.as_ref().is_some_and(|it| it.is_heard));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_late_has_a_late_and_clipped_start() {
    let report = report_of(Fault::StartsLate, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::LateStart, FindingKind::ClippedStart]);
    let first = report.calls[0].verdict.as_ref().and_then(|it| it.to_caller.first_audio_ms);
    assert!(first.is_some_and(|it| (2000.0..3700.0).contains(&it)), "{first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_makes_all_quieter_is_told_by_how_much() {
    let report = report_of(Fault::Quiets, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::Level]);
    let gain = report.calls[0].verdict.as_ref().and_then(|it| it.to_caller.gain_db);
    assert!(gain.is_some_and(|it| (it + 12.0).abs() < 1.5), "{gain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_brings_packets_unevenly_is_jittery() {
    let report = report_of(Fault::BringsUnevenly, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::Jittery]);
}

/// Events count in the stream of the audio.
#[tokio::test(flavor = "multi_thread")]
async fn who_loses_or_changes_digits_is_told_which() {
    let steps = format!("{TWO_CALLS}\nsteps = [{{ after = 1.0, digits = \"12\" }}]");
    let report = report_of(Fault::LosesDigits, &steps).await;
    assert_named(&report, &[FindingKind::Lossy, FindingKind::DigitsLost]);
    let report = report_of(Fault::ChangesDigits, &steps).await;
    assert_named(&report, &[FindingKind::DigitsWrong]);
    let came = report.calls[0].verdict.as_ref().and_then(|it| it.to_answerer.as_ref());
    assert_eq!(came.map(|it| it.digits.as_str()), Some("23"));
}

/// No sound comes after it, so that it is no hole between two.
#[tokio::test(flavor = "multi_thread")]
async fn who_falls_silent_before_the_end_has_a_gap_up_to_there() {
    for fault in [Fault::FallsSilent, Fault::PlaysSilence] {
        let report = report_of(fault, TWO_CALLS).await;
        assert_named(&report, &[FindingKind::Gaps]);
        for call in &report.calls {
            let direction = &call.verdict.as_ref().expect("it was up").to_caller;
            assert!(direction.is_heard, "{fault:?}: {direction:?}");
            assert!((2500.0..5000.0).contains(&direction.longest_gap_ms), "{fault:?}: {direction:?}");
        }
    }
}

/// A hold explains the silence while it lasts, and not what comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_come_back_from_a_hold_has_a_gap_beyond_it() {
    let steps = format!("{TWO_CALLS}\nsteps = [{{ after = 2.0, hold = 0.5 }}]");
    let report = report_of(Fault::MutesAfterHold, &steps).await;
    assert_named(&report, &[FindingKind::Gaps]);
    for call in &report.calls {
        let direction = &call.verdict.as_ref().expect("it was up").to_caller;
        assert!((2000.0..3500.0).contains(&direction.longest_gap_ms), "{direction:?}");
    }
}

/// A proxy names itself in the first INVITE alone.
#[tokio::test(flavor = "multi_thread")]
async fn calls_by_a_proxy_keep_its_route_over_holds() {
    let steps = "steps = [{ after = 1.0, hold = 0.5 }, { after = 3.0, hold = 0.5, by = \"answerer\" }]";
    let report = report_of(Fault::RoutesCalls, &format!("{TWO_CALLS}\n{steps}")).await;
    assert_named(&report, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_and_never_sends_media_has_none() {
    let report = report_of(Fault::NeverSends, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::NoMedia, FindingKind::Silent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_swaps_the_audio_of_two_calls_is_found_by_whose_it_is() {
    let report = report_of(Fault::SwapsTwoCalls, TWO_CALLS).await;
    // The other call may begin or end a moment sooner, and its audio with it.
    for kinds in found(&report) {
        assert!(
            matches!(kinds[..], [FindingKind::Swapped] | [FindingKind::Swapped, FindingKind::Gaps]),
            "{kinds:?}"
        );
    }
    let verdict = report.calls[0].verdict.as_ref().expect("it was up");
    assert_eq!(
        verdict.to_caller.findings[0].detail,
        "the audio of another call, which hums at 1020 Hz, not 1010"
    );
}

/// Most of the talk is the right one's. Two hums so near are not told apart in a packet, so what is missing may be a gap too.
#[tokio::test(flavor = "multi_thread")]
async fn who_swaps_the_audio_of_two_calls_in_their_last_third_is_found_too() {
    let report = report_of(Fault::SwapsTwoCallsLater, TWO_CALLS).await;
    let only_swapped =
        |kinds: Vec<_>| kinds.into_iter().filter(|it| *it != FindingKind::Gaps).eq([FindingKind::Swapped]);
    assert!(found(&report).into_iter().all(only_swapped), "{:?}", report.calls);
    let [first, second] = [0, 1].map(|call| {
        let verdict = report.calls[call].verdict.as_ref().expect("it was up");
        let found = verdict.to_caller.findings.iter().find(|it| it.kind == FindingKind::Swapped);
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        assert!(
            answerer.findings.iter().all(|it| it.kind.may_be_own()),
            "it hears the right one: {verdict:?}"
        );
        found.map(|it| it.detail.clone()).unwrap_or_default()
    });
    assert_eq!(first, "the audio of another call, which hums at 1020 Hz, not 1010");
    assert_eq!(second, "the audio of another call, which hums at 1010 Hz, not 1020");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_plays_something_else_is_told_so_and_not_to_have_swapped() {
    let report = report_of(Fault::PlaysTones, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::OtherSound]);
}

/// For most of the call it is the hum that another one would have.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_played_on_hold_is_no_other_calls_audio() {
    let steps = "steps = [{ after = 1.0, hold = 3.5, by = \"answerer\" }]";
    let report = report_of(Fault::PlaysToneOnHold, &format!("{TWO_CALLS}\n{steps}")).await;
    assert_named(&report, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_delays_by_200_ms_is_late_by_as_much() {
    let report = report_of(Fault::DelaysBy200Ms, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::Late]);
    let late = report.summary.mouth_to_ear_ms.expect("beeps were heard").p50;
    assert!((210.0..250.0).contains(&late), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_digits_twice_doubles_them() {
    let steps = format!("{TWO_CALLS}\nsteps = [{{ after = 1.0, digits = \"12#\" }}]");
    let report = report_of(Fault::SendsDigitsTwice, &steps).await;
    assert_named(&report, &[FindingKind::DigitsDoubled]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_the_caller_its_own_voice_echoes() {
    let report = report_of(Fault::Echoes, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::Echo]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_the_caller_its_own_voice_in_the_last_third_echoes_too() {
    let report = report_of(Fault::EchoesLater, TWO_CALLS).await;
    assert_named(&report, &[FindingKind::Echo, FindingKind::Gaps]);
}

/// What the callers' own network does is found at the other end alone, and what it loses is not held against the target.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_callers_own_network_does_comes_to_the_other_end_alone() {
    let network = "loss_percent = 5, delay_ms = 80, jitter_ms = 30, reorders = true, duplicates_percent = 5";
    let report = report_over(Fault::None, TWO_CALLS, network).await;
    assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        assert!(answerer.dropped > 3 && answerer.duplicates > 3 && answerer.reordered > 3, "{answerer:?}");
        assert!(answerer.mouth_to_ear_ms.is_some_and(|it| it > 95.0), "{answerer:?}");
        assert!(answerer.findings.iter().all(|it| it.kind != FindingKind::Lossy), "{answerer:?}");
        assert_eq!((verdict.to_caller.duplicates, verdict.to_caller.reordered), (0, 0));
        assert!(verdict.to_caller.mouth_to_ear_ms.is_some_and(|it| it < 80.0), "{:?}", verdict.to_caller);
    }
}

/// A NAT in front of the callers forgets them after three of six seconds.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_follow_a_nat_that_forgets_leaves_its_caller_deaf() {
    for (fault, follows) in [(Fault::None, false), (Fault::FollowsSources, true)] {
        let report = report_over(fault, TWO_CALLS, "rebinds_seconds = 3").await;
        assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
        for call in &report.calls {
            let verdict = call.verdict.as_ref().expect("it was up");
            let [deaf, other] = [&verdict.to_caller, verdict.to_answerer.as_ref().expect("the phone")]
                .map(|it| it.longest_gap_ms);
            assert!(follows == (deaf < 1000.0), "{fault:?}: {verdict:?}");
            assert!(other < 1000.0, "who it calls hears it from the other port too: {verdict:?}");
            let is_told = verdict.to_caller.findings.iter().any(|it| it.kind == FindingKind::Gaps);
            assert!(is_told || follows, "{verdict:?}");
        }
    }
}
