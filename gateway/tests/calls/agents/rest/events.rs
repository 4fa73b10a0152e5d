//! What back ends hear while people call.

use std::time::Duration;

use serde_json::json;
use webtrunk_codecs::CodecId;

use super::back_end::BackEnd;
use super::event_stream::EventStream;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, Stage, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_hears_of_a_call_as_it_goes_on_and_of_what_it_missed_and_another_customers_of_nothing() {
    let (own, acme) = (BackEnd::new("own"), BackEnd::new("acme-crm"));
    let entries = own.entry("\"events\", \"calls:read\"", "")
        + &acme.entry("\"events\"", "customer = 'acme'")
        + "[[customers]]\nname = 'acme'\n";
    let stage = Stage::with(&["PCMU"], GatewayConfig::default().sections(&format!("[rest]\n{entries}")));
    let gateway = &stage.gateway;
    let heard = EventStream::open(&own, gateway, "", None);
    let answers_alone = EventStream::open(&own, gateway, "?types=call.answered", None);
    let by_acme = EventStream::open(&acme, gateway, "", None);

    let (alice, callee) = (webrtc(stage.alice()).await, phone(stage.callee(CodecId::Pcmu)).await);
    alice.register().await.expect("the password is right");
    let registered = heard.next("registration.changed");
    assert_eq!((&registered.data["user"], &registered.data["contacts"]), (&json!("alice"), &json!(1)));

    let dialling = alice.dial("9100").await.expect("a number");
    let ringing =
        tokio::time::timeout(PATIENCE, callee.next_incoming()).await.expect("in time").expect("a call");
    let started = heard.next("call.started");
    let id = started.data["call"]["id"].as_str().expect("a name").to_owned();
    assert_eq!(started.data["call"]["origin"], json!({"user": "alice"}), "{started:?}");
    ringing.ring();
    assert_eq!(heard.next("call.ringing").data["call"]["state"], "ringing");
    let lifted = ringing.answer().await.expect("a codec in common");
    let call = dialling.answered(PATIENCE).await.expect("an answer");
    let answered = heard.next("call.answered");
    assert_eq!(
        (&answered.data["call"]["id"], &answered.data["call"]["state"]),
        (&json!(id), &json!("talking"))
    );
    assert_hears(&call, CALLEE_HZ).await;
    assert_hears(&lifted, CALLER_HZ).await;
    lifted.hold().await.expect("taken");
    assert_eq!(heard.next("call.held").data["call"]["state"], "on_hold");
    lifted.resume().await.expect("taken");
    assert_eq!(heard.next("call.resumed").data["call"]["state"], "talking");
    call.hang_up().await.expect("confirmed");
    lifted.ended(PATIENCE).await.expect("it is hung up");
    let ended = heard.next("call.ended");
    let told = &ended.data["call"];
    assert_eq!((&told["end"]["cause"], &told["end"]["by"]), (&json!("hangup"), &json!("caller")), "{told}");
    assert!(told["talked_ms"].as_u64() > Some(1000), "{told}");
    // What is told is what is found then.
    assert_eq!(own.read(gateway, &id)["state"], "ended");

    // A stream that breaks is taken up again behind what it had.
    drop(heard);
    let again = EventStream::open(&own, gateway, "", Some(&answered.id));
    for kind in ["call.held", "call.resumed", "call.ended"] {
        again.next(kind);
    }
    // A process before had other numbers: it is told so, and then all that is known.
    let lost = EventStream::open(&own, gateway, "", Some("00000000-7"));
    lost.next("missed");
    assert_eq!(lost.next("registration.changed").id, registered.id);

    answers_alone.next("call.answered");
    for nothing_more in [&answers_alone, &by_acme, &again] {
        nothing_more.assert_silent(Duration::from_millis(300));
    }
}
