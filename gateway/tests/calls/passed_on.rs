//! What goes along with a call: headers that both lists name, and who was called before.

use std::net::SocketAddr;

use serde_json::json;
use webtrunk_codecs::g711::Law;

use crate::sip::rtp_peer::RtpPeer;
use crate::sip::sipp::Sipp;
use crate::sip::trace::Seen;
use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;
use crate::support::page::{LineConfig, Microphone};
use crate::support::tools;

const CALLER_HZ: f64 = 1000.0;
const CALLEE_HZ: f64 = 1400.0;

/// A call of the office for a user whom nobody reaches goes on to the carrier.
#[test]
fn a_call_that_goes_on_tells_who_was_called_before_and_takes_along_what_is_configured() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [office, carrier] = std::array::from_fn(|_| Host::new());
    let config = GatewayConfig::default()
        .user("alice")
        .trunk("office", &office, &["PCMU"])
        .last_trunk("headers_allow = ['X-*', 'Subject']\ndiversion = 'history-info'")
        .trunk("carrier", &carrier, &["PCMU"])
        .last_trunk("headers_allow = ['X-Tenant', 'X-Long']\ndiversion = 'both'")
        .rule(
            "destination = '100'\nfrom_trunk = 'office'\n\
             actions = [{ bridge = { user = 'alice' } }, { bridge = { trunk = 'carrier', number = '0301' } }]",
        );
    let gateway = Gateway::start(&config);
    let mut ears = [(&office, CALLER_HZ), (&carrier, CALLEE_HZ)].map(|(host, _)| RtpPeer::new(host, 7000));
    let callee = Sipp::callee(&carrier, "callee_talks", &[("RTP_PORT", "7000"), ("FORMATS", "0")]);
    let more = "\nX-Tenant: acme\nX-Other: not for the carrier\nSubject: nor is this\n\
        History-Info: <sip:99@office.test>;index=1\n\
        History-Info: <sip:100@office.test;cause=302>;index=1.1;mp=1";
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "100", &[("MORE", more)]);
    let invite = callee.wait_for("INVITE");
    assert_eq!(invite.header("X-Tenant"), Some("acme"));
    assert_eq!((invite.header("X-Other"), invite.header("Subject")), (None, None));
    let ip = gateway.sip().ip();
    assert_eq!(
        invite.headers("Diversion"),
        [
            format!("<sip:alice@{ip}>;reason=unavailable;counter=1"),
            format!("<sip:99@{ip}>;reason=unconditional;counter=1"),
        ]
    );
    let history = invite.headers("History-Info");
    assert_eq!(history.len(), 3, "{history:?}");
    assert!(history[2].starts_with(&format!("<sip:0301@{ip};cause=503>;index=1.1.1")), "{history:?}");
    let answer = caller.wait_for("200");
    let ports = [answer.audio_port(), invite.audio_port()].map(|port| port.expect("audio is described"));
    for ((ear, hz), port) in ears.iter_mut().zip([CALLER_HZ, CALLEE_HZ]).zip(ports) {
        ear.say(SocketAddr::new(ip, port), Law::Mu, hz);
    }
    ears[0].await_tone(Law::Mu, CALLEE_HZ);
    ears[1].await_tone(Law::Mu, CALLER_HZ);
    gateway.stop();
    callee.wait_for("BYE");
    caller.wait_for("BYE");
}

/// The page calls the carrier, and the office calls the page.
#[test]
fn headers_of_a_page_reach_a_trunk_and_those_of_a_trunk_reach_a_page() {
    let Some(browser) = Browser::shared() else { return };
    if tools::command("sipp").is_none() {
        return;
    }
    let [office, carrier] = std::array::from_fn(|_| Host::new());
    let config = GatewayConfig::default()
        .origin(browser.origin())
        .sip("headers_allow = ['X-*']")
        .user("alice")
        .trunk("office", &office, &["PCMU"])
        .last_trunk("headers_allow = ['X-Tenant', 'X-Queue', 'Subject']")
        .trunk("carrier", &carrier, &["PCMU"])
        .last_trunk("headers_allow = ['X-Tenant', 'P-Own']")
        .rule("destination = '0.*'\nactions = [{ bridge = { trunk = 'carrier', number = '$0' } }]")
        .rule("destination = 'alice'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]");
    let gateway = Gateway::start(&config);
    let alice = browser.open();
    let microphone = Microphone::Tone { hz: CALLER_HZ, peak: 0.25 };
    alice.register(&gateway, "alice", &LineConfig { microphone, ..LineConfig::default() });
    let at =
        |seen: &Seen| SocketAddr::new(gateway.sip().ip(), seen.audio_port().expect("audio is described"));

    let mut ear = RtpPeer::new(&carrier, 7000);
    let callee = Sipp::callee(&carrier, "callee_talks", &[]);
    alice.call_with("0301", &["X-Tenant: acme", "X-Other: not for the carrier", "P-Own: nor is this"]);
    alice.next("accepted");
    let invite = callee.wait_for("INVITE");
    assert_eq!(["X-Tenant", "X-Other", "P-Own"].map(|name| invite.header(name)), [Some("acme"), None, None]);
    ear.say(at(&invite), Law::Mu, CALLEE_HZ);
    ear.await_tone(Law::Mu, CALLER_HZ);
    alice.await_tone(CALLEE_HZ);
    alice.hangup();
    alice.next("ended");
    callee.finish();

    let mut ear = RtpPeer::new(&office, 7000);
    let more = "\nX-Tenant: acme\nX-Queue: sales\nX-Other: not of the office\nSubject: not for alice";
    let caller = Sipp::caller(&office, "caller_talks", gateway.sip(), "alice", &[("MORE", more)]);
    assert_eq!(alice.next("incoming")["headers"], json!({"X-Tenant": "acme", "X-Queue": "sales"}));
    alice.answer();
    ear.say(at(&caller.wait_for("200")), Law::Mu, CALLEE_HZ);
    ear.await_tone(Law::Mu, CALLER_HZ);
    alice.await_tone(CALLEE_HZ);
    caller.go_on();
    caller.finish();
    alice.next("ended");
    gateway.assert_all_is_over(2);
}
