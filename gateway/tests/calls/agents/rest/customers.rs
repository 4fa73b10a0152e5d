//! Two customers' back ends against each other: whose a call is, who may know of it, and who may end it and remove what was
//! recorded of it.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use webtrunk_codecs::CodecId;
use webtrunk_loadtest::agent::{Call, Credentials, Voice, WebrtcCaller, WebrtcConfig};

use super::back_end::BackEnd;
use super::event_stream::EventStream;
use crate::agents::ear::assert_hears;
use crate::agents::stage::{CALLEE_HZ, CALLER_HZ, LEVEL_DBM0, Stage, lift_webrtc, phone, webrtc};
use crate::support::gateway::{GatewayConfig, PATIENCE, password};
use crate::support::process::wait_until;

const ALL: &str = "\"calls:read\", \"calls:write\", \"recordings:read\", \"recordings:delete\", \"registrations:read\", \"events\"";

/// Acme, whose number 4711 is and who has alice, and beta, who has bob; 700 rings at both. All calls that come in are recorded.
struct Scene {
    stage: Stage,
    folder: TempDir,
    acme: BackEnd,
    beta: BackEnd,
    alice: WebrtcCaller,
    bob: WebrtcCaller,
}

impl Scene {
    async fn set() -> Self {
        let folder = TempDir::new().expect("a folder");
        let (acme, beta) = (BackEnd::new("acme-crm"), BackEnd::new("beta-crm"));
        let sections = format!(
            "[rest]\n{}{}[[customers]]\nname = 'acme'\nnumbers = ['+4711']\n[[customers]]\nname = 'beta'\n",
            acme.entry(ALL, "customer = 'acme'"),
            beta.entry(ALL, "customer = 'beta'"),
        );
        let record = "{ record = { format = 'wav' } }";
        let config = GatewayConfig::default()
            .user("acme+alice")
            .user("beta+bob")
            .group("acme+alice", "both")
            .group("beta+bob", "both")
            .recording(folder.path())
            .sections(&sections)
            .rule(&format!(
                "destination = '4711'\nfrom_trunk = 'office'\nactions = [{record}, {{ bridge = {{ user = 'acme+alice' }} }}]"
            ))
            .rule(&format!(
                "destination = '700'\nfrom_trunk = 'office'\nactions = [{record}, {{ bridge = {{ group = 'both' }} }}]"
            ))
            .rule(&format!(
                "destination = 'recorded'\nactions = [{record}, {{ bridge = {{ user = 'beta+bob' }} }}]"
            ))
            .rule("destination = 'bob'\nactions = [{ bridge = { user = 'beta+bob' } }]");
        let stage = Stage::with(&["PCMU"], config);
        let user = |name: &str| WebrtcConfig {
            credentials: Credentials::new(name, &password(name)),
            voice: Some(Voice::tone(CALLEE_HZ, LEVEL_DBM0)),
            ..stage.alice()
        };
        let (alice, bob) = (webrtc(user("acme+alice")).await, webrtc(user("beta+bob")).await);
        for user in [&alice, &bob] {
            user.register().await.expect("the password is right");
        }
        Self { stage, folder, acme, beta, alice, bob }
    }

    fn ask(&self, who: &BackEnd, method: &str, path: &str) -> (u16, Value) {
        who.ask(&self.stage.gateway, method, path, None)
    }

    /// The name of the one call that a back end has.
    fn only_call(&self, who: &BackEnd, state: &str) -> String {
        let (status, told) = self.ask(who, "GET", &format!("/calls?state={state}"));
        assert_eq!((status, told["items"].as_array().map(Vec::len)), (200, Some(1)), "{told}");
        told["items"][0]["id"].as_str().expect("a name").to_owned()
    }

    /// Fails unless a back end knows nothing of a call and of what was recorded of it.
    fn assert_unknown(&self, who: &BackEnd, call: &str, recording: Option<&str>) {
        let of_recording = recording.map(|name| format!("/recordings/{name}"));
        for path in [format!("/calls/{call}")].iter().chain(&of_recording) {
            for method in ["GET", "DELETE"] {
                let (status, told) = self.ask(who, method, path);
                assert_eq!(
                    (status, &told["type"]),
                    (404, &"urn:webtrunk:problem:not-found".into()),
                    "{method} {path}: {told}"
                );
            }
        }
        for path in ["/calls", "/calls?state=running", "/calls?state=ended", "/recordings"] {
            assert_eq!(self.ask(who, "GET", path), (200, json!({"items": []})), "{path}");
        }
    }

