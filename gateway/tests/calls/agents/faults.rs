//! A network that loses and swaps packets: what is heard through it, and what RTCP and the gateway's own
//! counters tell of it.

use serde_json::Value;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, PeerReport, WebrtcConfig};

use super::ear::{assert_hears_no_gap, assert_is_one_stream, assert_mostly_hears};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, talk, talk_from_webrtc, webrtc};
use super::wishes::speech;
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::WEBRTC_PORT;
use crate::support::relay::{Faults, Relay, Tally};

/// One packet in twenty is lost, one in thirty comes late by one.
const BAD: Faults = Faults { loss: 0.05, swaps: 0.033, ..Faults::NONE };

/// Eleven seconds: enough for two reports of each side.
const PACKETS: usize = 550;

/// The latest report of the other end, once it tells of a loss.
async fn report(call: &Call) -> PeerReport {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let report = call.heard().await.expect("a log").peer_report;
        match report {
            Some(report) if report.total_lost > 0 && report.round_trip.is_some() => return report,
            _ => assert!(tokio::time::Instant::now() < deadline, "no loss is reported: {report:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Fails unless the other end reports of our stream what the network did to it.
async fn assert_is_reported(call: &Call, tally: &Tally) {
    let report = report(call).await;
    let (told, lost) = (u64::from(report.total_lost), tally.lost());
    assert!(told <= lost && 2 * told >= lost, "{told} of {lost} lost packets are reported");
    let share = f64::from(report.fraction_lost) / 256.0;
    assert!((0.01..0.15).contains(&share), "{share:.3} lost of late");
    let round_trip = report.round_trip.expect("measured");
    assert!(round_trip.as_millis() < 200, "{round_trip:?}");
}

/// Fails unless the gateway counted what the network did, but for the last packets.
fn assert_is_counted(figures: &Value, [towards, _]: [&Tally; 2]) {
    let figure = |name: &str| figures[name].as_u64().unwrap_or_else(|| panic!("{name} of {figures}"));
    let lost = figure("lost");
    assert!(lost.abs_diff(towards.lost()) <= 3, "{lost} counted, {} lost", towards.lost());
    let moved = figure("reordered") + figure("late");
    assert!(moved.abs_diff(towards.swapped()) <= 3, "{moved} counted, {} swapped", towards.swapped());
    assert!((1..15).contains(&figure("peer_lost_percent")), "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn between_webrtc_and_the_gateway() {
    let relay = Relay::new();
    let config = GatewayConfig::default()
        .media("shards = 1")
        .media(&format!("external_addresses = [\"{}\"]", relay.ip()));
    let stage = Stage::with(&["PCMU"], config);
    relay.carry((stage.gateway.sip().ip(), WEBRTC_PORT).into(), [BAD; 2]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    lifted.heard_packets(PACKETS, PATIENCE).await.expect("audio");
    assert_is_reported(&call, relay.tallies()[0]).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    assert_hears_no_gap(&lifted).await;
    assert_mostly_hears(&call, CALLEE_HZ).await;
    for end in [&call, &lifted] {
        assert_is_one_stream(end).await;
    }
    let clean = lifted.heard().await.expect("a log").peer_report.expect("a report");
    assert_eq!(clean.total_lost, 0, "the phone's way is clean");
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    assert_is_counted(&stage.figures("webrtc"), relay.tallies());
}

/// Of speech, Opus sends each packet once more in the next one, where it expects loss.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_of_speech_is_restored_for_the_phone() {
    let relay = Relay::new();
    let config = GatewayConfig::default()
        .media("shards = 1")
        .media(&format!("external_addresses = [\"{}\"]", relay.ip()));
    let stage = Stage::with(&["PCMU"], config);
    let loses = Faults { swaps: 0.0, ..BAD };
    relay.carry((stage.gateway.sip().ip(), WEBRTC_PORT).into(), [loses, Faults::default()]);
    let voice = Some(speech().expecting_loss(5));
    let alice = webrtc(WebrtcConfig { voice, ..stage.alice() }).await;
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    lifted.heard_packets(PACKETS, PATIENCE).await.expect("audio");
    assert_is_one_stream(&lifted).await;
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let figures = stage.figures("webrtc");
    let [recovered, concealed] =
        ["recovered", "concealed"].map(|name| figures[name].as_u64().expect("a count"));
    let lost = relay.tallies()[0].lost();
    assert!((recovered + concealed).abs_diff(lost) <= 3, "{recovered} and {concealed} of {lost}");
    assert!(2 * recovered > lost, "{recovered} of {lost} restored, {concealed} invented");
}

/// The phone is behind a NAT. What it is told of us is what the relay has.
#[tokio::test(flavor = "multi_thread")]
async fn between_a_phone_and_the_gateway() {
    let relay = Relay::new();
    let (stage, caller) = Stage::behind_nat(&relay, BAD);
    let gateway = stage.gateway.sip().ip();
    let (caller, callee) = (phone(caller).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    for (end, told) in [(&call, relay.ip()), (&lifted, gateway)] {
        assert_eq!(end.remote_description().expect("a description").address.ip(), told);
    }
    lifted.heard_packets(PACKETS, PATIENCE).await.expect("audio");
    assert_is_reported(&call, relay.tallies()[0]).await;
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    assert_mostly_hears(&call, CALLEE_HZ).await;
    for end in [&call, &lifted] {
        assert_is_one_stream(end).await;
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
