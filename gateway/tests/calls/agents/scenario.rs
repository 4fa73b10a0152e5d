//! A scenario of the load tester at the gateway: all its doors at once, every call listened to.

use std::path::Path;

use tempfile::TempDir;
use tokio::sync::watch;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::report::Ending;
use webtrunk_loadtest::scenario::Scenario;

use super::doors::TLS_PORT;
use super::stage::Stage;
use crate::support::certificate::pair;
use crate::support::gateway::{GatewayConfig, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

/// A machine that runs tests is late; what is told here does not depend on it.
const PATIENT: &str = "[verdict]\nfirst_audio_ms = 20000\nclipped_ms = 20000\ngap_ms = 2000\nmouth_to_ear_ms = 2000\n\
                       loss_percent = 10\njitter_ms = 500\n";

const TWO_CALLS: &str = "arrival = { steps = [{ rate = 1, seconds = 2 }] }\nlength = { fixed = 5 }";

/// The account of a user.
fn account(user: &str) -> String {
    format!("accounts = {{ user = \"{user}\", password = \"{}\" }}", password(user))
}

const TO_BOB: &str = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_through_every_door_hears_every_call() {
    let config = GatewayConfig::default().sections("[json]\npasswords = true\n").user("bob").rule(TO_BOB);
    let stage = Stage::with(&["PCMU"], config);
    let (gateway, carrier) = (&stage.gateway, stage.carrier.at(SIP_PORT));
    let text = format!(
        "[limits]\ncalls = 8\nseconds = 30\n\
         [target]\nsip = \"{}\"\nsip_ws = \"{}\"\njson = \"{}\"\n\
         [[agents]]\nname = \"browsers\"\nkind = \"webrtc\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"pages\"\nkind = \"json\"\nrole = \"caller\"\ncount = 2\n{alice}\n\
         [[agents]]\nname = \"users\"\nkind = \"webrtc\"\nrole = \"answerer\"\n{bob}\n\
         [[agents]]\nname = \"office\"\nkind = \"phone\"\nrole = \"caller\"\nbind = \"{}\"\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"browsers\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         steps = [{{ after = 1, digits = \"12#\" }}, {{ after = 2.5, hold = 0.5 }}]\n\
         [[traffic]]\nfrom = \"pages\"\nto = \"carrier\"\ndestination = \"92{{call}}\"\n{TWO_CALLS}\n\
         steps = [{{ after = 1, digits = \"7\" }}, {{ after = 2.5, hold = 0.5 }}]\nhangs_up = \"answerer\"\n\
         [[traffic]]\nfrom = \"office\"\nto = \"carrier\"\ndestination = \"93{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"browsers\"\nto = \"users\"\ndestination = \"{{user}}\"\n\
         arrival = {{ closed = 1 }}\nlength = {{ fixed = 3 }}\n{PATIENT}",
        gateway.sip(),
        gateway.websocket(),
        gateway.websocket().replace("/sip", "/api/v1"),
        stage.office.at(SIP_PORT),
        alice = account("alice"),
        bob = account("bob"),
    );
    let mut scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    for population in &mut scenario.populations {
        population.media_address = Some(gateway.sip().ip());
    }
    let crowd = Crowd::open(&scenario, |_| ()).await.expect("all of them");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;

    assert_eq!(report.ending, Ending::Completed, "{}", report.sentence());
    let all = report.calls.len();
    assert!((7..=8).contains(&all), "{}", report.sentence());
    assert_eq!(report.summary.ok, all, "{:?}: {:#?}", report.summary.causes, report.calls);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("somebody answers");
        assert!(verdict.to_caller.is_heard && other.is_heard, "{call:?}");
        assert!(other.delay_ms.is_some() && other.mos.is_some_and(|mos| mos > 1.5), "{call:?}");
        let expected = match call.traffic.as_str() {
            "browsers to carrier" => "12#",
            "pages to carrier" => "7",
            _ => "",
        };
        assert_eq!(other.digits, expected, "{call:?}");
    }
    gateway.assert_all_is_over(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_over_tls_call_and_are_called() {
    let (own, folder) = (Host::new(), TempDir::new().expect("a folder for the test"));
    let (certificate, key) = pair(&folder, "own", own.ip());
    let secure = own.at(TLS_PORT);
    let config = GatewayConfig::default()
        .user("bob")
        .rule(TO_BOB)
        .tls(&certificate, &key)
        .sip(&format!("[[sip.listeners]]\ntransport = 'tls'\nbind = '{secure}'"));
    let stage = Stage::at(own, &["PCMU"], config, "");
    let carrier = stage.carrier.at(SIP_PORT);
    let text = format!(
        "[limits]\ncalls = 4\nseconds = 30\n[target]\nsip_tls = \"{secure}\"\nca = {certificate:?}\n\
         [[agents]]\nname = \"desks\"\nkind = \"phone\"\ntransport = \"tls\"\nrole = \"caller\"\ncount = 2\n{}\n\
         [[agents]]\nname = \"shop\"\nkind = \"phone\"\ntransport = \"tls\"\nrole = \"answerer\"\n{}\n\
         [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{carrier}\"\ncodecs = [\"pcmu\"]\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n{TWO_CALLS}\n\
         [[traffic]]\nfrom = \"desks\"\nto = \"shop\"\ndestination = \"{{user}}\"\n{TWO_CALLS}\n{PATIENT}",
        account("alice"),
        account("bob"),
    );
    let scenario = Scenario::parse(Path::new("it.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let crowd = Crowd::open(&scenario, |_| ()).await.expect("all of them");
    let report = run("it.toml", scenario, crowd, watch::Sender::new(Stop::Going), None, |_| ()).await;
    assert_eq!((report.ending, report.calls.len()), (Ending::Completed, 4));
    assert_eq!(report.summary.ok, 4, "{:?}: {:#?}", report.summary.causes, report.calls);
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        assert!(
            verdict.to_caller.is_heard && verdict.to_answerer.as_ref().is_some_and(|it| it.is_heard),
            "{call:?}"
        );
    }
    assert_eq!(stage.gateway.log().count(&["call refused"]), 0);
    stage.gateway.assert_all_is_over(4);
}
