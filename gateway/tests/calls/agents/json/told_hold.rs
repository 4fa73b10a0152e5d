//! Who is held by a page is told so, hears music, and is told that it is over: where the page takes the call back, and where it
//! puts its calls together.

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Direction;

use super::page::{
    OTHER_HZ, assert_page_hears, assert_phone_hears, assert_phone_hears_no, begin_call, call, change,
    connected, hang_up, media, pages, stage_of,
};
use crate::agents::conference::{BOB_HZ, user};
use crate::agents::held::wait_for_direction;
use crate::agents::played::Prompts;
use crate::agents::stage::{CALLER_HZ, lift_webrtc, phone};
use crate::support::gateway::PATIENCE;

const MUSIC_HZ: u16 = 1500;

/// Fails when music keeps the hold from being told, and when a merge leaves a phone told of a hold that is over.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_held_with_music_is_told_so_and_that_it_is_over_when_calls_are_put_together() {
    let prompts = Prompts::new();
    let music = format!("tell_hold = true\nmusic_on_hold = {:?}", prompts.wav(MUSIC_HZ, 16_000));
    let stage = stage_of(pages("").media(&music));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let bob = user(&stage, "bob", BOB_HZ).await;
    bob.register().await.expect("the password is right");
    let (mut page, _, first, lifted) = begin_call(&stage, &carrier).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;

    for _ in 0..2 {
        change(&mut page, &first, "hold", Direction::Inactive).await.expect("agreed");
        wait_for_direction(&lifted, Direction::RecvOnly).await;
        assert_phone_hears(&lifted, MUSIC_HZ).await;
        assert_phone_hears_no(&lifted, CALLER_HZ).await;
        change(&mut page, &first, "resumeMedia", Direction::SendRecv).await.expect("agreed");
        wait_for_direction(&lifted, Direction::SendRecv).await;
        assert_phone_hears(&lifted, CALLER_HZ).await;
        assert_page_hears(&first.media, OTHER_HZ).await;
    }

    change(&mut page, &first, "hold", Direction::Inactive).await.expect("agreed");
    wait_for_direction(&lifted, Direction::RecvOnly).await;
    let second = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let taken = lift_webrtc(&bob).await;
    connected(&mut page, &second).await;
    assert_phone_hears(&taken, CALLER_HZ).await;
    assert_phone_hears(&lifted, MUSIC_HZ).await;
    let both = json!({ "callId": second.call_id, "withCall": first.call_id });
    page.request("merge", both).await.expect("it is the page's to do");
    let ended = page.event("ended", PATIENCE).await.expect("the other call is in this one");
    assert_eq!(ended["callId"], first.call_id.as_str());
    wait_for_direction(&lifted, Direction::SendRecv).await;
    for hz in [CALLER_HZ, BOB_HZ] {
        assert_phone_hears(&lifted, hz).await;
    }
    assert_phone_hears_no(&lifted, MUSIC_HZ).await;
    assert_phone_hears(&taken, OTHER_HZ).await;
    assert_page_hears(&second.media, OTHER_HZ).await;
    hang_up(&mut page, second).await;
    assert_phone_hears(&taken, OTHER_HZ).await;
    taken.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("nobody is left to talk with");
    stage.gateway.assert_all_is_over(2);
}
