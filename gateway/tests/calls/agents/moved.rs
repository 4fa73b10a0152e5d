//! Callers that change networks in the middle of a call, or whose network changes.

use std::time::{Duration, SystemTime};

use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, Direction};

use super::ear::assert_hears;
use super::stage::{
    CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, RTP_PORTS, Stage, lift_webrtc, phone, talk, talk_from_webrtc, webrtc,
};
use crate::support::gateway::PATIENCE;
use crate::support::host::Host;
use crate::support::relay::{Faults, Relay};

/// The longest time between two packets of audio.
async fn longest_gap(call: &Call) -> Duration {
    let heard = call.heard().await.expect("a log");
    let gaps = heard.packets.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at).unwrap_or_default());
    gaps.max().expect("audio")
}

/// How many packets of audio have come.
async fn heard_so_far(call: &Call) -> usize {
    call.heard().await.expect("a log").packets.len()
}

/// Waits until audio has come for so long since now.
async fn hears_for(call: &Call, time: Duration, limit: Duration) {
    let before = heard_so_far(call).await;
    let packets = usize::try_from(time.as_millis() / 20).expect("a test is short");
    call.heard_packets(before + packets, limit).await.expect("audio again");
}

/// Whether what was heard last is a tone: what came before it may be anything.
async fn assert_hears_at_last(call: &Call, hz: u16) {
    let samples = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let last = &samples[samples.len() - 8000..];
    let level = goertzel_dbm0(last, SampleRate::HZ_8000, hz.into());
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_network_was_lost_is_asked_to_check_anew_and_the_call_goes_on() {
    let elsewhere = Host::new();
    let stage = Stage::new(&["PCMU"]);
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    call.lose_network(elsewhere.ip()).expect("the host is ours");
    // Two seconds on both sides, after what the gateway takes for silence.
    hears_for(&call, Duration::from_secs(2), Duration::from_secs(20)).await;
    hears_for(&lifted, Duration::from_secs(2), Duration::from_secs(5)).await;
    assert_hears_at_last(&call, CALLEE_HZ).await;
    assert_hears_at_last(&lifted, CALLER_HZ).await;
    let gap = longest_gap(&call).await;
    assert!((7.0..10.0).contains(&gap.as_secs_f64()), "{gap:?}");
    let gap = longest_gap(&lifted).await;
    assert!(gap < Duration::from_secs(1), "the phone is sent silence meanwhile: {gap:?}");
    let log = stage.gateway.log();
    assert_eq!(log.count(&["\"ICE is restarted\""]), 1, "once in a silence");
    assert_eq!(log.count(&["\"ICE restarted\""]), 1);
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_restarts_ice_itself_is_heard_again_at_once() {
    let elsewhere = Host::new();
    let stage = Stage::new(&["PCMU"]);
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = talk_from_webrtc(&alice, &carrier).await;
    assert_hears(&call, CALLEE_HZ).await;
    let lost_at = SystemTime::now();
    call.lose_network(elsewhere.ip()).expect("the host is ours");
    call.restart_ice().await.expect("agreed");
    hears_for(&lifted, Duration::from_secs(2), Duration::from_secs(5)).await;
    hears_for(&call, Duration::from_secs(1), Duration::from_secs(5)).await;
    assert_hears_at_last(&call, CALLEE_HZ).await;
    assert_hears_at_last(&lifted, CALLER_HZ).await;
    for end in [&call, &lifted] {
        let gap = longest_gap(end).await;
        assert!(gap < Duration::from_secs(1), "{gap:?}");
    }
    assert!(lost_at.elapsed().expect("the clock goes on") < Duration::from_secs(8), "nobody asked it to");
    assert_eq!(stage.gateway.log().count(&["\"ICE is restarted\""]), 0);
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_whose_network_was_lost_comes_back_too_and_the_caller_notices_the_gap_alone() {
    let elsewhere = Host::new();
    let stage = Stage::with_bob(&["PCMU"]);
    let bob = webrtc(stage.bob()).await;
    bob.register().await.expect("the password is right");
    let alice = webrtc(stage.alice()).await;
    let (call, lifted) = tokio::join!(alice.call("bob"), lift_webrtc(&bob));
    let call = call.expect("an answer");
    assert_hears(&call, CALLEE_HZ).await;
    let described = call.remote_description();
    lifted.lose_network(elsewhere.ip()).expect("the host is ours");
    hears_for(&call, Duration::from_secs(2), Duration::from_secs(20)).await;
    assert_hears_at_last(&call, CALLEE_HZ).await;
    hears_for(&lifted, Duration::from_secs(1), Duration::from_secs(5)).await;
    assert_hears_at_last(&lifted, CALLER_HZ).await;
    assert_eq!(call.remote_description(), described, "the caller is told nothing");
    assert_eq!(stage.gateway.log().count(&["\"ICE is restarted\""]), 1);
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

/// The NAT in front of a phone starts anew, so that its media come from another port. Until it describes itself
/// again nobody can know them from a stranger's.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_whose_nat_changed_is_heard_again_when_it_describes_itself_anew() {
    let relay = Relay::new();
    let (stage, caller) = Stage::behind_nat(&relay, Faults::default());
    let gateway = stage.gateway.sip().ip();
    let (caller, callee) = (phone(caller).await, phone(stage.callee(CodecId::Pcmu)).await);
    let (call, lifted) = talk(&caller, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    for port in RTP_PORTS {
        relay.forget((gateway, port).into());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = [heard_so_far(&call).await, heard_so_far(&lifted).await];
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = [heard_so_far(&call).await, heard_so_far(&lifted).await];
    assert_eq!(after, before, "nothing goes to a port, or is taken from one, that nobody described");
    call.change(Direction::SendRecv).await.expect("agreed");
    hears_for(&lifted, Duration::from_secs(2), PATIENCE).await;
    hears_for(&call, Duration::from_secs(2), PATIENCE).await;
    assert_hears_at_last(&call, CALLEE_HZ).await;
    assert_hears_at_last(&lifted, CALLER_HZ).await;
    for end in [&call, &lifted] {
        assert_eq!(end.heard().await.expect("a log").ssrcs().len(), 1);
    }
    call.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}
