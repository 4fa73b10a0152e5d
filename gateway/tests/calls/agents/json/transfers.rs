//! A page hands a call on, to somebody who is called and to the party of its other call.

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{JsonPage, Voice, WebrtcCaller, WebrtcConfig};

use super::page::{
    OTHER_HZ, assert_page_hears, assert_phone_hears, begin_call, call, connect, connected, hang_up, media,
    stage, take,
};
use crate::agents::stage::{CALLER_HZ, LEVEL_DBM0, Stage, lift_webrtc, phone, webrtc};
use crate::support::gateway::PATIENCE;

async fn assert_steps(page: &mut JsonPage, steps: &[&str]) {
    for step in steps {
        let told = page.event("transferProgress", PATIENCE).await.expect("progress");
        assert_eq!(told["step"], *step, "{told}");
    }
}

/// Bob in a browser, who can be called.
async fn bob(stage: &Stage) -> WebrtcCaller {
    let voice = Some(Voice::tone(CALLER_HZ, LEVEL_DBM0));
    let bob = webrtc(WebrtcConfig { voice, ..stage.bob() }).await;
    bob.register().await.expect("the password is right");
    bob
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_transfers_a_phone_to_a_browser_and_is_told_how_it_goes() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let bob = bob(&stage).await;
    let (mut page, _, placed, lifted) = begin_call(&stage, &carrier).await;
    let nobody = page.request("transfer", json!({ "callId": placed.call_id, "to": "nobody" })).await;
    nobody.expect("it is asked for");
    let failed = page.event("transferProgress", PATIENCE).await.expect("progress");
    assert_eq!((&failed["step"], &failed["cause"]), (&json!("failed"), &json!("notFound")));
    page.request("transfer", json!({ "callId": placed.call_id, "to": "bob" }))
        .await
        .expect("it is asked for");
    let taken = lift_webrtc(&bob).await;
    assert_steps(&mut page, &["began", "ringing", "done"]).await;
    let ended = page.event("ended", PATIENCE).await.expect("its end");
    assert_eq!(ended["callId"], placed.call_id.as_str());
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_phone_hears(&taken, OTHER_HZ).await;
    taken.hang_up().await.expect("confirmed");
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_puts_the_parties_of_its_two_calls_through() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let bob = bob(&stage).await;
    let (mut page, _, first, lifted) = begin_call(&stage, &carrier).await;
    let second = call(&mut page, media(&stage, CALLER_HZ), "bob").await;
    let taken = lift_webrtc(&bob).await;
    connected(&mut page, &second).await;
    let params = json!({ "callId": first.call_id, "withCall": second.call_id });
    page.request("transfer", params).await.expect("it is asked for");
    assert_steps(&mut page, &["began", "done"]).await;
    for _ in 0..2 {
        page.event("ended", PATIENCE).await.expect("both of its calls end");
    }
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_phone_hears(&taken, OTHER_HZ).await;
    taken.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("the phone is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_which_a_call_is_handed_on_is_told_who_calls_and_by_whom() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut bob, _) = connect(&stage.gateway, "bob").await;
    let (mut page, _, placed, lifted) = begin_call(&stage, &carrier).await;
    let params = json!({ "callId": placed.call_id, "to": "bob" });
    page.request("transfer", params).await.expect("it is asked for");
    let incoming = bob.event("incoming", PATIENCE).await.expect("a call");
    assert_eq!((&incoming["from"], &incoming["transferredBy"]), (&json!("9100"), &json!("alice")));
    let taken = take(&mut bob, &incoming, media(&stage, CALLER_HZ)).await;
    page.event("ended", PATIENCE).await.expect("its end");
    placed.media.close();
    assert_page_hears(&taken.media, OTHER_HZ).await;
    assert_phone_hears(&lifted, CALLER_HZ).await;
    hang_up(&mut bob, taken).await;
    lifted.ended(PATIENCE).await.expect("the phone is told");
    stage.gateway.assert_all_is_over(1);
}
