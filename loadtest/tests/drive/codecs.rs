//! Codecs beside PCMU: both ends speak nothing else, and what is told of their calls is as right as of others. So it is where no
//! gateway is between them.

use std::net::SocketAddr;

use webtrunk_loadtest::report::Report;

use crate::faulty::{Fault, FaultyGateway};
use crate::speech::speaking;
use crate::stage::{free_address, play, scenario_text};
use crate::verdicts::assert_named;

/// Two calls between phones that speak the codec of this word alone, of which one speaks and the other hums.
async fn report_in(codec: &str, fault: Fault) -> Report {
    let phone = free_address();
    let gateway = FaultyGateway::start(phone, fault).await;
    report_by(gateway.address(), phone, codec).await
}

/// The same, where whom the callers take for their server is the phone itself.
async fn report_without_a_gateway(codec: &str) -> Report {
    let phone = free_address();
    report_by(phone, phone, codec).await
}

async fn report_by(server: SocketAddr, phone: SocketAddr, codec: &str) -> Report {
    let steps =
        "steps = [{ after = 4.0, digits = \"12#\" }, { after = 5.0, digits = \"7\", by = \"answerer\" }]";
    let traffic = speaking(2).replacen("[speech]", &format!("{steps}\n[speech]"), 1);
    let codecs = format!("kind = \"phone\"\ncodecs = [\"{codec}\"]\n");
    let text = scenario_text(server, phone, &traffic, "").replace("kind = \"phone\"\n", &codecs);
    play(&text).await
}

/// Fails unless both calls are good, and told to have this codec, with the right digits, marks and scores.
fn assert_is_right(report: &Report, told: &str) {
    assert_named(report, &[]);
    for call in &report.calls {
        assert_eq!(call.codec.as_deref(), Some(told), "{call:?}");
        let verdict = call.verdict.as_ref().expect("it was up");
        let answerer = verdict.to_answerer.as_ref().expect("the phone");
        assert_eq!((answerer.digits.as_str(), verdict.to_caller.digits.as_str()), ("12#", "7"));
        for direction in [&verdict.to_caller, answerer] {
            assert!(direction.is_heard && direction.received > 200 && direction.lost == 0, "{direction:?}");
            assert!(direction.gain_db.is_some_and(|gain| gain.abs() < 1.5), "{direction:?}");
            assert!(direction.mos.is_some_and(|mos| mos > 4.0), "{direction:?}");
            match call.call {
                0 => assert!(direction.opinion.is_some_and(|score| score > 3.5), "{direction:?}"),
                _ => assert!(direction.mouth_to_ear_ms.is_some(), "its beeps are heard: {direction:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_the_other_g711_are_told_so_with_their_marks_and_scores() {
    assert_is_right(&report_in("pcma", Fault::None).await, "PCMA");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_g722_are_told_so_with_their_marks_and_scores() {
    assert_is_right(&report_in("g722", Fault::None).await, "G722");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_linear_samples_are_told_so_with_their_marks_and_scores() {
    assert_is_right(&report_in("l16", Fault::None).await, "L16");
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_speak_opus_to_each_other_without_a_gateway_are_heard_and_scored() {
    assert_is_right(&report_without_a_gateway("opus").await, "opus");
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_speak_g722_or_g711_to_each_other_without_a_gateway_are_heard_and_scored() {
    for (codec, told) in [("g722", "G722"), ("pcma", "PCMA"), ("pcmu", "PCMU")] {
        assert_is_right(&report_without_a_gateway(codec).await, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_is_told_in_g722_and_in_linear_samples() {
    for (codec, told) in [("g722", "G722"), ("l16", "L16")] {
        let report = report_in(codec, Fault::DropsFivePercent).await;
        assert!(report.calls.iter().all(|it| it.codec.as_deref() == Some(told)), "{:?}", report.calls);
        assert_eq!((report.summary.calls, report.summary.failed), (2, 0), "{:?}", report.summary.causes);
        assert!(
            (4.0..6.0).contains(&report.summary.loss_percent),
            "{codec}: {}",
            report.summary.loss_percent
        );
        assert!(report.summary.mos.is_some_and(|mos| mos.p50 < 4.2), "{codec}: {:?}", report.summary.mos);
    }
}
