//! What a page does in a call: holds, restarts ICE, presses keys, trickles.

use serde_json::json;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Direction, JsonPage, PageMedia, WebrtcConfig};

use super::page::{
    OTHER_HZ, Placed, answer, assert_page_hears, assert_phone_hears, assert_phone_hears_no, assert_talk,
    begin_call, call, change, connect, connected, hang_up, media, pages, stage, stage_of,
};
use crate::agents::stage::{CALLER_HZ, Stage, lift, phone};
use crate::support::gateway::PATIENCE;

/// Alice's page and the carrier's phone talk.
async fn talk(stage: &Stage) -> (JsonPage, Placed, Call) {
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (page, _, placed, lifted) = begin_call(stage, &carrier).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    (page, placed, lifted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_holds_a_call_and_takes_it_back() {
    let stage = stage();
    let (mut page, placed, lifted) = talk(&stage).await;
    change(&mut page, &placed, "hold", Direction::Inactive).await.expect("it is held");
    assert_phone_hears_no(&lifted, CALLER_HZ).await;
    change(&mut page, &placed, "resumeMedia", Direction::SendRecv).await.expect("it goes on");
    assert_phone_hears(&lifted, CALLER_HZ).await;
    assert_page_hears(&placed.media, OTHER_HZ).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_that_the_other_end_holds_it_and_what_is_measured() {
    let stage = stage();
    let (mut page, placed, lifted) = talk(&stage).await;
    lifted.hold().await.expect("it is held");
    assert_eq!(page.event("held", PATIENCE).await.expect("news")["callId"], placed.call_id.as_str());
    lifted.resume().await.expect("it goes on");
    page.event("resumed", PATIENCE).await.expect("news");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    let named = json!({ "callId": placed.call_id });
    let figures = page.request("statistics", named).await.expect("figures");
    assert_eq!((&figures["codecSent"], &figures["lost"]), (&json!("opus"), &json!(0)), "{figures}");
    assert!(figures["packetsReceived"].as_u64().is_some_and(|count| count > 50), "{figures}");
    // Live scores need a report of the page, which comes every five seconds.
    let quality = loop {
        let quality = page.event("quality", PATIENCE).await.expect("every five seconds");
        assert_eq!((&quality["callId"], &quality["lost"]), (&json!(placed.call_id), &json!(0)), "{quality}");
        if quality["mosSent"].is_f64() && quality["roundTripMs"].is_f64() {
            break quality;
        }
    };
    let named = json!({ "callId": placed.call_id });
    let figures = page.request("statistics", named).await.expect("figures");
    for told in [&quality, &figures] {
        for (name, range) in [
            // The best that the model knows of narrow band is 4.41, and of Opus 4.5.
            ("mosReceived", 3.9..4.51),
            ("mosSent", 3.9..4.51),
            ("jitterMs", 0.0..30.0),
            ("roundTripMs", 0.0..50.0),
            ("speechDbm0", -11.0..-9.0),
        ] {
            assert!(told[name].as_f64().is_some_and(|figure| range.contains(&figure)), "{name} of {told}");
        }
    }
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

/// Both pages are told, either of which may be able to mend it.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_heard_is_told_and_so_is_who_does_not_hear() {
    let stage = stage();
    let (mut alice, mut bob) =
        (connect(&stage.gateway, "alice").await.0, connect(&stage.gateway, "bob").await.0);
    let placed = call(&mut alice, media(&stage, CALLER_HZ), "bob").await;
    let silent = PageMedia::open(&WebrtcConfig {
        media_address: Some(stage.gateway.sip().ip()),
        voice: None,
        ..stage.alice()
    });
    let taken = answer(&mut bob, silent.expect("a port")).await;
    connected(&mut alice, &placed).await;
    assert_page_hears(&taken.media, CALLER_HZ).await;
    for (page, call_id, is_self_unheard) in
        [(&mut alice, &placed.call_id, false), (&mut bob, &taken.call_id, true)]
    {
        let told = page.event("oneWay", PATIENCE).await.expect("it is certain after ten seconds");
        assert_eq!((&told["callId"], &told["isSelfUnheard"]), (&json!(call_id), &json!(is_self_unheard)));
    }
    hang_up(&mut alice, placed).await;
    stage.gateway.assert_all_is_over(1);
}

/// Phones are told by a re-offer there, which a page would take for a wish to restart ICE.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_of_a_hold_once_and_in_words_where_phones_are_told_by_an_offer() {
    let stage = stage_of(pages("").media("tell_hold = true"));
    let (mut page, placed, lifted) = talk(&stage).await;
    lifted.hold().await.expect("it is held");
    assert_eq!(page.event("held", PATIENCE).await.expect("news")["callId"], placed.call_id.as_str());
    lifted.resume().await.expect("it goes on");
    page.event("resumed", PATIENCE).await.expect("news");
    assert_page_hears(&placed.media, OTHER_HZ).await;
    // The page holds, and the phone is told.
    change(&mut page, &placed, "hold", Direction::Inactive).await.expect("it is held");
    let is_told = async {
        while lifted.direction().await != Some(Direction::RecvOnly) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, is_told).await.expect("the phone is told");
    change(&mut page, &placed, "resumeMedia", Direction::SendRecv).await.expect("it goes on");
    assert_phone_hears(&lifted, CALLER_HZ).await;
    let told = page.unasked();
    let count = |event: &str| told.iter().filter(|told| told.contains(event)).count();
    assert_eq!([count("held"), count("restartNeeded")], [0, 0], "{told:?}");
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_muted_is_not_heard_and_hears() {
    let stage = stage();
    let (mut page, placed, lifted) = talk(&stage).await;
    for muted in [true, false] {
        let params = json!({ "callId": placed.call_id, "muted": muted });
        page.request("mute", params).await.expect("the call is up");
        match muted {
            true => assert_phone_hears_no(&lifted, CALLER_HZ).await,
            false => assert_phone_hears(&lifted, CALLER_HZ).await,
        }
        assert_page_hears(&placed.media, OTHER_HZ).await;
    }
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

/// Its connection is there, so that it can be asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_which_nothing_is_heard_is_asked_to_restart_ice_and_may_join_its_call_anew() {
    let stage = stage();
    let (mut page, mut placed, lifted) = talk(&stage).await;
    std::mem::replace(&mut placed.media, media(&stage, CALLER_HZ)).vanish();
    let asked = page.event("restartNeeded", PATIENCE).await.expect("nothing is heard of it");
    assert_eq!(asked["callId"], placed.call_id.as_str());
    let sdp = placed.media.offer(Direction::SendRecv).await.expect("an offer");
    let params = json!({ "callId": placed.call_id, "sdp": sdp });
    let joined = page.request("rejoin", params).await.expect("it is its own");
    placed.media.accept(joined["sdp"].as_str().expect("an answer")).await.expect("a codec in common");
    placed.media.ready(PATIENCE).await.expect("a path");
    assert_talk(&placed, &lifted).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_both_ways() {
    let stage = stage();
    let (mut page, placed, lifted) = talk(&stage).await;
    let pressed = json!({ "callId": placed.call_id, "digits": "12#", "durationMs": 100 });
    page.request("sendDtmf", pressed).await.expect("keys");
    lifted.heard_digits(3, PATIENCE).await.expect("three keys");
    assert_eq!(lifted.heard().await.expect("a log").digits_text(), "12#");
    lifted.send_digits("47").await.expect("keys");
    for key in ["4", "7"] {
        assert_eq!(page.event("dtmf", PATIENCE).await.expect("a key")["digit"], key);
    }
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_restarts_ice_and_the_call_goes_on() {
    let stage = stage();
    let (mut page, placed, lifted) = talk(&stage).await;
    placed.media.restart_ice().await.expect("it has ICE");
    change(&mut page, &placed, "update", Direction::SendRecv).await.expect("an answer");
    placed.media.ready(PATIENCE).await.expect("a path");
    assert_talk(&placed, &lifted).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_only_answers_checks_is_found_by_the_candidate_that_it_tells() {
    let stage = stage();
    let carrier = phone(stage.callee(CodecId::Pcmu)).await;
    let (mut page, _) = connect(&stage.gateway, "alice").await;
    let own = WebrtcConfig { is_lite: true, trickles: true, ..stage.alice() };
    let placed = call(&mut page, PageMedia::open(&own).expect("a port"), "9100").await;
    let lifted = lift(&carrier).await;
    let told = page.event("connected", PATIENCE).await.expect("an answer");
    placed.media.accept(told["sdp"].as_str().expect("an answer")).await.expect("a codec in common");
    let fragment = placed.media.fragment().await.expect("it lives").expect("it has ICE");
    let wrong = fragment.replace("a=ice-pwd:", "a=ice-pwd:x");
    let refused = page.request("candidate", json!({ "callId": placed.call_id, "fragment": wrong })).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("ice-ufrag or ice-pwd")));
    page.request("candidate", json!({ "callId": placed.call_id, "fragment": fragment }))
        .await
        .expect("it is taken");
    placed.media.ready(PATIENCE).await.expect("a path");
    assert_talk(&placed, &lifted).await;
    hang_up(&mut page, placed).await;
    stage.gateway.assert_all_is_over(1);
}