    /// The one recording that there is, once its call is over.
    fn recording(&self, who: &BackEnd) -> String {
        let name = || self.ask(who, "GET", "/recordings").1["items"][0]["name"].as_str().map(str::to_owned);
        assert!(wait_until(PATIENCE, || name().is_some()));
        name().expect("it is there")
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).expect("our folder").count()
    }
}

async fn assert_talk(call: &Call, taken: &Call) {
    assert_hears(call, CALLEE_HZ).await;
    assert_hears(taken, CALLER_HZ).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_of_whose_user_answered_and_of_nobody_at_whose_phone_it_only_rang() {
    let scene = Scene::set().await;
    let Scene { stage, acme, beta, .. } = &scene;
    let gateway = &stage.gateway;
    let (by_acme, by_beta) =
        (EventStream::open(acme, gateway, "", None), EventStream::open(beta, gateway, "", None));
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    let dialling = caller.dial("700").await.expect("a number");
    let rung = async |user: &WebrtcCaller| {
        tokio::time::timeout(PATIENCE, user.next_incoming()).await.expect("in time").expect("a call")
    };
    let (at_alice, at_bob) = (rung(&scene.alice).await, rung(&scene.bob).await);
    at_alice.ring();
    at_bob.ring();
    for who in [acme, beta] {
        scene.assert_unknown(who, "none", None);
    }
    let taken = at_bob.answer().await.expect("a codec in common");
    let call = dialling.answered(PATIENCE).await.expect("an answer");
    let answered = by_beta.next("call.answered");
    assert_talk(&call, &taken).await;
    let id = scene.only_call(beta, "running");
    assert_eq!(answered.data["call"]["id"], id.as_str());
    scene.assert_unknown(acme, &id, None);

    // Acme's key ends nothing of beta's, and beta's does.
    assert_talk(&call, &taken).await;
    assert_eq!(scene.ask(beta, "DELETE", &format!("/calls/{id}")).0, 202);
    call.ended(PATIENCE).await.expect("it is hung up");
    taken.ended(PATIENCE).await.expect("it is hung up");
    by_beta.next("call.ended");
    by_beta.next("recording.ready");
    let recording = scene.recording(beta);
    scene.assert_unknown(acme, &id, Some(&recording));
    assert_eq!(scene.files(), 1, "acme's key removes nothing of beta's");
    assert_eq!(beta.fetch(gateway, &format!("/recordings/{recording}"), &[]).0, 200);
    assert_eq!(scene.ask(beta, "DELETE", &format!("/recordings/{recording}")).0, 204);
    assert_eq!(scene.files(), 0);
    by_acme.assert_silent(Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_anothers_call_over_knows_its_own_part_and_neither_ends_it_nor_has_its_recording() {
    let scene = Scene::set().await;
    let Scene { stage, acme, beta, .. } = &scene;
    let gateway = &stage.gateway;
    let (by_acme, by_beta) =
        (EventStream::open(acme, gateway, "", None), EventStream::open(beta, gateway, "", None));
    let caller = phone(stage.caller(CodecId::Pcmu)).await;
    // Its number is acme's, whoever answers: it is told of it from the begin.
    let (call, at_alice) = tokio::join!(caller.call("4711"), lift_webrtc(&scene.alice));
    let call = call.expect("an answer");
    for kind in ["call.started", "call.ringing", "call.answered"] {
        by_acme.next(kind);
    }
    assert_talk(&call, &at_alice).await;
    let id = scene.only_call(acme, "running");
    scene.assert_unknown(beta, &id, None);
    at_alice.transfer("bob").await.expect("it is taken");
    let at_bob = lift_webrtc(&scene.bob).await;
    at_alice.ended(PATIENCE).await.expect("bob is there now");
    assert_hears(&at_bob, CALLER_HZ).await;

    let whole = acme.read(gateway, &id);
    assert_eq!(whole["legs"].as_array().map(Vec::len), Some(3), "{whole}");
    let part = beta.read(gateway, &id);
    assert_eq!(part["legs"].as_array().map(Vec::len), Some(1), "{part}");
    assert_eq!(part["legs"][0]["party"]["user"], "beta+bob", "{part}");
    assert_eq!(
        (&part["origin"], &part["recordings"], &part["state"]),
        (&json!({}), &json!([]), &json!("talking"))
    );
    assert_eq!(scene.only_call(beta, "running"), id);
    let (status, told) = scene.ask(beta, "DELETE", &format!("/calls/{id}"));
    assert_eq!((status, &told["type"]), (403, &"urn:webtrunk:problem:not-own".into()), "{told}");
    assert_hears(&at_bob, CALLER_HZ).await;
    assert_eq!(acme.read(gateway, &id)["state"], "talking");

    assert_eq!(scene.ask(acme, "DELETE", &format!("/calls/{id}")).0, 202);
    for end in [&call, &at_bob] {
        end.ended(PATIENCE).await.expect("it is hung up");
    }
    let over = by_beta.next("call.ended");
    assert_eq!(over.data["call"]["legs"].as_array().map(Vec::len), Some(1), "{over:?}");
    by_beta.assert_silent(Duration::from_millis(300));
    let recording = scene.recording(acme);
    let one = format!("/recordings/{recording}");
    assert_eq!(scene.ask(beta, "GET", "/recordings").1, json!({"items": []}));
    for method in ["GET", "DELETE"] {
        assert_eq!(scene.ask(beta, method, &one).0, 404, "{method}");
    }
    assert_eq!(scene.only_call(beta, "ended"), id);
    // Whose the number is from now on has nothing of calls that are over.
    gateway.reload(|text| {
        let numbers = "numbers = ['+4711']\n";
        text.replace(numbers, "").replace("name = 'beta'\n", &format!("name = 'beta'\n{numbers}"))
    });
    assert_eq!(beta.read(gateway, &id)["legs"].as_array().map(Vec::len), Some(1));
    assert_eq!(acme.read(gateway, &id)["legs"].as_array().map(Vec::len), Some(3));
    assert_eq!(scene.ask(beta, "DELETE", &one).0, 404);
    assert_eq!(scene.files(), 1);
    assert_eq!(scene.ask(acme, "DELETE", &one).0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_two_customers_call_is_removed_by_neither_and_their_names_of_requests_are_their_own() {
    let scene = Scene::set().await;
    let Scene { stage, acme, beta, .. } = &scene;
    let gateway = &stage.gateway;
    let (call, at_bob) = tokio::join!(scene.alice.call("recorded"), lift_webrtc(&scene.bob));
    let call = call.expect("an answer");
    assert_hears(&at_bob, CALLEE_HZ).await;
    let id = scene.only_call(acme, "running");
    // Who was called answered, and knows, hears and ends it as well as who called.
    assert_eq!(scene.only_call(beta, "running"), id);
    assert_eq!(scene.ask(beta, "DELETE", &format!("/calls/{id}")).0, 202);
    for end in [&call, &at_bob] {
        end.ended(PATIENCE).await.expect("it is hung up");
    }
    let recording = format!("/recordings/{}", scene.recording(acme));
    for who in [acme, beta] {
        assert_eq!(who.fetch(gateway, &recording, &[]).0, 200);
        let (status, told) = scene.ask(who, "DELETE", &recording);
        assert_eq!((status, &told["type"]), (403, &"urn:webtrunk:problem:not-own".into()), "{told}");
    }
    assert_eq!(scene.files(), 1);

    // Both name their requests alike, and neither is answered with the other's.
    let named = [("Idempotency-Key", "once")];
    let mut made = Vec::new();
    for (who, user, to) in [(acme, "alice", "9100"), (beta, "bob", "9101")] {
        let asked = json!({"user": user, "to": to});
        let (status, told) = who.ask_with(gateway, "POST", "/calls", Some(&asked), &named);
        assert_eq!(status, 201, "{told}");
        assert_eq!(who.ask_with(gateway, "POST", "/calls", Some(&asked), &named), (201, told.clone()));
        made.push(told["id"].as_str().expect("a name").to_owned());
    }
    assert_ne!(made[0], made[1]);
    for (who, own, other) in [(acme, &made[0], &made[1]), (beta, &made[1], &made[0])] {
        assert_eq!(who.ask(gateway, "GET", &format!("/calls/{own}"), None).0, 200);
        assert_eq!(who.ask(gateway, "DELETE", &format!("/calls/{other}"), None).0, 404);
        assert_eq!(who.ask(gateway, "DELETE", &format!("/calls/{own}"), None).0, 202);
        who.read_over(gateway, own);
        // By the rights of another's user nobody calls.
        for user in ["acme+alice", "beta+bob"] {
            let (status, told) =
                who.ask(gateway, "POST", "/calls", Some(&json!({"user": user, "to": "9100"})));
            let is_own = user.starts_with(if std::ptr::eq(who, acme) { "acme" } else { "beta" });
            assert_eq!(status, if is_own { 201 } else { 400 }, "{told}");
        }
    }
}
