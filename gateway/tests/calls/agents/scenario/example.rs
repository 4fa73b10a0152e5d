//! The example that newcomers begin with, at a gateway that is configured as its document says.

use webtrunk_loadtest::report::Ending;
use webtrunk_loadtest::scenario::EXAMPLE;

use super::play;
use crate::support::gateway::{Gateway, GatewayConfig, password};
use crate::support::gateway_config::SIP_PORT;
use crate::support::host::Host;

const DOCUMENT: &str = include_str!("../../../../../docs/load-testing.md");

/// What the document has a gateway route numbers by, to a phone at this host.
fn routing(phone: &Host) -> String {
    let mut blocks = DOCUMENT.split("```toml\n").skip(1).filter_map(|it| it.split("```").next());
    let block = blocks.find(|it| it.contains("name = \"loadtest\"")).expect("the document has it");
    for part in ["host = \"127.0.0.1\"", "port = 5080"] {
        assert!(block.contains(part), "{part} is not in {block}");
    }
    block
        .replace("host = \"127.0.0.1\"", &format!("host = \"{}\"", phone.ip()))
        .replace("port = 5080", &format!("port = {SIP_PORT}"))
}

/// Addresses and the password are the test's own, and it has a few calls less.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_played_at_a_gateway_that_is_configured_as_its_document_says() {
    let phone = Host::new();
    let config = GatewayConfig::default()
        .user("alice")
        .listeners(&format!("local_networks = [\"{}\"]", phone.ip()))
        .sections(&routing(&phone));
    let gateway = Gateway::start(&config);
    let mut text = EXAMPLE.to_owned();
    for (from, to) in [
        ("calls = 20", "calls = 8".to_owned()),
        ("\"127.0.0.1:5060\"", format!("\"{}\"", gateway.sip())),
        ("\"ws://127.0.0.1:8080/sip\"", format!("\"{}\"", gateway.websocket())),
        ("password_file = \"alice.txt\"", format!("password = \"{}\"", password("alice"))),
        ("\"127.0.0.1:5080\"", format!("\"{}\"", phone.at(SIP_PORT))),
    ] {
        assert!(text.contains(from), "{from} is not in the example");
        text = text.replacen(from, &to, 1);
    }
    let report = play(&gateway, &text).await;
    assert_eq!((&report.ending, report.summary.failed), (&Ending::Completed, 0), "{}", report.sentence());
    assert_eq!(report.calls.len() + report.turned_away, 8, "{}", report.sentence());
    assert_eq!((report.agents["browsers"].ready, report.agents["phone"].ready), (5, 1));
    for call in &report.calls {
        let verdict = call.verdict.as_ref().expect("it was up");
        let other = verdict.to_answerer.as_ref().expect("the phone");
        assert!(verdict.to_caller.is_heard && other.is_heard, "{call:?}");
        assert_eq!(other.digits, "12#", "{call:?}");
    }
    gateway.assert_all_is_over(report.calls.len());
}
