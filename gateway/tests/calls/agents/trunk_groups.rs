//! Several trunks that carry the same numbers: the next one is called where one fails, and is told what the rule says.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, PhoneConfig};

use super::ear::assert_hears;
use super::records::{self, ms, wait_for_records};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift, phone, webrtc};
use crate::sip::sipp::Sipp;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::host::Host;
use crate::support::tools;

/// How long a silent trunk holds up a call (docs/SIP.md), and what a busy machine takes besides.
const SILENCE: Duration = Duration::from_secs(2);
const MACHINE: Duration = Duration::from_secs(6);

const BUSY: [(&str, &str); 1] = [("ANSWER", "486 Busy Here")];
const NO_ROOM: [(&str, &str); 1] = [("ANSWER", "503 Service Unavailable")];

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_past_a_silent_a_closed_and_a_refusing_trunk_to_the_next_as_one_call() {
    if tools::command("sipp").is_none() {
        return;
    }
    let [silent, closed, refusing] = std::array::from_fn(|_| Host::new());
    // Bound, so that nothing tells that nobody is there.
    let _deaf = UdpSocket::bind(silent.at(5060)).expect("the host is ours");
    let group = "trunks = ['silent', 'closed', 'refusing', 'carrier'], number = '$1'";
    let headers = "headers = { set = { X-Tenant = 'acme-$1', Subject = 'a call' }, remove = ['X-None'] }";
    let folder = TempDir::new().expect("a folder");
    let config = records::config(folder.path())
        .trunk("silent", &silent, &["PCMU"])
        .trunk("closed", &closed, &["PCMU"])
        .trunk("refusing", &refusing, &["PCMU"])
        .rule(&format!("destination = '7(\\d+)'\nactions = [{{ bridge = {{ {group}, {headers} }} }}]"))
        .rule("destination = '8(\\d+)'\nactions = [{ bridge = { trunks = ['refusing', 'carrier'], number = '$1' } }]")
        .rule(
            "destination = '6(\\d+)'\nactions = \
             [{ bridge = { trunks = ['refusing', 'carrier'], number = '$1', failover = ['busy'] } }]",
        );
    let stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);

    let refuses = Sipp::callee(&refusing, "callee_refuses", &NO_ROOM);
    let dialled_at = Instant::now();
    let (call, lifted) = tokio::join!(alice.call("7100"), lift(&callee));
    let (call, took) = (call.expect("the fourth trunk answers"), dialled_at.elapsed());
    assert!(took >= SILENCE && took < SILENCE + MACHINE, "{took:?}");
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    let seen = refuses.finish();
    let invite = seen.iter().find(|seen| seen.is("INVITE")).expect("it was called");
    assert_eq!((invite.header("X-Tenant"), invite.header("Subject")), (Some("acme-100"), Some("a call")));

    // What the callee decides is the caller's answer.
    let refuses = Sipp::callee(&refusing, "callee_refuses", &BUSY);
    let refused = alice.dial("8100").await.expect("a number").answered(PATIENCE).await;
    assert_eq!(refused.err().as_ref().and_then(AgentError::status), Some(486));
    refuses.finish();

    // Unless the rule says otherwise.
    let refuses = Sipp::callee(&refusing, "callee_refuses", &BUSY);
    let (call, lifted) = tokio::join!(alice.call("6100"), lift(&callee));
    let call = call.expect("the second trunk answers");
    assert_hears(&lifted, CALLER_HZ).await;
    call.hang_up().await.expect("confirmed");
    refuses.finish();
    stage.gateway.assert_all_is_over(3);
    // Each is charged once, whoever was tried for it.
    let records = wait_for_records(folder.path(), 3);
    let talked = records.iter().map(|record| ms(&record["talked_ms"]) > 0).collect::<Vec<_>>();
    assert_eq!(talked, [true, false, true], "{records:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_full_or_down_is_passed_over_at_once() {
    let [down, full] = std::array::from_fn(|_| Host::new());
    let _deaf = UdpSocket::bind(down.at(5060)).expect("the host is ours");
    let rule = |digit: u8, trunks: &str| {
        format!(
            "destination = '{digit}(\\d+)'\nactions = [{{ bridge = {{ trunks = {trunks}, number = '$1' }} }}]"
        )
    };
    let config = GatewayConfig::default()
        .trunk("down", &down, &["PCMU"])
        .last_trunk("probe_s = 1")
        .trunk("full", &full, &["PCMU"])
        .last_trunk("calls_max = 1")
        .rule(&rule(7, "['full']"))
        .rule(&rule(8, "['down', 'full', 'carrier']"));
    let stage = Stage::with(&["PCMU"], config);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let at_full = phone(PhoneConfig { bind: full.at(5060), ..stage.callee(CodecId::Pcmu) }).await;
    let (first, lifted_first) = tokio::join!(alice.call("7100"), lift(&at_full));
    let first = first.expect("it has room for one");
    let state = || stage.gateway.status()["trunks"]["down"]["hosts"][0]["state"].clone();
    assert!(crate::support::process::wait_until(PATIENCE, || state() == "down"), "{}", state());
    let dialled_at = Instant::now();
    let (second, lifted) = tokio::join!(alice.call("8100"), lift(&callee));
    let (second, took) = (second.expect("the carrier answers"), dialled_at.elapsed());
    assert!(took < SILENCE, "{took:?}");
    for (call, heard) in [(&second, CALLEE_HZ), (&lifted, CALLER_HZ), (&lifted_first, CALLER_HZ)] {
        assert_hears(call, heard).await;
    }
    second.hang_up().await.expect("confirmed");
    first.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trunk_that_has_all_the_weight_is_called_first_wherever_it_stands() {
    let light = Host::new();
    let rule = |digit: u8, trunks: &str| {
        format!(
            "destination = '{digit}(\\d+)'\nactions = [{{ bridge = {{ trunks = {trunks}, weights = [0, 1], number = '$1' }} }}]"
        )
    };
    let config = GatewayConfig::default()
        .trunk("light", &light, &["PCMU"])
        .rule(&rule(7, "['light', 'carrier']"))
        .rule(&rule(8, "['carrier', 'light']"));
    let stage = Stage::with(&["PCMU"], config);
    let alice = webrtc(stage.alice()).await;
    let at_carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let at_light = phone(PhoneConfig { bind: light.at(5060), ..stage.callee(CodecId::Pcmu) }).await;
    for (number, callee) in [("7100", &at_carrier), ("8100", &at_light), ("7100", &at_carrier)] {
        let (call, lifted) = tokio::join!(alice.call(number), lift(callee));
        let call = call.expect("an answer");
        assert_hears(&call, CALLEE_HZ).await;
        assert_hears(&lifted, CALLER_HZ).await;
        call.hang_up().await.expect("confirmed");
    }
    stage.gateway.assert_all_is_over(3);
}
