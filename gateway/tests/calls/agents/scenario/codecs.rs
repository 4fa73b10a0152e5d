//! Phones that speak G.722, and samples as they are: passed through to another one, and transcoded for a browser.

use super::{PATIENT, TWO_CALLS, account, assert_all_are_heard, play};
use crate::agents::stage::Stage;
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;

/// All calls of a phone that speaks this codec alone are heard and told to have it, by its word in a scenario, at the trunk
/// and in the report. Half of them speak and are scored, the others hum and beep.
async fn assert_are_heard(word: &str, at_trunk: &str, told: &str) {
    let rule = "destination = 'bob'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'bob' } }]";
    let stage = Stage::with(&[at_trunk], GatewayConfig::default().user("bob").rule(rule));
    let speech = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/announcement.wav");
    let phone = |name: &str, role: &str, bind: String| {
        format!(
            "[[agents]]\nname = \"{name}\"\nkind = \"phone\"\nrole = \"{role}\"\nbind = \"{bind}\"\ncodecs = [\"{word}\"]\n"
        )
    };
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 30\n[target]\nsip = \"{}\"\nsip_ws = \"{}\"\n{}{}\
         [[agents]]\nname = \"users\"\nkind = \"webrtc\"\nrole = \"answerer\"\n{}\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"office\"\nto = \"users\"\ndestination = \"{{user}}\"\n{TWO_CALLS}\n\
         [speech]\nfile = {speech:?}\nevery = 2\n{PATIENT}",
        stage.gateway.sip(),
        stage.gateway.websocket(),
        phone("office", "caller", stage.office.at(SIP_PORT).to_string()),
        phone("carrier", "answerer", stage.carrier.at(SIP_PORT).to_string()),
        account("bob"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 4);
    for call in &report.calls {
        assert_eq!(call.codec.as_deref(), Some(told), "{call:?}");
        let verdict = call.verdict.as_ref().expect("it was up");
        for direction in [Some(&verdict.to_caller), verdict.to_answerer.as_ref()].into_iter().flatten() {
            assert!(direction.mos.is_some_and(|mos| mos > 1.5), "{call:?}");
            let is_judged = match call.call % 2 {
                0 => direction.opinion.is_some_and(|opinion| opinion > 3.0),
                _ => direction.delay_ms.is_some() && direction.gain_db.is_some(),
            };
            assert!(is_judged, "{call:?}");
        }
    }
    assert_eq!(report.summary.opinion.map(|it| it.count), Some(4), "both ends of both that speak");
    // Both ways of the two that are between phones, and of the two to the browser.
    assert_eq!(stage.paths(), (4, 4));
    stage.gateway.assert_all_is_over(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_of_a_scenario_that_speak_g722_are_heard_and_told_so() {
    assert_are_heard("g722", "G722", "G722").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_of_a_scenario_that_speak_linear_samples_are_heard_and_told_so() {
    assert_are_heard("l16", "L16/16000", "L16").await;
}
