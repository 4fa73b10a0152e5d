//! A network in which packets come late, twice, and not at all for a moment: what is heard through it, over the bridge
//! and in a conference.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Call;
use webtrunk_loadtest::hear::Arrivals;

use super::ear::{
    assert_has_few_gaps, assert_hears_no_gap, assert_is_one_stream, assert_is_one_stream_but_for_stalls,
    assert_mostly_hears,
};
use super::stage::{CALLEE_HZ, CALLER_HZ, Stage, lift_webrtc, phone, talk_from_webrtc, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::gateway_config::WEBRTC_PORT;
use crate::support::relay::{Faults, Relay, Tally};

/// Packets are late by up to two of them, one in fifty begins a loss of three, one in thirty comes twice.
const STORMY: Faults = Faults { loss: 0.02, in_a_row: 2, doubles: 0.033, jitter_ms: 40, ..Faults::NONE };

/// Ten seconds.
const PACKETS: usize = 500;

fn figure(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or_else(|| panic!("{name} of {figures}"))
}

/// Fails unless the gateway missed what the network lost, but for the last packets. What came after it was given up
/// is not lost.
fn assert_is_missed(figures: &Value, tally: &Tally) {
    let lost = figure(figures, "lost");
    assert!(tally.lost() > 10, "the network was good");
    assert!(lost.abs_diff(tally.lost()) <= 3, "{lost} counted, {} lost", tally.lost());
}

/// Fails unless what is heard from now on has few gaps.
async fn assert_goes_on(call: &Call) {
    let from = SystemTime::now();
    let before = call.heard().await.expect("a log").packets.len();
    call.heard_packets(before + PACKETS, PATIENCE).await.expect("audio");
    assert_has_few_gaps(&call.heard().await.expect("a log").since(from));
}

#[tokio::test(flavor = "multi_thread")]
async fn bursts_jitter_and_doubles_between_webrtc_and_the_gateway() {
    let relay = Relay::new();
    let config = GatewayConfig::default()
        .media("shards = 1")
        .media(&format!("external_addresses = [\"{}\"]", relay.ip()));
    let stage = Stage::with(&["PCMU"], config);
    relay.carry((stage.gateway.sip().ip(), WEBRTC_PORT).into(), [STORMY; 2]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    lifted.heard_packets(PACKETS, PATIENCE).await.expect("audio");
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    assert_hears_no_gap(&lifted).await;
    assert_mostly_hears(&call, CALLEE_HZ).await;
    for end in [&call, &lifted] {
        assert_is_one_stream(end).await;
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let figures = stage.figures("webrtc");
    assert_is_missed(&figures, relay.tallies()[0]);
    let repaired = figure(&figures, "recovered") + figure(&figures, "concealed");
    assert!(repaired.abs_diff(figure(&figures, "lost")) <= 3, "{repaired} repaired of {figures}");
    // Packets are late by 20 ms as the mean of 40 in each direction, and reports of both with them.
    for (name, range) in
        [("jitter_ms", 3.0..30.0), ("round_trip_ms", 0.1..120.0), ("heard_delay_ms", 1.0..200.0)]
    {
        let measured = figures[name].as_f64();
        assert!(measured.is_some_and(|it| range.contains(&it)), "{name} is not within {range:?}: {figures}");
    }
    assert!(relay.tallies()[0].doubled() > 5, "nothing came twice");
}

/// The party is a phone, for whom a jitter buffer of the gateway waits; who listens has a good network.
#[tokio::test(flavor = "multi_thread")]
async fn bursts_jitter_and_doubles_of_a_party_of_a_conference() {
    let relay = Relay::new();
    let room = "actions = ['answer', { conference = { room = '100' } }]";
    let config = GatewayConfig::default()
        .rule(&format!("destination = '8100'\n{room}"))
        .rule(&format!("destination = '8100'\nfrom_trunk = 'office'\n{room}"));
    let (stage, caller) = Stage::behind_nat_with(&relay, STORMY, config);
    let (caller, alice) = (phone(caller).await, webrtc(stage.alice()).await);
    let party = caller.call("8100").await.expect("an answer");
    let listener = alice.call("8100").await.expect("an answer");
    // Until the jitter buffer knows the network.
    listener.heard_packets(100, PATIENCE).await.expect("audio");
    assert_goes_on(&listener).await;
    assert_mostly_hears(&listener, CALLER_HZ).await;
    assert_is_one_stream_but_for_stalls(&listener).await;
    listener.hang_up().await.expect("confirmed");
    party.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(2);
    let figures = stage.figures("rtp");
    let [towards, _] = relay.tallies();
    assert!(towards.lost() > 10 && towards.doubled() > 5, "the network was good");
    let (lost, late) = (figure(&figures, "lost"), figure(&figures, "late"));
    assert!(lost.abs_diff(towards.lost()) <= 3, "{lost} counted, {} lost", towards.lost());
    assert!(late < 15, "{late} came too late for the jitter buffer");
    let doubled = figure(&figures, "duplicate");
    assert!(doubled.abs_diff(towards.doubled()) <= 3, "{doubled} counted, {} doubled", towards.doubled());
    assert!(figures["heard_mos"].as_f64().is_some_and(|mos| mos < 4.2), "loss costs something: {figures}");
}

/// Nothing is passed through here: what a phone's G.711 lacks is invented before it is encoded for the browser.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_phone_loses_of_g711_is_concealed_for_a_browser() {
    let relay = Relay::new();
    let rule = "destination = '7100'\nfrom_trunk = 'office'\nactions = [{ bridge = { user = 'alice' } }]";
    let loses = Faults { loss: 0.05, ..Faults::NONE };
    let (stage, caller) = Stage::behind_nat_with(&relay, loses, GatewayConfig::default().rule(rule));
    let (caller, alice) = (phone(caller).await, webrtc(stage.alice()).await);
    alice.register().await.expect("the password is right");
    let (call, lifted) = tokio::join!(caller.call("7100"), lift_webrtc(&alice));
    let call = call.expect("an answer");
    lifted.heard_packets(PACKETS, PATIENCE).await.expect("audio");
    assert_mostly_hears(&lifted, CALLER_HZ).await;
    assert_hears_no_gap(&lifted).await;
    for end in [&call, &lifted] {
        assert_is_one_stream(end).await;
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
    let figures = stage.figures("rtp");
    assert_is_missed(&figures, relay.tallies()[0]);
    let concealed = figure(&figures, "concealed");
    assert!(concealed.abs_diff(figure(&figures, "lost")) <= 3, "{concealed} concealed of {figures}");
}

/// What came meanwhile is neither lost nor taken for missing: after it both streams are where they would be.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stood_still_goes_on_as_before() {
    const STALL: Duration = Duration::from_millis(300);
    const SECOND: usize = 50;
    let stage = Stage::new(&["PCMU"]);
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    for _ in 0..3 {
        for end in [&call, &lifted] {
            let heard = end.heard().await.expect("a log").packets.len();
            end.heard_packets(heard + SECOND, PATIENCE).await.expect("audio");
        }
        stage.gateway.stand_still(STALL).await;
    }
    lifted.heard_packets(5 * SECOND, PATIENCE).await.expect("audio");
    for (end, hz) in [(&call, CALLEE_HZ), (&lifted, CALLER_HZ)] {
        assert_is_one_stream(end).await;
        assert_mostly_hears(end, hz).await;
        let arrivals = Arrivals::of(&end.heard().await.expect("a log"));
        assert_eq!(arrivals.map(|it| it.lost), Some(0));
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
