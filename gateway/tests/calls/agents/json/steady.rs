//! What a browser's leg is built on stays as it is, whatever its call becomes: credentials of ICE, fingerprint, role in DTLS,
//! SSRC, and one unbroken stream.

use std::time::{Duration, SystemTime};

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Direction};

use super::page::{
    OTHER_HZ, assert_page_hears, assert_phone_hears, assert_phone_hears_no, call, change, connect, connected,
    hang_up, media, pages, stage_of,
};
use crate::agents::conference::{BOB_HZ, user};
use crate::agents::played::Prompts;
use crate::agents::stage::{CALLER_HZ, lift, lift_webrtc, phone};
use crate::support::gateway::PATIENCE;

const MUSIC_HZ: u16 = 1500;

/// What the gateway's description says of what the leg is built on.
fn ground(call: &Call) -> [String; 4] {
    let ice = call.remote_description().expect("a description").ice.expect("WebRTC");
    [ice.ufrag, ice.password, ice.fingerprint, ice.is_lite.to_string()]
}

/// Fails unless all that was heard came in one stream whose sequence has no gap, and whose timestamps go on by the time
/// that passed, as far as the machine is in time.
async fn assert_is_unbroken(call: &Call) {
    const OFF_MAX: Duration = Duration::from_millis(400);
    let heard = call.heard().await.expect("a log");
    assert_eq!(heard.ssrcs().len(), 1, "{:?}", heard.ssrcs());
    let first = &heard.packets[0];
    let hz = first.codec.clock_rate().hz();
    for pair in heard.packets.windows(2) {
        let [before, packet] = pair else { unreachable!("windows of two") };
        assert_eq!(packet.sequence, before.sequence.wrapping_add(1), "a gap in the sequence");
        let forward = packet.timestamp.wrapping_sub(before.timestamp);
        assert!((1..hz).contains(&forward), "timestamps jump by {forward} at {}", packet.sequence);
        let told = Duration::from_secs_f64(
            f64::from(packet.timestamp.wrapping_sub(first.timestamp)) / f64::from(hz),
        );
        let passed = packet.at.duration_since(first.at).unwrap_or_default();
        assert!(told.abs_diff(passed) < OFF_MAX, "{told:?} by timestamps in {passed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_leg_stays_as_it_is_over_music_on_hold_and_as_its_call_becomes_a_conference_and_is_none_again()
 {
    let prompts = Prompts::new();
    let music = format!("music_on_hold = {:?}", prompts.wav(MUSIC_HZ, 16_000));
    let stage = stage_of(pages("").media(&music));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let bob = user(&stage, "bob", BOB_HZ).await;
    bob.register().await.expect("the password is right");
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let first = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let taken = lift_webrtc(&bob).await;
    connected(&mut page, &first).await;
    assert_phone_hears(&taken, CALLER_HZ).await;
    let began = ground(&taken);

    for _ in 0..2 {
        change(&mut page, &first, "hold", Direction::Inactive).await.expect("agreed");
        assert_phone_hears(&taken, MUSIC_HZ).await;
        change(&mut page, &first, "resumeMedia", Direction::SendRecv).await.expect("agreed");
        assert_phone_hears(&taken, CALLER_HZ).await;
    }
    assert_is_unbroken(&taken).await;

    let second = call(&mut page, media(&stage, CALLER_HZ), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut page, &second).await;
    let both = json!({ "callId": first.call_id, "withCall": second.call_id });
    page.request("merge", both).await.expect("it is the page's to do");
    page.event("ended", PATIENCE).await.expect("the other call is in this one");
    for hz in [CALLER_HZ, OTHER_HZ] {
        assert_phone_hears(&taken, hz).await;
    }
    assert_phone_hears(&lifted, BOB_HZ).await;
    lifted.hang_up().await.expect("confirmed");
    assert_phone_hears_no(&taken, OTHER_HZ).await;
    assert_phone_hears(&taken, CALLER_HZ).await;
    assert_page_hears(&first.media, BOB_HZ).await;
    assert_is_unbroken(&taken).await;
    assert_eq!(ground(&taken), began);

    // What it was not told of shows in the next description.
    taken.change(Direction::SendRecv).await.expect("agreed");
    assert_eq!(ground(&taken), began);
    let since = SystemTime::now();
    assert_phone_hears(&taken, CALLER_HZ).await;
    assert!(!taken.heard().await.expect("a log").since(since).packets.is_empty());
    assert_is_unbroken(&taken).await;
    hang_up(&mut page, first).await;
    taken.ended(PATIENCE).await.expect("bob is told");
    stage.gateway.assert_all_is_over(2);
}
