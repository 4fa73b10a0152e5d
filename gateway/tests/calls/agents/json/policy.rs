//! What is said of a customer holds for its users by SIP and as pages.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Call, Credentials, JsonPage, PageError, WebrtcConfig};
use webtrunk_signalling::auth::digest::Algorithm;

use super::page::{
    Placed, answer, assert_page_hears, assert_phone_hears, call, connect, connected, hang_up, media, open,
    pages, proof,
};
use crate::agents::ear::assert_hears;
use crate::agents::recorded::{WAV_OFF_MAX_DB, assert_sides, read_wav, recording, stage_with};
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, talk_from_webrtc, webrtc};
use crate::sip::raw_phone::RawPhone;
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::host::Host;
use crate::support::process::wait_until;

/// A stage with two users of the customer acme, of which this is said.
fn acme(policy: &str) -> GatewayConfig {
    pages(&format!("[[customers]]\nname = \"acme\"\n{policy}")).user("acme+alice").user("acme+bob")
}

/// What a user's WebRTC caller is like.
fn caller(stage: &Stage, user: &str) -> WebrtcConfig {
    WebrtcConfig { credentials: Credentials::new(user, &password(user)), ..stage.alice() }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_customers_users_go_out_by_its_own_trunk_by_sip_and_as_pages() {
    // The stage's rule for 9... names the carrier.
    let stage = Stage::with(&["PCMU"], acme("trunks = [\"office\"]"));
    let (office, carrier) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(caller(&stage, "acme+alice")).await;
    let (by_sip, lifted) = talk_from_webrtc(&alice, &office).await;
    assert_hears(&by_sip, CALLER_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    by_sip.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");

    let (mut page, _) = connect(&stage.gateway, "acme+bob").await;
    let placed = call(&mut page, media(&stage, CALLEE_HZ), "9100").await;
    let lifted = lift(&office).await;
    connected(&mut page, &placed).await;
    assert_page_hears(&placed.media, CALLER_HZ).await;
    assert_phone_hears(&lifted, CALLEE_HZ).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");

    // Others go where the rule says, and so does the customer's trunk itself.
    let other = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&other, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let (call, lifted) = tokio::join!(office.call("9100"), lift(&carrier));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    for (from, trunk) in [("acme+alice", "office"), ("alice", "carrier")] {
        let told = stage.gateway.explain(&["--from", from, "--to", "9100"]);
        assert_eq!(told["destinations"][0]["trunk"], trunk, "{told}");
    }

    // A reload takes it up.
    stage.gateway.reload(|text| text.replace("trunks = [\"office\"]\n", ""));
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    stage.gateway.assert_all_is_over(5);
}

/// A target and the request's method.
const CALL: (&str, &str) = ("INVITE", "sip:9100@webtrunk.test");

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_users_register_connect_and_call_from_its_networks_alone_and_are_told_so_elsewhere() {
    // Browsers and pages come from 127.0.0.1 here, and phones from hosts of their own.
    let stage = Stage::with(&["PCMU"], acme("networks = [\"127.0.0.1\"]"));
    let gateway = &stage.gateway;
    let is_counted = |what: &str, count: u64| {
        let line = format!("webtrunk_users_elsewhere_total{{what=\"{what}\"}} {count}\n");
        wait_until(PATIENCE, || gateway.metrics().contains(&line))
    };
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(caller(&stage, "acme+alice")).await;
    alice.register().await.expect("she is at home");
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    let (mut page, _) = connect(gateway, "acme+bob").await;

    // The same password from elsewhere, over UDP.
    let (host, secret) = (Host::new(), password("acme+alice"));
    let mut desk = RawPhone::new(&host, gateway, "acme+alice");
    let told = "SIP/2.0 403 Not From This Network";
    let refused = desk.register(Algorithm::Sha256, &secret, "Expires: 600\r\n");
    assert!(refused.starts_with(told), "{refused}");
    let challenged = desk.ask(CALL.0, CALL.1, "");
    let answer = desk.authorization(&challenged, Algorithm::Sha256, &secret, CALL);
    let refused = desk.ask(CALL.0, CALL.1, &answer);
    assert!(refused.starts_with(told), "{refused}");
    assert!(is_counted("registration", 1) && is_counted("call", 1) && is_counted("page", 0));
    let words = ["a user is refused", "customers[].networks"];
    gateway.log().wait_for(&words, PATIENCE);
    assert_eq!(gateway.log().count(&words), 1, "a line a minute");

    // Who is elsewhere by a reload is reached no more, its pages are closed, and a call that is up goes on.
    let other = format!("networks = [\"{}\"]", host.ip());
    gateway.reload(|text| text.replace("networks = [\"127.0.0.1\"]", &other));
    assert_eq!(page.closed(PATIENCE).await.expect("it is closed"), Some(1008));
    assert!(wait_until(PATIENCE, || gateway.status()["registered_users"] == 0), "{}", gateway.status());
    assert_phone_hears(&lifted, CALLER_HZ).await;
    let status = |error: Option<AgentError>| error.as_ref().and_then(AgentError::status);
    assert_eq!(status(alice.register().await.err()), Some(403));
    let dialled = alice.dial("9101").await.expect("a number").answered(PATIENCE).await;
    assert_eq!(status(dialled.err()), Some(403));
    let refused = open(gateway).await.request("connect", proof("acme+bob")).await;
    assert!(matches!(&refused, Err(PageError::Refused { code: 1003, .. })), "{refused:?}");
    assert!(is_counted("page", 1));
    let registered = desk.register(Algorithm::Sha256, &secret, "Expires: 600\r\n");
    assert!(registered.starts_with("SIP/2.0 200 "), "{registered}");
    call.hang_up().await.expect("her call is where it was");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    gateway.assert_all_is_over(1);
}

/// Fails unless one more call was recorded, this one, from its answer to its end; the file goes away.
pub(super) fn assert_recorded(stage: &Stage, folder: &Path, calls: usize) {
    let ended = ["recording stopped", "CallEnded"];
    assert!(wait_until(PATIENCE, || stage.gateway.log().count(&ended) == calls));
    let path = recording(folder, "wav");
    let (sides, rate) = read_wav(&path);
    assert_sides(&sides, rate, WAV_OFF_MAX_DB);
    fs::remove_file(path).expect("our folder");
}

/// Fails unless this is refused a page that talks.
pub(super) async fn assert_unmoved(page: &mut JsonPage, placed: &Placed, wish: &str) {
    let asked = page.request("record", json!({ "callId": placed.call_id, "wish": wish })).await;
    assert!(matches!(asked, Err(PageError::Refused { code: 1003, .. })), "{wish}: {asked:?}");
}

/// Talks for a while, and hangs up.
async fn talk_over(call: Call, lifted: Call) {
    call.heard_packets(200, PATIENCE).await.expect("audio");
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_calls_are_recorded_or_not_as_is_said_of_it_whatever_the_rules_say() {
    let folder = TempDir::new().expect("a folder");
    // Calls to 81wav are recorded by their rule, and those to 82 where somebody asks.
    let config = acme("recording = \"always\"")
        .rule("destination = '700'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'acme+bob' } }]")
        .rule(
            "destination = '82'\nactions = [{ record = { format = 'wav', begin = 'asked', info = true } }, \
             { bridge = { trunk = 'carrier', number = '9100' } }]",
        );
    let stage = stage_with(config, folder.path());
    let gateway = &stage.gateway;
    let begun = || gateway.log().count(&["recording started"]);
    let (office, carrier) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let alice = webrtc(caller(&stage, "acme+alice")).await;
    let other = webrtc(stage.alice()).await;
    let (mut page, _) = connect(gateway, "acme+bob").await;

    // Always: who calls by SIP, the page that is called, and nobody has it otherwise.
    let (by_sip, lifted) = talk_from_webrtc(&alice, &carrier).await;
    talk_over(by_sip, lifted).await;
    assert_recorded(&stage, folder.path(), 1);
    let dialled = office.dial("700").await.expect("a number");
    let taking = answer(&mut page, media(&stage, CALLEE_HZ));
    let (placed, dialled) = tokio::join!(taking, dialled.answered(PATIENCE));
    let dialled = dialled.expect("an answer");
    assert_page_hears(&placed.media, CALLER_HZ).await;
    assert_unmoved(&mut page, &placed, "off").await;
    dialled.heard_packets(200, PATIENCE).await.expect("audio");
    dialled.hang_up().await.expect("confirmed");
    page.event("ended", PATIENCE).await.expect("its end");
    assert_recorded(&stage, folder.path(), 2);
    let placed = call(&mut page, media(&stage, CALLER_HZ), "82").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    for wish in ["off", "pause"] {
        assert_unmoved(&mut page, &placed, wish).await;
    }
    lifted.heard_packets(200, PATIENCE).await.expect("audio");
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");
    assert_recorded(&stage, folder.path(), 3);
    // Others are, where their rule says so.
    let (by_sip, lifted) = talk_from_webrtc(&other, &carrier).await;
    talk_over(by_sip, lifted).await;
    assert_eq!(begun(), 3);
    let told = gateway.explain(&["--from", "acme+alice", "--to", "9100"]);
    let sentence = "calls of users of customer \"acme\" are always recorded, by customers[].recording";
    let steps = told["decision"]["steps"].as_array().expect("sentences");
    assert!(steps.contains(&sentence.into()), "{told}");

    // Never, from a reload on.
    gateway.reload(|text| text.replace("recording = \"always\"", "recording = \"never\""));
    let (dialled, lifted) = tokio::join!(alice.call("81wav"), lift(&carrier));
    talk_over(dialled.expect("an answer"), lifted).await;
    let placed = call(&mut page, media(&stage, CALLER_HZ), "82").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &placed).await;
    assert_unmoved(&mut page, &placed, "on").await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(&mut page, placed).await;
    lifted.ended(PATIENCE).await.expect("it is hung up");
    assert_eq!(begun(), 3);
    let (dialled, lifted) = tokio::join!(other.call("81wav"), lift(&carrier));
    talk_over(dialled.expect("an answer"), lifted).await;
    assert_recorded(&stage, folder.path(), 4);
    gateway.assert_all_is_over(7);
}
