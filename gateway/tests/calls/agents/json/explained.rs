//! What `webtrunk explain --sdp` prints of a page's offer is what the page and the phone are told in the call.

use std::collections::BTreeSet;

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::Direction;

use super::page::{
    OTHER_HZ, Placed, assert_page_hears, assert_phone_hears, connect, hang_up, media, pages, stage_of,
};
use crate::agents::stage::{CALLER_HZ, phone};
use crate::support::gateway::PATIENCE;
use crate::support::sdp_shape::shape;

#[tokio::test(flavor = "multi_thread")]
async fn the_descriptions_that_explain_prints_for_a_page_are_those_of_its_call() {
    let stage = stage_of(pages(""));
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let media = media(&stage, CALLER_HZ);
    let offer = media.offer(Direction::SendRecv).await.expect("an offer");

    let placed = page.request("call", json!({ "to": "9100", "sdp": offer })).await.expect("it is placed");
    let placed = Placed { call_id: placed["callId"].as_str().expect("a name").to_owned(), media };
    let incoming =
        tokio::time::timeout(PATIENCE, carrier.next_incoming()).await.expect("in time").expect("a call");
    let offered = incoming.offer.as_ref().expect("an offer").text.clone();
    let lifted = incoming.answer().await.expect("a codec in common");
    let told = page.event("connected", PATIENCE).await.expect("an answer");
    let answered = told["sdp"].as_str().expect("the gateway's answer").to_owned();
    placed.media.accept(&answered).await.expect("it is good");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;

    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("offer.sdp");
    std::fs::write(&file, &offer).expect("the folder is ours");
    let file = file.to_str().expect("it is text");
    let explained = stage.gateway.explain(&["--from", "alice", "--to", "9100", "--sdp", file]);
    let text = |leg: usize, what: &str| explained["legs"][leg][what].as_str().expect("it is told").to_owned();
    // It is printed in our order of attributes, of which none means anything.
    let in_any_order = |description: &str| shape(description).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(in_any_order(&text(0, "offer")), in_any_order(&offer));
    assert_eq!(shape(&text(0, "answer")), shape(&answered));
    assert_eq!(shape(&text(1, "offer")), shape(&offered));
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}
