//! Calls that the target itself answers, with an echo: who called hears itself, and nobody else is there.

use webtrunk_loadtest::report::Ending;

use super::{PATIENT, TWO_CALLS, account, play};
use crate::agents::json::page::address;
use crate::agents::stage::Stage;
use crate::support::gateway::GatewayConfig;

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_every_kind_hear_themselves_of_a_target_that_echoes_them() {
    let config = GatewayConfig::default()
        .sections("[json]\npasswords = true\n")
        .rule("destination = '9196'\nactions = ['answer', 'echo']");
    let stage = Stage::with(&["PCMU"], config);
    let callers = |name: &str, kind: &str| {
        format!(
            "[[agents]]\nname = \"{name}\"\nkind = \"{kind}\"\nrole = \"caller\"\ncount = 2\n{}\n\
             [[traffic]]\nname = \"{name}\"\nfrom = \"{name}\"\ndestination = \"9196\"\n{TWO_CALLS}\n",
            account("alice"),
        )
    };
    let text = format!(
        "[limits]\ncalls = 6\nseconds = 30\n[target]\nsip = \"{}\"\nsip_ws = \"{}\"\njson = \"{}\"\n{}{}{}{PATIENT}",
        stage.gateway.sip(),
        stage.gateway.websocket(),
        address(&stage.gateway),
        callers("browsers", "webrtc"),
        callers("pages", "json"),
        callers("desks", "phone"),
    );
    let report = play(&stage.gateway, &text).await;
    assert_eq!((&report.ending, report.calls.len()), (&Ending::Completed, 6), "{}", report.sentence());
    assert_eq!(report.summary.ok, 6, "{:?}: {:#?}", report.summary.causes, report.calls);
    for name in ["browsers", "pages", "desks"] {
        assert_eq!(report.calls.iter().filter(|it| it.traffic == name).count(), 2, "{:?}", report.calls);
    }
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        assert!(verdict.to_answerer.is_none() && verdict.to_caller.is_heard, "{call:?}");
        let echo = &verdict.to_caller;
        assert!(echo.delay_ms.is_some() && echo.mos.is_some_and(|mos| mos > 1.5), "{call:?}");
    }
    stage.gateway.assert_all_is_over(6);
}
