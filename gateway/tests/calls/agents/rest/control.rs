//! What a back end wants of the parties of a call that goes on: heard by both ends.

use serde_json::{Value, json};
use webtrunk_codecs::tone::goertzel_dbm0;
use webtrunk_codecs::{CodecId, SampleRate};
use webtrunk_loadtest::agent::{Call, Voice, WebrtcConfig};

use super::back_end::BackEnd;
use super::event_stream::EventStream;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{
    CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift_webrtc, phone, talk_from_webrtc, webrtc,
};
use crate::support::gateway::{GatewayConfig, PATIENCE};
use crate::support::process::wait_until;

/// What bob says.
const BOB_HZ: u16 = 600;

/// The level of a tone in the last half second of what is heard after this.
async fn level_now(call: &Call, hz: u16) -> f64 {
    let before = call.heard().await.expect("a log").samples(SampleRate::HZ_8000).len() / 160;
    call.heard_packets(before + 100, PATIENCE).await.expect("audio");
    let heard = call.heard().await.expect("a log").samples(SampleRate::HZ_8000);
    goertzel_dbm0(&heard[heard.len() - 4000..], SampleRate::HZ_8000, hz.into())
}

pub(super) async fn assert_hears_now(call: &Call, hz: u16) {
    let level = level_now(call, hz).await;
    assert!((level - LEVEL_DBM0).abs() <= 1.0, "{hz} Hz with {level:.2} dBm0");
}

async fn assert_hears_no_more(call: &Call, hz: u16) {
    let level = level_now(call, hz).await;
    assert!(level < -45.0, "{hz} Hz with {level:.2} dBm0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_mutes_holds_and_transfers_a_party_and_both_ends_hear_it() {
    let (own, acme) = (BackEnd::new("own"), BackEnd::new("acme-crm"));
    let scopes = "\"calls:read\", \"calls:write\", \"events\"";
    let entries =
        own.entry(scopes, "") + &acme.entry(scopes, "customer = 'acme'") + "[[customers]]\nname = 'acme'\n";
    let bob = "destination = 'bob'\nactions = [{ bridge = { user = 'bob' } }]";
    let config = GatewayConfig::default().user("bob").rule(bob).sections(&format!("[rest]\n{entries}"));
    let stage = Stage::with(&["PCMU"], config);
    let gateway = &stage.gateway;
    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    let voice = Some(Voice::tone(BOB_HZ, LEVEL_DBM0));
    let bob = webrtc(WebrtcConfig { voice, ..stage.bob() }).await;
    bob.register().await.expect("the password is right");
    let heard = EventStream::open(&own, gateway, "?types=call.held,call.resumed", None);
    let (call, lifted) = talk_from_webrtc(&alice, &callee).await;
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    let (_, told) = own.ask(gateway, "GET", "/calls?state=running", None);
    let (id, leg) =
        (told["items"][0]["id"].as_str().expect("a name").to_owned(), &told["items"][0]["legs"][0]["id"]);
    let wants =
        |what: &str, body: &Value| own.ask(gateway, "POST", &format!("/calls/{id}/{what}"), Some(body));
    let of_alice = json!({ "leg": leg });

    assert_eq!(wants("mute", &of_alice).0, 202);
    assert_hears_no_more(&lifted, CALLER_HZ).await;
    assert_hears_now(&call, CALLEE_HZ).await;
    assert_eq!(wants("unmute", &of_alice).0, 202);
    assert_hears_now(&lifted, CALLER_HZ).await;

    assert_eq!(wants("hold", &of_alice).0, 202);
    assert_eq!(heard.next("call.held").data["call"]["legs"][0]["state"], "on_hold");
    assert_hears_no_more(&lifted, CALLER_HZ).await;
    assert_hears_no_more(&call, CALLEE_HZ).await;
    assert_eq!(own.read(gateway, &id)["state"], "on_hold");
    assert_eq!(wants("resume", &of_alice).0, 202);
    heard.next("call.resumed");
    assert_hears_now(&lifted, CALLER_HZ).await;
    assert_hears_now(&call, CALLEE_HZ).await;

    // What cannot be done is told, and the call goes on.
    assert_eq!(wants("mute", &json!({})).0, 400, "both talk");
    assert_eq!(wants("mute", &json!({"leg": "leg-999999"})).0, 404);
    assert_eq!(wants("transfer", &json!({"leg": leg, "to": "a b"})).0, 400);
    assert_eq!(acme.ask(gateway, "POST", &format!("/calls/{id}/mute"), Some(&of_alice)).0, 404);
    assert_eq!(wants("transfer", &json!({"leg": leg, "to": "nobody"})).0, 202);
    let transfer = || own.read(gateway, &id)["legs"][0]["transfer"].clone();
    let failed = json!({"state": "failed", "cause": "not_found"});
    assert!(wait_until(PATIENCE, || transfer() == failed), "{}", transfer());
    assert_hears_now(&call, CALLEE_HZ).await;

    assert_eq!(wants("transfer", &json!({"leg": leg, "to": "bob"})).0, 202);
    let taken = lift_webrtc(&bob).await;
    call.ended(PATIENCE).await.expect("bob is there now");
    assert_hears_now(&taken, CALLEE_HZ).await;
    assert_hears_now(&lifted, BOB_HZ).await;
    assert_eq!(transfer(), json!({"state": "done"}));
    taken.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("hung up");
    assert_eq!(wants("mute", &json!({})).0, 409, "nobody talks any more");
    gateway.assert_all_is_over(1);
}
