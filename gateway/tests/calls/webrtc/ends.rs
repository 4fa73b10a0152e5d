//! A WebRTC caller's calls to a trunk, by how they end.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::{CallEnd, CallProgress};

use super::caller::{SAID_HZ, refusal, user};
use crate::sip::rtp_peer::{LEVEL_DBM0, RtpPeer};
use crate::sip::stage::Stage;
use crate::support::gateway::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_the_caller_as_what_it_is() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let refusals = [
        ("486 Busy Here", 486),
        ("600 Busy Everywhere", 486),
        ("603 Decline", 603),
        ("404 Not Found", 404),
        ("480 Temporarily Unavailable", 480),
        ("488 Not Acceptable Here", 488),
        ("302 Moved Temporarily", 480),
        ("503 Service Unavailable", 503),
        ("500 Server Internal Error", 502),
    ];
    for (answer, expected) in refusals {
        let callee = stage.answer("callee_refuses", &[("ANSWER", answer)]);
        assert_eq!(refusal(&alice, "9100").await, Some(expected), "{answer}");
        callee.finish();
    }
    stage.gateway.assert_all_is_over(refusals.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_there() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    assert_eq!(refusal(&alice, "7100").await, Some(404), "no rule");
    assert_eq!(refusal(&alice, "bob").await, Some(480), "not registered");
    let callee = stage.answer("callee_rings", &[]);
    assert_eq!(refusal(&alice, "8100").await, Some(480), "not answered");
    callee.finish();
    stage.gateway.assert_all_is_over(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_gives_up_while_it_rings() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let callee = stage.answer("callee_rings", &[]);
    let dialing = alice.dial("9100").await.expect("a number");
    let ringing = dialing.ringing(PATIENCE).await.expect("it rings");
    assert_eq!(ringing, CallProgress::Ringing { status: 180, has_media: false });
    dialing.cancel().await.expect("an end");
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_gives_up_while_the_callee_lifts() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let callee = stage.answer("callee_answers_cancel", &[]);
    let dialing = alice.dial("9100").await.expect("a number");
    dialing.ringing(PATIENCE).await.expect("it rings");
    dialing.cancel().await.expect("an end");
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_hangs_up() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let callee = stage.answer("callee_talks", &[]);
    let call = alice.call("9100").await.expect("an answer");
    assert_eq!(call.hang_up().await.expect("confirmed"), CallEnd::ByUs);
    let bye = callee.wait_for("BYE");
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callee_hangs_up() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let callee = stage.answer("callee_talks", &[]);
    let call = alice.call("9100").await.expect("an answer");
    callee.go_on();
    let reason = Some("Q.850;cause=16;text=\"Normal call clearing\"".to_owned());
    assert_eq!(call.ended(PATIENCE).await.expect("an end"), CallEnd::ByPeer { reason });
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_stops() {
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let callee = stage.answer("callee_talks", &[]);
    let call = alice.call("9100").await.expect("an answer");
    tokio::task::block_in_place(|| stage.gateway.stop());
    let reason = Some("SIP;cause=503;text=\"Shutting down\"".to_owned());
    assert_eq!(call.ended(PATIENCE).await.expect("an end"), CallEnd::ByPeer { reason });
    callee.wait_for("BYE");
    callee.finish();
}

/// An announcement of the callee's network, before anybody lifts.
#[tokio::test(flavor = "multi_thread")]
async fn early_media_is_heard_before_the_answer() {
    const ANNOUNCEMENT_HZ: f64 = 620.0;
    let Some(stage) = Stage::new() else { return };
    let alice = user(&stage, "alice").await;
    let callee = stage.answer("callee_early", &[]);
    let mut phone = RtpPeer::new(&stage.callee, 7000);
    let dialing = alice.dial("9100").await.expect("a number");
    let port = callee.wait_for("INVITE").audio_port().expect("we offer");
    phone.say(stage.rtp(port), Law::Mu, ANNOUNCEMENT_HZ);
    let progress = dialing.ringing(PATIENCE).await.expect("progress");
    assert_eq!(progress, CallProgress::Ringing { status: 183, has_media: true });
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let level = loop {
        let heard = dialing.heard().await.expect("a log").samples(SampleRate::HZ_8000);
        // The first second holds the begin of the tone and that of the encoder.
        if let Some(settled) = heard.get(8000..16_000) {
            break goertzel_dbm0(settled, SampleRate::HZ_8000, ANNOUNCEMENT_HZ);
        }
        assert!(tokio::time::Instant::now() < deadline, "{} samples were heard", heard.len());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
    assert!(matches!(dialing.progress(), CallProgress::Ringing { .. }), "nobody has answered");
    callee.go_on();
    let call = dialing.answered(PATIENCE).await.expect("an answer");
    phone.assert_hears(Law::Mu, SAID_HZ.into());
    call.hang_up().await.expect("confirmed");
    callee.finish();
    stage.gateway.assert_all_is_over(1);
}
