//! How loads end at the gateway: when it is gone, and when they are broken off.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::PhoneConfig;
use webtrunk_loadtest::drive::{Crowd, Stop, run};
use webtrunk_loadtest::load::{SoakConfig, soak};
use webtrunk_loadtest::report::Ending;

use super::{account, parse};
use crate::agents::json::page::address;
use crate::agents::stage::Stage;
use crate::support::gateway::GatewayConfig;
use crate::support::gateway_config::SIP_PORT;

/// What is up when it is killed is never confirmed to be over.
const END_MAX: Duration = Duration::from_secs(150);

/// It takes calls of browsers, or of pages, for four seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_ends_a_load_over_websockets_with_a_clear_word() {
    for kind in ["webrtc", "json"] {
        let config = GatewayConfig::default().sections("[json]\npasswords = true\n");
        let stage = Stage::with(&["PCMU"], config);
        let text = format!(
            "[limits]\ncalls = 1000\nseconds = 3600\nsetup_seconds = 3\n[target]\nsip_ws = \"{}\"\njson = \"{}\"\n\
             [[agents]]\nname = \"callers\"\nkind = \"{kind}\"\nrole = \"caller\"\ncount = 2\n{}\n\
             [[agents]]\nname = \"carrier\"\nkind = \"phone\"\nrole = \"answerer\"\nbind = \"{}\"\ncodecs = [\"pcmu\"]\n\
             [[traffic]]\nfrom = \"callers\"\nto = \"carrier\"\ndestination = \"91{{call}}\"\n\
             arrival = {{ constant = 2 }}\nlength = {{ fixed = 1 }}\n",
            stage.gateway.websocket(),
            address(&stage.gateway),
            account("alice"),
            stage.carrier.at(SIP_PORT),
        );
        let scenario = parse(&stage.gateway, &text);
        let crowd = Crowd::open(&scenario, &watch::Sender::new(Stop::Going)).await.expect("all of them");
        let stopper = watch::Sender::new(Stop::Going);
        let running = timeout(END_MAX, run("it.toml", scenario, crowd, stopper, None, |_| ()));
        let killing = async {
            sleep(Duration::from_secs(4)).await;
            stage.gateway.process.signal(Signal::SIGKILL);
        };
        let (report, ()) = tokio::join!(running, killing);
        let report = report.expect("it ends");
        assert!(matches!(report.ending, Ending::TargetVanished { .. }), "{kind}: {}", report.sentence());
        assert!(report.sentence().contains("the target vanished"), "{kind}: {}", report.sentence());
        assert!(report.calls.iter().any(|it| it.is_ended()), "{kind}, before: {:?}", report.summary);
    }
}

/// Ten minutes were wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_soak_that_is_broken_off_hangs_up_and_is_reported() {
    let stage = Stage::new(&["PCMU"]);
    let config = SoakConfig {
        webrtc: stage.alice(),
        caller: PhoneConfig { server: Some(stage.gateway.sip()), ..stage.caller(CodecId::Pcmu) },
        callee: stage.callee(CodecId::Pcmu),
        destination: "9100".to_owned(),
        rate: 2.0,
        duration: Duration::from_secs(600),
        talk: Duration::from_secs(60),
    };
    let stopper = watch::Sender::new(false);
    let soaking = timeout(END_MAX, soak(config, stopper.subscribe(), |_| ()));
    let stopping = async {
        sleep(Duration::from_secs(4)).await;
        stopper.send_replace(true);
    };
    let (report, ()) = tokio::join!(soaking, stopping);
    let report = report.expect("it ends").expect("its phones have their ports");
    assert!(report.was_broken_off && report.is_clean(), "{report:?}");
    let calls = report.webrtc.calls + report.phone.calls;
    assert!(report.webrtc.calls > 1 && report.phone.calls > 1 && report.callee.calls == calls, "{report:?}");
    assert!(report.fitness.packets > 0, "{report:?}");
    stage.gateway.assert_all_is_over(calls);
}
