//! A trunk's calls to a registered WebRTC user, by what the user does.

use webtrunk_codecs::SampleRate;
use webtrunk_codecs::g711::Law;
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_loadtest::agent::{Call, CallEnd, Credentials, DigestAlgorithm, WebrtcCaller, WebrtcConfig};

use super::caller::{SAID_HZ, user};
use crate::sip::rtp_peer::{LEVEL_DBM0, RtpPeer};
use crate::sip::stage::Stage;
use crate::support::gateway::{PATIENCE, password};

const PHONE_HZ: f64 = 850.0;

async fn registered(stage: &Stage) -> WebrtcCaller {
    let alice = user(stage, "alice").await;
    alice.register().await.expect("the password is right");
    alice
}

/// Waits until the user hears the phone's tone at its level, past the begin of tone and encoder.
async fn assert_hears_phone(call: &Call) {
    call.heard_packets(100, PATIENCE).await.expect("audio");
    let heard = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    let level = goertzel_dbm0(&heard[8000..16_000], SampleRate::HZ_8000, PHONE_HZ);
    assert!((level - LEVEL_DBM0).abs() <= 0.3, "{level:.2} dBm0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_answers_and_hangs_up() {
    let Some(stage) = Stage::new() else { return };
    let alice = registered(&stage).await;
    let mut phone = RtpPeer::new(&stage.caller, 7000);
    let caller = stage.call("caller_talks", "alice", &[]);
    let incoming = alice.next_incoming().await.expect("a call");
    assert_eq!((incoming.from.as_str(), incoming.from_name.as_str()), ("2001", "The Caller"));
    incoming.ring();
    caller.wait_for("180");
    let call = incoming.answer().await.expect("a codec in common");
    let port = caller.wait_for("200").audio_port().expect("an answer");
    phone.say(stage.rtp(port), Law::Mu, PHONE_HZ);
    phone.assert_hears(Law::Mu, SAID_HZ.into());
    assert_hears_phone(&call).await;
    call.hang_up().await.expect("confirmed");
    caller.wait_for("BYE");
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_offer_reaches_a_user() {
    let Some(stage) = Stage::new() else { return };
    let alice = registered(&stage).await;
    let mut phone = RtpPeer::new(&stage.caller, 7000);
    let caller = stage.call("caller_late_offer", "alice", &[]);
    let incoming = alice.next_incoming().await.expect("a call");
    assert!(incoming.offer.is_some(), "a browser is always offered something");
    let call = incoming.answer().await.expect("a codec in common");
    let port = caller.wait_for("200").audio_port().expect("our offer");
    phone.say(stage.rtp(port), Law::Mu, PHONE_HZ);
    phone.assert_hears(Law::Mu, SAID_HZ.into());
    assert_hears_phone(&call).await;
    caller.go_on();
    assert!(matches!(call.ended(PATIENCE).await, Ok(CallEnd::ByPeer { .. })));
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_refuses() {
    let Some(stage) = Stage::new() else { return };
    let alice = registered(&stage).await;
    let refusals = [(486, "486"), (603, "603"), (480, "480"), (500, "502")];
    for (status, expected) in refusals {
        let caller = stage.call("caller_refused", "alice", &[("STATUS", expected)]);
        alice.next_incoming().await.expect("a call").reject(status).await.expect("it waits");
        caller.finish();
    }
    stage.gateway.assert_all_is_over(refusals.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_gives_up() {
    let Some(stage) = Stage::new() else { return };
    let alice = registered(&stage).await;
    let caller = stage.call("caller_cancels", "alice", &[]);
    let mut incoming = alice.next_incoming().await.expect("a call");
    incoming.ring();
    assert_eq!(incoming.ended(PATIENCE).await.expect("an end"), CallEnd::Cancelled);
    caller.finish();
    stage.gateway.assert_all_is_over(1);
}

/// By either digest; with SHA-256 no browser's library does it yet.
#[tokio::test(flavor = "multi_thread")]
async fn users_register_over_websocket_by_either_digest() {
    let Some(stage) = Stage::new() else { return };
    let server = stage.gateway.websocket();
    let mut stay = Vec::new();
    for (name, algorithm) in [("alice", DigestAlgorithm::Md5), ("bob", DigestAlgorithm::Sha256)] {
        let credentials = Credentials { algorithm, ..Credentials::new(name, &password(name)) };
        let config = WebrtcConfig { credentials, ..WebrtcConfig::new(&server, name, "") };
        let caller = WebrtcCaller::new(config).await.expect("the gateway listens");
        caller.register().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        stay.push(caller);
    }
    assert_eq!(stage.gateway.status()["registered_users"], 2);
    let config = WebrtcConfig::new(&server, "alice", "a guess");
    let stranger = WebrtcCaller::new(config).await.expect("the gateway listens");
    let refused = stranger.register().await.expect_err("the password is wrong");
    assert_eq!(refused.status(), Some(401));
}
