//! WebSockets that are cut in calls, of who calls and of who answers.

use webtrunk_loadtest::report::Outcome;

use super::{PATIENT, TO_BOB, TWO_CALLS, account, assert_all_are_heard, play};
use crate::agents::json::page::address;
use crate::agents::stage::Stage;
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;

fn stage(json: &str) -> Stage {
    let config = GatewayConfig::default().sections(&format!("[json]\npasswords = true\n{json}"));
    Stage::with(&["PCMU"], config.user("bob").rule(TO_BOB))
}

fn agents(stage: &Stage) -> String {
    let gateway = &stage.gateway;
    format!(
        "[target]\nsip_ws = \"{}\"\njson = \"{}\"\n\
         [[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"users\"\nkind = \"webrtc\"\nrole = \"answerer\"\n{}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{}\"\ncodecs = [\"pcmu\"]\n",
        gateway.websocket(),
        address(gateway),
        account("bob"),
        stage.carrier.at(SIP_PORT),
        alice = account("alice"),
    )
}

/// Browsers that have registered and have not, pages, and who answers: each comes back after a second, and is hung up by the
/// other end, which is told to it by the new connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_is_cut_ends_no_call_and_makes_no_hole() {
    const AWAY_MS: f64 = 1000.0;
    let stage = stage("");
    let cut = "steps = [{ after = 1.5, ws_drop = 1.0 }]\nhangs_up = \"answerer\"";
    let text = format!(
        "[limits]\ncalls = 7\nseconds = 14\n{agents}\
         [[agents]]\nname = \"desks\"\nkind = \"webrtc\"\nrole = \"caller\"\ncount = 2\nregister = true\n{alice}\n\
         [[traffic]]\nfrom = \"browsers\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n{cut}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"carrier\"\ndestination = \"92{{call}}\"\n{TWO_CALLS}\n{cut}\n\
         [[traffic]]\nfrom = \"pages\"\nto = \"carrier\"\ndestination = \"93{{call}}\"\n{TWO_CALLS}\n{cut}\n\
         [[traffic]]\nfrom = \"pages\"\nto = \"users\"\ndestination = \"{{user}}\"\n\
         arrival = {{ steps = [{{ rate = 1, seconds = 1 }}] }}\nlength = {{ fixed = 5 }}\n\
         steps = [{{ after = 1.5, ws_drop = 1.0, by = \"answerer\" }}]\n{PATIENT}",
        agents = agents(&stage),
        alice = account("alice"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_all_are_heard(&report, 7);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let [cut] = &verdict.cuts[..] else { panic!("one: {verdict:?}") };
        assert_eq!((cut.lived, cut.by_answerer), (true, call.traffic == "pages to users"));
        assert!(cut.away_ms.is_some_and(|away| away >= AWAY_MS), "{cut:?}");
        // What came by the WebSocket would be missing for all of that.
        let gaps = [Some(cut.gap_to_caller_ms), cut.gap_to_answerer_ms];
        assert!(gaps.into_iter().flatten().all(|gap| gap < AWAY_MS / 2.0), "{cut:?}");
    }
    assert_eq!((report.summary.cuts, report.summary.cuts_lived), (7, 7));
    stage.gateway.assert_all_is_over(7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_page_stays_away_too_long_is_told_as_lost_after_its_websocket_was_cut() {
    let stage = stage("resume_s = 1\n");
    let text = format!(
        "[limits]\ncalls = 1\nseconds = 10\n{}\
         [[traffic]]\nfrom = \"pages\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n\
         arrival = {{ constant = 1 }}\nlength = {{ fixed = 8 }}\nsteps = [{{ after = 1.5, ws_drop = 5.0 }}]\n{PATIENT}",
        agents(&stage),
    );
    let report = play(&stage.gateway, &text).await;
    let [call] = &report.calls[..] else { panic!("one: {:?}", report.calls) };
    let Outcome::Failed { cause, is_unheard: false } = &call.outcome else { panic!("{call:?}") };
    assert!(cause.starts_with("after its WebSocket was cut: "), "{cause}");
    let [cut] = &call.verdict.as_ref().expect("it was up").cuts[..] else { panic!("one: {call:?}") };
    assert_eq!((cut.lived, cut.away_ms), (false, None));
    assert_eq!((report.summary.cuts, report.summary.cuts_lived, report.summary.failed), (1, 0, 1));
    stage.gateway.assert_all_is_over(1);
}
