//! A customer's policy in the store: changed by the operator's back end, and in force at once.

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{AgentError, Phone};

use super::people::Scene;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, phone, talk_from_webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::process::wait_until;

/// Fails unless a change of acme's policy is refused, and told so.
fn assert_faulty(scene: &Scene, policy: &Value, words: &str) {
    let (status, told) = scene.ask(&scene.own, "PATCH", "/customers/acme", policy);
    assert_eq!((status, &told["type"]), (422, &"urn:webtrunk:problem:faulty".into()), "{policy}: {told}");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_trunk_in_the_store_carries_its_users_calls_at_once_and_an_unknown_one_is_refused() {
    let scene = Scene::set();
    let Scene { stage, own, acme, .. } = &scene;
    let (office, carrier) =
        (phone(stage.caller(CodecId::Pcmu)).await, phone(stage.callee(CodecId::Pcmu)).await);
    let user = json!({"name": "alice", "password": "wonderland"});
    assert_eq!(scene.ask(acme, "POST", "/users", &user).0, 201);
    let alice = scene.user("acme+alice", "wonderland").await.expect("the password is right");
    let talks = async |callee: &Phone, hz: u16| {
        let (call, lifted) = talk_from_webrtc(&alice, callee).await;
        assert_hears(&call, hz).await;
        call.hang_up().await.expect("confirmed");
        lifted.ended(PATIENCE).await.expect("it is hung up");
    };
    talks(&carrier, CALLEE_HZ).await;
    let (status, told) = scene.ask(own, "PATCH", "/customers/acme", &json!({"trunks": ["office"]}));
    assert_eq!((status, &told["trunks"]), (200, &json!(["office"])), "{told}");
    talks(&office, CALLER_HZ).await;
    assert_faulty(&scene, &json!({"trunks": ["offcie"]}), "no trunk has this name; did you mean \"office\"?");
    let (status, told) = scene.ask(own, "POST", "/customers", &json!({"name": "gamma", "trunks": ["none"]}));
    assert_eq!((status, &told["type"]), (422, &"urn:webtrunk:problem:faulty".into()), "{told}");
    assert_eq!(scene.ask(own, "PATCH", "/customers/acme", &json!({"trunks": null})).0, 200);
    talks(&carrier, CALLEE_HZ).await;
    stage.gateway.assert_all_is_over(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_networks_in_the_store_hold_its_users_at_once_and_what_is_no_range_is_refused() {
    let scene = Scene::set();
    let Scene { stage, own, acme, .. } = &scene;
    let user = json!({"name": "alice", "password": "wonderland"});
    assert_eq!(scene.ask(acme, "POST", "/users", &user).0, 201);
    let alice = scene.user("acme+alice", "wonderland").await.expect("the password is right");
    assert_faulty(&scene, &json!({"networks": ["10.1.0.0/8"]}), "did you mean 10.0.0.0/8?");
    alice.register().await.expect("nothing is changed");
    let networks = json!({"networks": ["10.0.0.0/8"]});
    let (status, told) = scene.ask(own, "PATCH", "/customers/acme", &networks);
    assert_eq!((status, &told["networks"]), (200, &networks["networks"]), "{told}");
    let refused = alice.register().await.err();
    assert_eq!(refused.as_ref().and_then(AgentError::status), Some(403));
    let is_gone = || stage.gateway.status()["registered_users"] == 0;
    assert!(wait_until(PATIENCE, is_gone), "{}", stage.gateway.status());
    let networks = json!({"networks": ["10.0.0.0/8", "127.0.0.0/8"]});
    assert_eq!(scene.ask(own, "PATCH", "/customers/acme", &networks).0, 200);
    alice.register().await.expect("she is at home");
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_customers_calls_are_recorded_is_kept_by_back_ends_where_there_is_a_place_for_it() {
    let scene = Scene::set();
    assert_faulty(&scene, &json!({"recording": "always"}), "there is no folder to record to");
    assert_faulty(&scene, &json!({"recording": "sometimes"}), "sometimes");
    let (status, told) =
        scene.ask(&scene.own, "POST", "/customers", &json!({"name": "gamma", "recording": "always"}));
    assert_eq!((status, &told["type"]), (422, &"urn:webtrunk:problem:faulty".into()), "{told}");
    let never = json!({"recording": "never"});
    let (status, told) = scene.ask(&scene.own, "PATCH", "/customers/acme", &never);
    assert_eq!((status, &told["recording"]), (200, &never["recording"]), "{told}");
    assert_eq!(scene.get(&scene.own, "/customers/acme").1["recording"], "never");
    for by_rule in [json!("by_rule"), Value::Null] {
        let (status, told) =
            scene.ask(&scene.own, "PATCH", "/customers/acme", &json!({"recording": by_rule}));
        assert_eq!((status, told.get("recording")), (200, None), "{told}");
    }
}
