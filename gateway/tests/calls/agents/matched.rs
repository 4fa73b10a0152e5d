//! Rules that look at more than who calls whom: group, network, listener, hours and headers.

use std::time::SystemTime;

use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Dialing};

use super::ear::assert_hears;
use super::stage::{CALLEE_HZ, Stage, phone, webrtc};
use crate::sip::sipp::Sipp;
use crate::support::gateway::{Gateway, GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::tools;

/// What is heard by whom a rule is for.
const TONE: &str = "actions = ['answer', { tone = { frequency_hz = 850, level_dbm0 = -10 } }]";

/// A day of the week that is neither today nor next to it, so that no midnight disturbs a test.
fn far_day() -> &'static str {
    const DAY_S: u64 = 24 * 60 * 60;
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().expect("it is later than 1970");
    // The first day of 1970 was a Thursday.
    let days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    days[(since_epoch.as_secs() / DAY_S + 3) as usize % days.len()]
}

/// A rule's hours, by this zone's clock: so many whole hours of UTC, from so many after the one that it is now.
fn hours(from: u64, length: u64, zone: &str) -> String {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().expect("it is later than 1970");
    let hour = |later: u64| (since_epoch.as_secs() / 3600 + later) % 24;
    let (from, to) = (hour(from), hour(from + length));
    format!("when = {{ hours = ['{from:02}:00-{to:02}:00'], zone = '{zone}' }}")
}

async fn status(dialing: Result<Dialing, AgentError>) -> Option<u16> {
    let answered = dialing.expect("a number").answered(PATIENCE).await;
    answered.err().as_ref().and_then(AgentError::status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_for_its_group_network_listener_and_hours_alone() {
    let always = "when = { days = ['mon-sun'], hours = ['00:00-24:00'], zone = 'Europe/Berlin' }";
    // The hours before and after this one are in it: no stroke of a clock disturbs the test.
    let (now, far) = (hours(23, 3, "UTC"), hours(10, 4, "UTC"));
    let elsewhere = hours(23, 3, "-12:00");
    let fitting = [
        ("1", "from_groups = ['sales', 'support']"),
        ("2", "from_networks = ['10.0.0.0/8', '127.0.0.0/8']"),
        ("3", "from_listeners = ['ws']"),
        ("4", always),
        ("0", &*now),
    ];
    let never = format!("when = {{ days = ['{}'], zone = 'Europe/Berlin' }}", far_day());
    let foreign = [
        ("5", "from_groups = ['support']"),
        ("6", "from_networks = ['10.0.0.0/8']"),
        ("7", "from_listeners = ['tcp']"),
        // A header that no page of ours sends.
        ("8", "headers = [{ name = 'X-Tenant', pattern = '.*' }]"),
        ("9", &*never),
        ("10", &*far),
        ("11", &*elsewhere),
    ];
    let mut config = GatewayConfig::default().user("bob").group("alice", "sales").group("bob", "support");
    for (digit, keys) in fitting.into_iter().chain(foreign) {
        config = config.rule(&format!("destination = '70{digit}'\n{keys}\n{TONE}"));
    }
    let stage = Stage::with(&["PCMU"], config);
    let alice = webrtc(stage.alice()).await;
    for (digit, keys) in fitting {
        let call = alice.call(&format!("70{digit}")).await.unwrap_or_else(|error| panic!("{keys}: {error}"));
        assert_hears(&call, CALLEE_HZ).await;
        call.hang_up().await.expect("confirmed");
    }
    for (digit, keys) in foreign {
        assert_eq!(status(alice.dial(&format!("70{digit}")).await).await, Some(404), "{keys}");
    }
    // A trunk is let in by no rule that does not name trunks, wherever it is.
    let office = phone(stage.caller(CodecId::Pcmu)).await;
    for (digit, keys) in fitting {
        assert_eq!(status(office.dial(&format!("70{digit}")).await).await, Some(404), "{keys}");
    }
    stage.gateway.assert_all_is_over(fitting.len());
}

#[test]
fn a_rule_takes_what_a_header_says() {
    if tools::command("sipp").is_none() {
        return;
    }
    let trunk = Host::new();
    let config = GatewayConfig::default().trunk("office", &trunk, &["PCMU"]).rule(
        "destination = '700'\nfrom_trunk = 'office'\n\
         headers = [{ name = 'x-tenant', pattern = 'acme-.*' }]\nactions = [{ reject = 'busy' }]",
    );
    let gateway = Gateway::start(&config);
    for (headers, status) in [("\nX-Tenant: acme-7", "486"), ("\nX-Tenant: other", "404"), ("", "404")] {
        let values = [("MORE", headers), ("STATUS", status)];
        Sipp::caller(&trunk, "caller_refused", gateway.sip(), "700", &values).finish();
    }
}
