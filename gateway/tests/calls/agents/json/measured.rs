//! What a page is answered that asks what is measured of its call.

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{JsonPage, PageError, PageMedia, Uplink, WebrtcConfig};

use super::page::{
    OTHER_HZ, answer, assert_page_hears, assert_talk, begin_call, call, connect, connected, hang_up, media,
    stage,
};
use crate::agents::stage::{CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;

async fn figures(page: &mut JsonPage, call_id: &str) -> Value {
    page.request("statistics", json!({ "callId": call_id })).await.expect("it is its own call")
}

fn count(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or_else(|| panic!("{name} of {figures}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_for_codecs_and_packets_of_its_call_as_they_are_then_and_for_those_of_no_other() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _, placed, lifted) = begin_call(&stage, &carrier).await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    assert_talk(&placed, &lifted).await;
    let before = figures(&mut alice, &placed.call_id).await;
    assert_eq!(before["isTranscoded"], true, "the phone has another codec: {before}");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    let after = figures(&mut alice, &placed.call_id).await;
    for name in ["packetsReceived", "packetsSent"] {
        assert!(count(&after, name) >= count(&before, name) + 50, "{name} of {before} and {after}");
    }
    for (page, call_id) in [(&mut bob, &*placed.call_id), (&mut alice, "gone")] {
        match page.request("statistics", json!({ "callId": call_id })).await {
            Err(PageError::Refused { code: 1004, field, .. }) => {
                assert_eq!(field.as_deref(), Some("callId"));
            }
            other => panic!("{other:?}"),
        }
    }
    hang_up(&mut alice, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");

    let placed = call(&mut alice, media(&stage, CALLER_HZ), "bob").await;
    let taken = answer(&mut bob, media(&stage, OTHER_HZ)).await;
    connected(&mut alice, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_page_hears(&taken.media, CALLER_HZ).await;
    for (page, call_id) in [(&mut alice, &placed.call_id), (&mut bob, &taken.call_id)] {
        let told = figures(page, call_id).await;
        assert_eq!(told["isTranscoded"], false, "pages have one codec in common: {told}");
        assert_eq!((&told["codecReceived"], &told["codecSent"]), (&json!("opus"), &json!("opus")));
    }
    hang_up(&mut alice, placed).await;
    bob.event("ended", PATIENCE).await.expect("he is told");
    stage.gateway.assert_all_is_over(2);
}

/// What alice's network loses of her packets.
const LOST: f64 = 0.2;

/// Enough for the share to be within a few percent of it.
const PACKETS: u64 = 400;

/// A page whose network loses much of what she says.
fn lossy(stage: &Stage) -> PageMedia {
    let uplink = Uplink::losing(LOST, 7);
    let config = WebrtcConfig { media_address: Some(stage.gateway.sip().ip()), uplink, ..stage.alice() };
    PageMedia::open(&config).expect("a port")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_what_is_lost_of_what_it_says_and_that_nothing_is_of_what_it_hears() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut alice, _) = connect(&stage.gateway, "alice").await;
    let placed = call(&mut alice, lossy(&stage), "9100").await;
    let lifted = lift(&carrier).await;
    connected(&mut alice, &placed).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    let told = loop {
        let told = alice.event("quality", PATIENCE).await.expect("every five seconds");
        let asked = figures(&mut alice, &placed.call_id).await;
        assert!(count(&asked, "lost") >= count(&told, "lost"), "{told}, and then {asked}");
        if count(&asked, "packetsReceived") >= PACKETS {
            break asked;
        }
    };
    let (lost, came) = (count(&told, "lost"), count(&told, "packetsReceived"));
    let share = lost as f64 / (lost + came) as f64;
    assert!((share - LOST).abs() < 0.08, "{share:.2} is lost: {told}");
    assert!(count(&told, "concealed") + count(&told, "recovered") > 0, "{told}");
    assert_eq!(told["lostSentPercent"], 0, "{told}");
    lifted.heard_packets(100, PATIENCE).await.expect("she is heard all the same");
    hang_up(&mut alice, placed).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}
