//! Whom back ends add, disable and remove while calls go on: in force at once, and heard by nobody else.

use std::thread;

use serde_json::{Value, json};
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, JsonPage, PageError, Phone, Trust, WebrtcCaller};

use super::back_end::BackEnd;
use super::control::assert_hears_now;
use super::event_stream::EventStream;
use super::people::Scene;
use crate::agents::json::page::{address, assert_page_hears, call, connected, media};
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, lift, phone, talk_from_webrtc};
use crate::support::gateway::PATIENCE;
use crate::support::process::wait_until;

const PASSWORD: &str = "wonderland";

impl Scene {
    fn change(&self, who: &BackEnd, method: &str, path: &str, body: &Value) {
        let (status, told) = self.ask(who, method, path, body);
        assert!((200..300).contains(&status), "{method} {path} {body}: {status} {told}");
    }

    /// Adds a user while whoever else talks.
    fn add(&self, who: &BackEnd, name: &str) {
        self.change(who, "POST", "/users", &json!({"name": name, "password": PASSWORD}));
    }

    fn waits_for_registered(&self, count: usize) {
        let gateway = &self.stage.gateway;
        assert!(
            wait_until(PATIENCE, || gateway.status()["registered_users"] == count),
            "{}",
            gateway.status()
        );
    }

    async fn page(&self, user: &str) -> Result<JsonPage, PageError> {
        let mut page = JsonPage::open(&address(&self.stage.gateway), &Trust::default(), None).await?;
        let proof = json!({"proof": {"kind": "password", "user": user, "password": PASSWORD}});
        page.request("connect", proof).await.map(|_| page)
    }

    /// A user by SIP in a call with the phone; gives both ends.
    async fn talk(&self, user: &str, callee: &Phone) -> (WebrtcCaller, [Call; 2]) {
        let caller = self.user(user, PASSWORD).await.expect("the password is right");
        let (call, lifted) = talk_from_webrtc(&caller, callee).await;
        (caller, [call, lifted])
    }
}

/// Both hear each other from now on.
async fn assert_talk([call, lifted]: &[Call; 2]) {
    assert_hears_now(call, CALLEE_HZ).await;
    assert_hears_now(lifted, CALLER_HZ).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_or_disabled_by_a_back_end_ends_at_once_and_calls_of_others_do_not_hear_it() {
    let scene = Scene::set();
    let Scene { stage, own, acme, beta, .. } = &scene;
    let gateway = &stage.gateway;
    scene.change(own, "PATCH", "/customers/acme", &json!({"calls_max": 3}));
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    scene.add(acme, "alice");
    let (alice, of_alice) = scene.talk("acme+alice", &callee).await;
    assert_talk(&of_alice).await;

    // Who is added while she talks calls at once, by SIP and as a page.
    scene.add(beta, "bob");
    let (_bob, of_bob) = scene.talk("beta+bob", &callee).await;
    scene.add(acme, "carol");
    let mut carol = scene.page("acme+carol").await.expect("she is there");
    let placed = call(&mut carol, media(stage, CALLER_HZ), "9100").await;
    let lifted = lift(&callee).await;
    connected(&mut carol, &placed).await;
    assert_page_hears(&placed.media, CALLEE_HZ).await;
    assert_hears_now(&lifted, CALLER_HZ).await;
    for both in [&of_alice, &of_bob] {
        assert_talk(both).await;
    }

    // A page ends with its calls, and does not come back.
    scene.change(acme, "PATCH", "/users/carol", &json!({"enabled": false}));
    let ended = carol.event("ended", PATIENCE).await.expect("its end");
    assert_eq!((&ended["callId"], &ended["cause"]), (&json!(placed.call_id), &json!("forbidden")));
    assert_eq!(carol.closed(PATIENCE).await.expect("it is closed"), Some(1008));
    lifted.ended(PATIENCE).await.expect("its end");
    assert!(matches!(scene.page("acme+carol").await, Err(PageError::Refused { .. })), "she is disabled");
    for both in [&of_alice, &of_bob] {
        assert_talk(both).await;
    }

    // A phone is called no more and calls no more, and its call goes on.
    scene.waits_for_registered(2);
    scene.change(acme, "DELETE", "/users/alice", &Value::Null);
    scene.waits_for_registered(1);
    assert!(alice.dial("9100").await.expect("a number").answered(PATIENCE).await.is_err(), "she is nobody's");
    assert_talk(&of_alice).await;

    // A customer takes its users, its key and its streams along, and nobody else's.
    let (by_acme, by_beta) =
        (EventStream::open(acme, gateway, "", None), EventStream::open(beta, gateway, "", None));
    scene.change(acme, "PATCH", "/users/carol", &json!({"enabled": true}));
    let mut carol = scene.page("acme+carol").await.expect("she is enabled");
    scene.change(own, "DELETE", "/customers/acme", &Value::Null);
    assert_eq!(carol.closed(PATIENCE).await.expect("it is closed"), Some(1008));
    assert_eq!(scene.get(acme, "/users").0, 401);
    by_acme.assert_ends();
    for both in [&of_alice, &of_bob] {
        assert_talk(both).await;
    }
    scene.change(own, "PATCH", "/customers/beta", &json!({"enabled": false}));
    scene.waits_for_registered(0);
    assert_eq!(scene.get(beta, "/users").0, 401);
    assert_talk(&of_bob).await;
    scene.change(own, "PATCH", "/customers/beta", &json!({"enabled": true}));
    assert_eq!(scene.get(beta, "/users").0, 200);
    scene.user("beta+bob", PASSWORD).await.expect("he is there again");
    drop(by_beta);
    for [call, lifted] in [of_alice, of_bob] {
        call.hang_up().await.expect("confirmed");
        lifted.ended(PATIENCE).await.expect("it is hung up");
    }
    gateway.assert_all_is_over(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_changes_much_at_one_time_waits_while_the_operator_changes_and_a_call_goes_on() {
    let scene = Scene::set();
    let Scene { stage, own, acme, .. } = &scene;
    let callee = phone(stage.callee(CodecId::Pcmu)).await;
    scene.add(acme, "alice");
    let (_alice, both) = scene.talk("acme+alice", &callee).await;
    let add = |who: &BackEnd, name: String| {
        scene.ask(who, "POST", "/users", &json!({"name": name, "password": PASSWORD}))
    };
    let (answers, of_operator) = thread::scope(|scope| {
        let asking: Vec<_> = (0..40).map(|n| scope.spawn(move || add(acme, format!("u{n}")))).collect();
        let of_operator: Vec<_> = (0..3).map(|n| add(own, format!("beta+u{n}")).0).collect();
        (
            asking.into_iter().map(|asked| asked.join().expect("it is answered")).collect::<Vec<_>>(),
            of_operator,
        )
    });
    assert_eq!(of_operator, [201; 3]);
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 201);
    assert!(made.len() >= 4 && !refused.is_empty(), "{answers:?}");
    for (status, told) in &refused {
        assert_eq!(
            (*status, &told["type"]),
            (429, &json!("urn:webtrunk:problem:too-many-requests")),
            "{told}"
        );
    }
    // Who waits has its turn, and those that were told so are there.
    assert_eq!(add(acme, "later".to_owned()).0, 201);
    let (_, told) = scene.get(acme, "/users?limit=200");
    assert_eq!(told["items"].as_array().map(Vec::len), Some(made.len() + 2), "{told}");
    assert_talk(&both).await;
}
